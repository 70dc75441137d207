package charts_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/corsd/corsd/test/harness/process"
)

// corsd becomes ready with the arguments and the policies of a release, and writes the snapshot. Only directories and
// addresses are those of this machine.
func TestReleaseServes(t *testing.T) {
	objects := rendered(t, "corsd", shop+"static: { enabled: true }\nadminHosts: [corsd.gateway.svc]\nlogLevel: debug\n")
	dir := t.TempDir()
	for name, text := range at(objects["ConfigMap corsd-policy"], "data").(map[string]any) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text.(string)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	snapshots := t.TempDir()
	here := strings.NewReplacer("/etc/corsd", dir, "/var/lib/corsd", snapshots,
		":9002", "127.0.0.1:0", ":9003", "127.0.0.1:0", ":9092", "127.0.0.1:0", "--drain=5s", "--drain=0s")
	args := argsOf(t, objects)
	for i := range args {
		args[i] = here.Replace(args[i])
	}
	p, err := process.Start(context.WithoutCancel(t.Context()), corsd, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.Stop(5 * time.Second); err != nil {
			t.Errorf("%v\n%s", err, p.Output())
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	admin := regexp.MustCompile(`"admin is listening","address":"([^"]+)"`)
	err = p.Await(ctx, func(context.Context) error {
		address := admin.FindStringSubmatch(p.Output())
		if address == nil {
			return fmt.Errorf("the admin port is not open")
		}
		response, err := http.Get("http://" + address[1] + "/readyz")
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("readyz: %s", response.Status)
		}
		_, err = os.Stat(filepath.Join(snapshots, "snapshot.yaml"))
		return err
	})
	if err != nil {
		t.Errorf("corsd %q: %v\n%s", args, err, p.Output())
	}
}
