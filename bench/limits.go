package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// benchLine is a line of `go test -bench`.
var benchLine = regexp.MustCompile(
	`(?m)^(Benchmark\S+?)(?:-\d+)?\s+\d+\s+([0-9.]+) ns/op(?:\s+\d+ B/op\s+(\d+) allocs/op)?`)

// benchmarks runs a Go benchmark of several packages, each named by its directory below the source tree. It runs them
// in turn, several times. It returns the nanoseconds of each run, and the allocations.
func (b *bench) benchmarks(
	ctx context.Context, pattern string, directories ...string,
) (ns map[string][]float64, allocs map[string]float64, err error) {
	repetitions := 9
	if b.quick {
		repetitions = 3
	}
	var lines []byte
	for range repetitions { // -count would repeat one benchmark and then the next
		for _, directory := range directories {
			cmd := exec.CommandContext(ctx,
				"go", "test", "-run", "^$", "-bench", pattern, "-benchtime", "200ms", "-benchmem")
			cmd.Dir = filepath.Join(b.root, directory)
			out, err := cmd.CombinedOutput()
			if err != nil {
				return nil, nil, fmt.Errorf("%w\n%s", err, out)
			}
			lines = append(lines, out...)
		}
	}
	ns, allocs = map[string][]float64{}, map[string]float64{}
	for _, match := range benchLine.FindAllStringSubmatch(string(lines), -1) {
		value, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return nil, nil, err
		}
		ns[match[1]] = append(ns[match[1]], value)
		if match[3] != "" {
			if allocs[match[1]], err = strconv.ParseFloat(match[3], 64); err != nil {
				return nil, nil, err
			}
		}
	}
	return ns, allocs, nil
}

// engine compares a decision and its encoded answer with the same work of two middlewares.
func (b *bench) engine(ctx context.Context) ([]row, error) {
	ns, _, err := b.benchmarks(ctx, "^BenchmarkEngine$", "pkg/extproc", "bench")
	if err != nil {
		return nil, err
	}
	byEach := func(a, b []float64) []float64 {
		values := make([]float64, min(len(a), len(b)))
		for i := range values {
			values[i] = a[i] / b[i]
		}
		return values
	}
	var rows []row
	for _, kind := range []string{"actual", "preflight"} {
		ours := "BenchmarkEngine/impl=corsd/class=" + kind
		for _, other := range []string{"jub0bs", "rs"} {
			values := byEach(ns[ours], ns["BenchmarkEngine/impl="+other+"/class="+kind])
			if len(values) == 0 {
				return nil, errors.New("no benchmark " + ours)
			}
			bound := 0.60
			if other == "rs" {
				bound = unbounded
			}
			name := "engine: decision and encoded answer, " + kind
			rows = append(rows, newRow(name, other+"/cors", "ratio", bound, values))
		}
	}
	var allocs map[string]float64
	if ns, allocs, err = b.benchmarks(ctx, "^BenchmarkDecide$", "pkg/policy"); err != nil {
		return nil, err
	}
	const small = "BenchmarkDecide/rules=10/origins=1"
	largest, smallest := ns["BenchmarkDecide/rules=100000/origins=100000"], ns[small]
	if len(largest) == 0 || len(smallest) == 0 {
		return nil, errors.New("no benchmark BenchmarkDecide")
	}
	grown := byEach(largest, smallest)
	return append(rows,
		newRow("engine: allocations of a decision", "", "objects", 0, []float64{allocs[small]}),
		newRow("engine: 100,000 rules and origins", "10 rules, 1 origin", "ratio", 1.3, grown),
	), nil
}

