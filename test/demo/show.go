package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/corsd/corsd/test/harness/mesh"
	"github.com/corsd/corsd/test/harness/rawhttp"
)

// show sends all requests and writes each as a command, with its response. The error names the
// responses that were not as expected.
func show(ctx context.Context, out io.Writer, m *mesh.Mesh) error {
	var errs []error
	for i, s := range steps {
		fmt.Fprintf(out, "\n%d. %s\n\n", i+1, s.title)
		if err := s.show(ctx, out, m); err != nil {
			fmt.Fprintf(out, "NOT AS EXPECTED: %v\n", err)
			errs = append(errs, fmt.Errorf("request %d: %w", i+1, err))
		}
	}
	return errors.Join(errs...)
}

func (s step) show(ctx context.Context, out io.Writer, m *mesh.Mesh) error {
	address := map[server]string{gateway: m.Envoy.Address, shop: m.Shop, weather: m.Weather}[s.asks]
	fmt.Fprint(out, curl(address, s.request))
	got, err := rawhttp.HTTP1.Do(ctx, address, s.request)
	if err != nil {
		return err
	}
	fmt.Fprint(out, strings.TrimSuffix(strings.ReplaceAll(got.Head, "\r\n", "\n"), "\n"))
	if s.asks != gateway {
		return s.check(got, "")
	}
	entry, err := m.NextEntry(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nEnvoy's access log:\n%s\n", entry)
	return s.check(got, string(entry))
}

func (s step) check(got *rawhttp.Response, entry string) error {
	var errs []error
	if got.Status != s.status {
		errs = append(errs, fmt.Errorf("status %d, not %d", got.Status, s.status))
	}
	cors := got.CORS()
	for i := range cors { // Envoy adds the Vary of a module's own response to that of the virtual host
		cors[i] = strings.Replace(cors[i], "vary: Origin,Origin, ", "vary: Origin, ", 1)
	}
	if !slices.Equal(cors, s.cors) {
		errs = append(errs, fmt.Errorf("CORS headers and Vary are %q, not %q", cors, s.cors))
	}
	if !strings.Contains(entry, s.entry) {
		errs = append(errs, fmt.Errorf("no %q in the access log", s.entry))
	}
	return errors.Join(errs...)
}

// curl returns the command that sends the request and prints the head of the response.
func curl(address string, r rawhttp.Request) string {
	var b strings.Builder
	b.WriteString("$ curl -s -o /dev/null -D -")
	if r.Method != "GET" {
		b.WriteString(" -X " + r.Method)
	}
	fmt.Fprintf(&b, " http://%s%s", address, r.Path)
	for _, f := range slices.Concat([]rawhttp.Field{{Name: "Host", Value: r.Authority}}, r.Header) {
		fmt.Fprintf(&b, " \\\n    -H '%s: %s'", f.Name, f.Value)
	}
	return b.String() + "\n"
}
