package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Client calls the API server as one user.
type Client struct {
	// Kubeconfig is the path of a file for kubectl and other clients.
	Kubeconfig string

	kubectl, cache string
}

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- name: test
  cluster:
    server: https://127.0.0.1:%s
    certificate-authority: %s
    tls-server-name: kubernetes # a name in the certificate that kube-apiserver writes
users:
- name: %[3]s
  user: {token: %[4]s}
contexts:
- name: test
  context: {cluster: test, user: %[3]s}
current-context: test
`

// newClient writes the kubeconfig of a user.
func (c *Cluster) newClient(user, token string) (*Client, error) {
	client := &Client{
		Kubeconfig: c.file("kubeconfig-" + user), kubectl: c.binaries.Kubectl, cache: c.file("cache-" + user),
	}
	text := fmt.Sprintf(kubeconfig, c.port, c.file("certificates/apiserver.crt"), user, token)
	return client, os.WriteFile(client.Kubeconfig, []byte(text), 0o600)
}

// ServiceAccount returns a client with a token of a ServiceAccount, which must exist.
func (c *Cluster) ServiceAccount(ctx context.Context, namespace, name string) (*Client, error) {
	token, err := c.Kubectl(ctx, "", "create", "token", name, "--namespace", namespace)
	if err != nil {
		return nil, err
	}
	return c.newClient(namespace+"."+name, strings.TrimSpace(token))
}

// Kubectl runs kubectl with that standard input. It returns what kubectl prints, also on standard error, such as
// warnings. The error has the same text.
func (c *Client) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	user := []string{"--kubeconfig", c.Kubeconfig, "--cache-dir", c.cache}
	cmd := exec.CommandContext(ctx, c.kubectl, append(user, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), err
}
