package lab

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/policy"
)

// TestMeans: the page explains reasons that exist.
func TestMeans(t *testing.T) {
	text, err := os.ReadFile("page/view.js")
	if err != nil {
		t.Fatal(err)
	}
	_, means, _ := strings.Cut(string(text), "const means = {")
	means, _, found := strings.Cut(means, "};")
	if !found {
		t.Fatal("view.js has no object means")
	}
	reasons := map[string]bool{}
	for _, r := range policy.Reasons() {
		reasons[r.String()] = true
	}
	keys := regexp.MustCompile(`(?m)^  (\w+):`).FindAllStringSubmatch(means, -1)
	if len(keys) == 0 {
		t.Error("means is empty")
	}
	for _, key := range keys {
		if !reasons[key[1]] {
			t.Errorf("%s is no reason", key[1])
		}
	}
}