// compile measures the time in which the large policy is compiled, and the memory that this allocates.
func (b *bench) compile(context.Context) ([]row, error) {
	config := large.config()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	engine, _, err := policy.Compile(config)
	took := time.Since(began)
	if err != nil {
		return nil, err
	}
	runtime.ReadMemStats(&after)
	allocated := float64(after.TotalAlloc-before.TotalAlloc) / (1 << 20)
	runtime.KeepAlive(engine)
	return []row{
		newRow("compile "+large.String()+": time", "", "s", unbounded, []float64{took.Seconds()}),
		newRow("compile "+large.String()+": allocated", "", "MiB", unbounded, []float64{allocated}),
	}, nil
}

// config returns the policy that write writes, as values.
func (s size) config() spec.Config {
	c := spec.Config{OriginSets: []spec.OriginSet{{Name: "pages"}}}
	for i := range s.origins {
		c.OriginSets[0].Spec.Origins = append(c.OriginSets[0].Spec.Origins, originOf(i))
	}
	for i := range s.hosts {
		doc := spec.PolicySpec{Hosts: []string{hostOf(i)}, CORS: &spec.CORS{
			AllowOriginSets:  []string{"pages"},
			AllowCredentials: new(true),
			AllowMethods:     []string{"GET", "PUT", "DELETE"},
			AllowHeaders:     []string{"Content-Type", "Authorization"},
			ExposeHeaders:    []string{"ETag"},
			MaxAge:           new(spec.Seconds(600)),
		}}
		for j := range rulesPerHost {
			doc.Rules = append(doc.Rules, spec.Rule{
				Name:  fmt.Sprintf("service%d", j),
				Match: &spec.Match{Path: &spec.PathMatch{Value: fmt.Sprintf("/v1/service%d", j)}},
				CORS:  &spec.CORS{ExposeHeaders: []string{"ETag", "X-Total"}},
			})
		}
		c.Policies = append(c.Policies, spec.Policy{Name: fmt.Sprintf("api%d", i), Spec: doc})
	}
	return c
}

// reload compares the latencies during a reload of the large policy with those before and after
// it. The rate is less than half of the rate at which the server is saturated.
func (b *bench) reload(ctx context.Context) ([]row, error) {
	servers, err := b.startAll(ctx, large, deployed)
	if err != nil {
		return nil, err
	}
	s := servers[0]
	l, err := reloadLoad(s)
	if err != nil {
		return nil, err
	}
	repetitions := 3
	if b.quick {
		repetitions = 1
	}
	var during, worst, took, most []float64
	for range repetitions {
		one, err := b.reloadBetween(ctx, s, l)
		if err != nil {
			return nil, err
		}
		during = append(during, float64(one.p99)/float64(one.quiet))
		worst = append(worst, float64(one.worst)/float64(one.quiet))
		took = append(took, one.took.Seconds())
		most = append(most, float64(one.peak)/(1<<20))
	}
	of := "reload of " + large.String() + ": "
	return []row{
		newRow(of+fmt.Sprintf("p99 at %.0f requests/s", l.rate), "without", "ratio", unbounded, during),
		newRow(of+"the same in its worst five seconds", "without", "ratio", unbounded, worst),
		newRow(of+"until it is live", "", "s", unbounded, took),
		newRow(of+"most memory meanwhile", "", "MiB", 400, most),
	}, nil
}

