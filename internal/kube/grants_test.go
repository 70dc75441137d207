package kube

import (
	"os"
	"slices"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/corsd/corsd/pkg/policy/plan"
)

// The rows are also those of the admission policy in deploy/k8s/tenancy, which test/cluster runs: both judge alike.
func TestHostGrantsAsOnAdmission(t *testing.T) {
	text, err := os.ReadFile("../../api/v1alpha1/testdata/host-grants.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Why     string   `yaml:"why"`
		Grants  string   `yaml:"grants"`
		Hosts   []string `yaml:"hosts"`
		Refused []string `yaml:"refused"`
	}
	if err := yaml.Load(text, &rows); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		t.Run(row.Why, func(t *testing.T) {
			g := grants{"n": parseGrants(row.Grants)}
			for _, text := range row.Hosts {
				host, err := plan.ParseHost(text)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := g.allow("n", host), !slices.Contains(row.Refused, text); got != want {
					t.Errorf("%s: allowed %v, want %v", text, got, want)
				}
			}
		})
	}
}
