package cluster_test

import "testing"

// An API server that is killed returns at the same address with the same objects, for the same clients.
func TestServerReturns(t *testing.T) {
	c := startAPI(t)
	must(t, c.Client, policy("default", "shop", "{hosts: [a.example], "+granted+"}"), "create", "-f", "-")
	c.KillServer()
	mustFail(t, c.Client, "", []string{"get", "cors"}, "refused")
	if err := c.StartServer(t.Context()); err != nil {
		t.Fatal(err)
	}
	must(t, c.Client, "", "get", "cors", "shop")
}
