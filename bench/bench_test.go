package main

import (
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/corsd/corsd/internal/reload"
	"github.com/corsd/corsd/pkg/extauthz"
	"github.com/corsd/corsd/pkg/extproc"
	"github.com/corsd/corsd/pkg/policy"
)

// served starts corsd's server in the test, with a small policy.
func served(t *testing.T, s size) (listen string) {
	t.Helper()
	dir := t.TempDir()
	if err := s.write(dir); err != nil {
		t.Fatal(err)
	}
	report := reload.Load([]string{dir})
	if err := report.Err(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	options := extproc.Options{Engine: func() *policy.Engine { return report.Engine }, Logger: slog.New(slog.DiscardHandler)}
	process, err := extproc.New(options)
	if err != nil {
		t.Fatal(err)
	}
	check, err := extauthz.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(process.ServerOption(), check.ServerOption())
	if err := errors.Join(process.Register(server), check.Register(server)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return "unix:" + path
}

// TestDrive: the client gets the right answers of both services, in a closed loop and at a rate. It
// returns an error if an answer is wrong.
func TestDrive(t *testing.T) {
	small := size{hosts: 20, origins: 20}
	listen := served(t, small)
	process, err := processScripts(small)
	if err != nil {
		t.Fatal(err)
	}
	check, err := checkScripts(small)
	if err != nil {
		t.Fatal(err)
	}
	wrong := func(script, [][]byte) error { return errors.New("wrong") }
	rows := []struct {
		name  string
		load  load
		fails bool
	}{
		{"ext_proc", load{method: processMethod, scripts: process, connections: 2, streams: 8, verify: verifyProcess}, false},
		{"ext_authz", load{method: checkMethod, scripts: check, connections: 2, streams: 8, verify: verifyCheck}, false},
		{"ext_proc at a rate", load{method: processMethod, scripts: process, connections: 1, streams: 1, verify: verifyProcess, rate: 500}, false},
		{"wrong answers", load{method: processMethod, scripts: process, connections: 1, streams: 1, verify: wrong}, true},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			r.load.run = 300 * time.Millisecond
			o, err := r.load.drive(listen, func() {}, func() {})
			if (err != nil) != r.fails {
				t.Fatalf("%+v, %v", o, err)
			}
			if err == nil && (o.exchanges == 0 || o.quantile(0.5) <= 0 || o.quantile(0.99) < o.quantile(0.5)) {
				t.Errorf("%d exchanges, p50 %s, p99 %s", o.exchanges, o.quantile(0.5), o.quantile(0.99))
			}
		})
	}
}

// TestSizes: the policy in files and the policy in values are equal.
func TestSizes(t *testing.T) {
	s := size{hosts: 120, origins: 30}
	dir := t.TempDir()
	if err := s.write(dir); err != nil {
		t.Fatal(err)
	}
	report := reload.Load([]string{dir})
	engine, _, err := policy.Compile(s.config())
	if err := errors.Join(err, report.Err()); err != nil {
		t.Fatal(err)
	}
	if a, b := engine.Summary(), report.Engine.Summary(); a != b {
		t.Errorf("%s, and in files %s", a, b)
	}
}

// TestRatios: a median, its range, missed bounds, and bounds that another run may judge differently.
func TestRatios(t *testing.T) {
	samples := map[string][]sample{"a": {{cpu: 10}, {cpu: 30}, {cpu: 20}}, "b": {{cpu: 10}, {cpu: 10}, {cpu: 10}}}
	r := newRow("n", "b", "ratio", 1.9, ratios(samples, "a", "b", cpuOf))
	if r.Median != 2 || r.Low != 1 || r.High != 3 || r.Met {
		t.Errorf("%+v", r)
	}
	if r = newRow("n", "b", "ratio", unbounded, []float64{5}); !r.Met {
		t.Errorf("a row without a bound is missed")
	}
	twelve := []float64{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1} // the third and the tenth are sure
	for bound, unsure := range map[float64]bool{2.9: false, 3: true, 7: true, 10: true, 10.1: false, unbounded: false} {
		if r = newRow("n", "b", "ratio", bound, twelve); r.Unsure != unsure {
			t.Errorf("bound %v: unsure %v", bound, r.Unsure)
		}
	}
	for _, values := range [][]float64{{5}, {4, 5, 6}} {
		if r = newRow("n", "b", "ratio", 5, values); r.Unsure != (len(values) > 1) {
			t.Errorf("%v: unsure %v", values, r.Unsure)
		}
	}
}