// idleReloads measures how long a changed policy takes until it is live, without requests.
func (b *bench) idleReloads(ctx context.Context) ([]row, error) {
	var rows []row
	for _, of := range []struct {
		size
		bound float64 // in seconds
	}{{few, 0.1}, {usual, 0.5}, {large, 5}} {
		servers, err := b.startAll(ctx, of.size, deployed)
		if err != nil {
			return nil, err
		}
		var took []float64
		for range 3 {
			one, err := b.idleReload(ctx, servers[0], of.size)
			if err != nil {
				return nil, err
			}
			took = append(took, one.Seconds())
		}
		name := "reload of " + of.String() + " without requests: until it is live"
		rows = append(rows, newRow(name, "", "s", of.bound, took))
		if err := b.stop(); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (b *bench) idleReload(ctx context.Context, s *server, of size) (time.Duration, error) {
	if err := s.awaitLive(ctx, 1); err != nil { // the first policy is logged when the server listens
		return 0, err
	}
	before := len(s.logged(live))
	if err := replaceWithComment(filepath.Join(b.policyDir(of), "origins.yaml")); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := s.awaitLive(ctx, before+1); err != nil {
		return 0, err
	}
	return s.logged(live)[before].Time.Sub(began), nil
}

// replaceWithComment puts a file with another line into the place of one, in one step: corsd need not wait until it
// is written.
func replaceWithComment(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	next := filepath.Join(filepath.Dir(path), ".next")
	if err := os.WriteFile(next, append(data, "# changed\n"...), 0o600); err != nil {
		return err
	}
	old := time.Now().Add(-time.Second) // a file that was written long enough ago is complete
	return errors.Join(os.Chtimes(next, old, old), os.Rename(next, path))
}

// reloadLoad measures the rate at which a server is saturated, and returns a load of less than
// half of it.
func reloadLoad(s *server) (load, error) {
	scripts, err := processScripts(large)
	if err != nil {
		return load{}, err
	}
	l := load{
		method: processMethod, scripts: scripts, connections: 4, streams: 64,
		warm: 300 * time.Millisecond, run: 2 * time.Second,
	}
	saturated, err := l.sample(s)
	l.rate = min(saturated.rate*0.4, 10_000)
	l.warm = 0
	return l, err
}

// reloaded has the measurements of one reload.
type reloaded struct {
	p99, worst time.Duration // latencies during the whole reload, and during its worst five seconds
	quiet      time.Duration // p99 of the latencies before and after the reload
	took       time.Duration
	peak       int64 // memory in bytes
}

// reloadBetween measures one reload, and the latencies before and after it.
func (b *bench) reloadBetween(ctx context.Context, s *server, l load) (reloaded, error) {
	before, err := l.latencies(s)
	if err != nil {
		return reloaded{}, err
	}
	if err := s.forgetPeak(); err != nil {
		return reloaded{}, err
	}
	r, err := b.reloadOnce(ctx, s, l)
	if err != nil {
		return reloaded{}, err
	}
	if _, r.peak, err = s.memory(); err != nil {
		return reloaded{}, err
	}
	after, err := l.latencies(s)
	if err != nil {
		return reloaded{}, err
	}
	r.quiet = p99Among(append(before, after...))
	return r, nil
}

// latencies returns the latencies of the next fifteen seconds.
func (l load) latencies(s *server) ([]time.Duration, error) {
	l.run = 15 * time.Second
	o, err := l.drive(s.listen, func() {}, func() {})
	if err != nil {
		return nil, err
	}
	return o.latencies, nil
}

func p99Among(latencies []time.Duration) time.Duration {
	slices.Sort(latencies)
	return (&outcome{latencies: latencies}).quantile(0.99)
}

// reloadOnce changes the policy and sends requests until the new one is live.
func (b *bench) reloadOnce(ctx context.Context, s *server, l load) (reloaded, error) {
	l.run = 5 * time.Second
	before := len(s.logged(live))
	if err := appendComment(filepath.Join(b.policyDir(large), "origins.yaml")); err != nil {
		return reloaded{}, err
	}
	began := time.Now()
	var all []time.Duration
	var r reloaded
	for len(s.logged(live)) == before {
		o, err := l.drive(s.listen, func() {}, func() {})
		if err := cmp.Or(err, ctx.Err()); err != nil {
			return reloaded{}, err
		}
		if time.Since(began) > 2*time.Minute {
			return reloaded{}, errors.New("the new policy is not live")
		}
		r.worst = max(r.worst, o.quantile(0.99))
		all = append(all, o.latencies...)
	}
	r.p99, r.took = p99Among(all), s.logged(live)[before].Time.Sub(began)
	return r, nil
}

func appendComment(path string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString("# changed\n")
	return errors.Join(err, f.Close())
}
