package cluster_test

import (
	"errors"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/cluster"
)

// await calls f until it returns nil: the API server takes seconds until it applies a new definition or admission policy.
func await(t *testing.T, f func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if err = f(); err == nil {
			return
		}
	}
	t.Fatal(err)
}

// refused returns nil if a dry run of kubectl fails.
func refused(t *testing.T, c *cluster.Client, stdin string, args ...string) error {
	if _, err := c.Kubectl(t.Context(), stdin, append(args, "--dry-run=server")...); err == nil {
		return errors.New("still accepted")
	}
	return nil
}
