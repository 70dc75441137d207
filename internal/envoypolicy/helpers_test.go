package envoypolicy_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"go.yaml.in/yaml/v4"
)

// corsdCluster returns type and address of the first cluster.
func corsdCluster(t *testing.T, text []byte) string {
	t.Helper()
	var config struct {
		Resources struct {
			Clusters []struct {
				Type       string
				Assignment struct {
					Endpoints []struct {
						Endpoints []struct {
							Endpoint struct {
								Address map[string]any
							}
						} `yaml:"lb_endpoints"`
					}
				} `yaml:"load_assignment"`
			}
		} `yaml:"static_resources"`
	}
	if err := yaml.Load(text, &config); err != nil {
		t.Fatal(err)
	}
	c := config.Resources.Clusters[0]
	address, err := json.Marshal(c.Assignment.Endpoints[0].Endpoints[0].Endpoint.Address)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %s", c.Type, address)
}
