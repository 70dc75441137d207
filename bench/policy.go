package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// size is the size of a policy. Each host has ten rules, and allows one set of origins.
type size struct{ hosts, origins int }

const rulesPerHost = 10

func (s size) String() string {
	return fmt.Sprintf("%d rules, %d origins", s.hosts*rulesPerHost, s.origins)
}

var (
	few   = size{hosts: 100, origins: 100}
	usual = size{hosts: 1000, origins: 1000}
	large = size{hosts: 10_000, origins: 100_000}
)

// write writes the policy into a directory, with a hundred hosts in each file.
func (s size) write(dir string) error {
	var set strings.Builder
	set.WriteString("apiVersion: corsd.dev/v1alpha1\nkind: OriginSet\nmetadata: {name: pages}\nspec:\n  origins:\n")
	for i := range s.origins {
		fmt.Fprintf(&set, "  - %s\n", originOf(i))
	}
	if err := os.WriteFile(filepath.Join(dir, "origins.yaml"), []byte(set.String()), 0o600); err != nil {
		return err
	}
	for first := 0; first < s.hosts; first += 100 {
		var b strings.Builder
		for i := first; i < min(first+100, s.hosts); i++ {
			fmt.Fprintf(&b, `---
apiVersion: corsd.dev/v1alpha1
kind: CORSPolicy
metadata: {name: api%d}
spec:
  hosts: [%s]
  cors:
    allowOriginSets: [pages]
    allowCredentials: true
    allowMethods: [GET, PUT, DELETE]
    allowHeaders: [Content-Type, Authorization]
    exposeHeaders: [ETag]
    maxAge: 600
  rules:
`, i, hostOf(i))
			for j := range rulesPerHost {
				fmt.Fprintf(&b, "  - {name: service%d, match: {path: {value: /v1/service%d}}, "+
					"cors: {exposeHeaders: [ETag, X-Total]}}\n", j, j)
			}
		}
		file := filepath.Join(dir, fmt.Sprintf("hosts%05d.yaml", first))
		if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func originOf(i int) string { return fmt.Sprintf("https://page%d.tenant%d.example", i, i%997) }
func hostOf(i int) string   { return fmt.Sprintf("api%d.gateway.example", i) }
