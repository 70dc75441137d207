package main

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	extprocv3 "github.com/envoyproxy/go-control-plane/envoy/service/ext_proc/v3"
	"google.golang.org/protobuf/proto"
)

// row is one line of the table: a quantity and its upper bound.
type row struct {
	Name    string  `json:"name"`
	Against string  `json:"against"` // "" if the quantity is not a ratio
	Unit    string  `json:"unit"`
	Bound   float64 `json:"bound"`
	Median  float64 `json:"median"`
	Low     float64 `json:"low"` // of the repetitions
	High    float64 `json:"high"`
	Met     bool    `json:"met"`
	Unsure  bool    `json:"unsure"` // the next run may have another result: see unsure
}

// unbounded is the bound of a row that is only reported.
const unbounded = -1

func newRow(name, against, unit string, bound float64, values []float64) row {
	middle := median(values)
	return row{
		name, against, unit, bound, middle, values[0], values[len(values)-1],
		bound == unbounded || middle <= bound, bound != unbounded && unsure(values, bound),
	}
}

// median sorts the values.
func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// unsure reports whether a bound lies in the 95 % confidence interval of the median of
// sorted values, which is between two of them.
func unsure(values []float64, bound float64) bool {
	n := float64(len(values))
	i := int(n/2 - 0.98*math.Sqrt(n)) // with few values the interval is the whole range, and less certain
	return len(values) > 1 && values[i] <= bound && bound <= values[len(values)-1-i]
}

// sample is one repetition with one server.
type sample struct {
	cpu, p99 time.Duration // cpu per exchange
	rate     float64       // exchanges a second
	memory   float64       // MiB
}

// pairs repeats a load with several servers in turn, and reverses their order each time. A change
// of the machine's speed then affects all of them alike.
func (b *bench) pairs(l load, servers ...*server) (map[string][]sample, error) {
	repetitions := 9
	l.warm, l.run = 400*time.Millisecond, 1500*time.Millisecond
	if b.quick {
		repetitions, l.run = 3, 700*time.Millisecond
	}
	for _, s := range servers { // the answers are checked once, in a run that is not measured
		check := l
		check.warm, check.run = 0, 200*time.Millisecond
		if check.verify = verifyProcess; l.method == checkMethod {
			check.verify = verifyCheck
		}
		if s.name == floor {
			check.verify = nil
		}
		if _, err := check.drive(s.listen, func() {}, func() {}); err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
	}
	samples := map[string][]sample{}
	for range repetitions {
		for _, s := range servers {
			one, err := l.sample(s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			samples[s.name] = append(samples[s.name], one)
		}
		slices.Reverse(servers)
	}
	return samples, nil
}

func (l load) sample(s *server) (sample, error) {
	var before, after time.Duration
	var err1, err2 error
	o, err := l.drive(s.listen, func() { before, err1 = s.cpu() }, func() { after, err2 = s.cpu() })
	if err := cmp.Or(err, err1, err2); err != nil {
		return sample{}, err
	}
	resident, _, err := s.memory()
	return sample{
		cpu: (after - before) / time.Duration(max(o.exchanges, 1)), p99: o.quantile(0.99),
		rate: float64(o.exchanges) / o.seconds, memory: float64(resident) / (1 << 20),
	}, err
}

// ratios returns the quantity of one server divided by that of another, for each repetition.
func ratios(samples map[string][]sample, of, by string, quantity func(sample) float64) []float64 {
	values := make([]float64, len(samples[of]))
	for i := range values {
		values[i] = quantity(samples[of][i]) / quantity(samples[by][i])
	}
	return values
}

func cpuOf(s sample) float64 { return float64(s.cpu) }
func p99Of(s sample) float64 { return float64(s.p99) }

func memoryOf(samples []sample) []float64 {
	values := make([]float64, len(samples))
	for i, s := range samples {
		values[i] = s.memory
	}
	return values
}

// group has rows that are measured together.
type group struct {
	name    string
	measure func(context.Context) ([]row, error)
}

func (b *bench) groups() []group {
	return []group{
		{"ext_proc, 4 connections, 64 streams", func(ctx context.Context) ([]row, error) {
			return b.process(ctx, 4, 64, 0.50)
		}},
		{"ext_proc, 1 connection, 16 streams", func(ctx context.Context) ([]row, error) {
			return b.process(ctx, 1, 16, 0.60)
		}},
		{"ext_authz, 4 connections, 64 streams", func(ctx context.Context) ([]row, error) {
			return b.check(ctx, 4, 64)
		}},
		{"ext_authz, 1 connection, 16 streams", func(ctx context.Context) ([]row, error) {
			return b.check(ctx, 1, 16)
		}},
		{"engine", b.engine},
		{"ten times the rules", b.scale},
		{"compile", b.compile},
		{"reload", b.reload},
		{"reload without requests", b.idleReloads},
		{"resources of Kubernetes", b.kubernetes},
	}
}

// rows measures, prints and reports.
func (b *bench) rows(ctx context.Context, only string) error {
	chosen, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	var rows []row
	for _, g := range b.groups() {
		if !chosen.MatchString(g.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring:", g.name)
		found, err := g.measure(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", g.name, err)
		}
		if err := b.stop(); err != nil {
			return err
		}
		rows = append(rows, found...)
	}
	return b.report(rows, only == "" && !b.quick)
}

func (b *bench) startAll(ctx context.Context, s size, names ...string) ([]*server, error) {
	policy, err := b.policy(s)
	if err != nil {
		return nil, err
	}
	servers := make([]*server, len(names))
	for i, name := range names {
		if servers[i], err = b.start(ctx, name, policy); err != nil {
			return nil, err
		}
	}
	return servers, nil
}

func (b *bench) process(ctx context.Context, connections, streams int, bound float64) ([]row, error) {
	scripts, err := processScripts(usual)
	if err != nil {
		return nil, err
	}
	servers, err := b.startAll(ctx, usual, floor, bare, deployed)
	if err != nil {
		return nil, err
	}
	l := load{method: processMethod, scripts: scripts, connections: connections, streams: streams}
	objects, bytes, err := l.allocations(servers[1])
	if err != nil {
		return nil, err
	}
	samples, err := b.pairs(l, slices.Clone(servers)...)
	if err != nil {
		return nil, err
	}
	of := fmt.Sprintf("ext_proc, %d streams: ", streams)
	rows := []row{
		newRow(of+"CPU per request, bare", floor, "ratio", bound, ratios(samples, bare, floor, cpuOf)),
		newRow(of+"CPU per request, as deployed", floor, "ratio", bound, ratios(samples, deployed, floor, cpuOf)),
	}
	if streams == 64 {
		rows = append(rows,
			newRow(of+"p99 latency, as deployed", floor, "ratio", 1.25, ratios(samples, deployed, floor, p99Of)),
			newRow(of+"resident memory, as deployed", "", "MiB", 56, memoryOf(samples[deployed])),
			newRow(of+"allocations per request, whole process", "", "objects", 65, []float64{objects}),
			newRow(of+"allocated per request, whole process", "", "bytes", 5000, []float64{bytes}),
		)
	}
	return rows, nil
}

func (b *bench) check(ctx context.Context, connections, streams int) ([]row, error) {
	scripts, err := checkScripts(usual)
	if err != nil {
		return nil, err
	}
	servers, err := b.startAll(ctx, usual, floor, deployed)
	if err != nil {
		return nil, err
	}
	l := load{method: checkMethod, scripts: scripts, connections: connections, streams: streams}
	samples, err := b.pairs(l, servers...)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("ext_authz, %d streams: CPU per request", streams)
	return []row{newRow(name, floor, "ratio", 0.50, ratios(samples, deployed, floor, cpuOf))}, nil
}

// allocations counts the allocations of the whole process for a request, including gRPC's.
func (l load) allocations(s *server) (objects, bytes float64, err error) {
	l.warm, l.run = 300*time.Millisecond, time.Second
	var before, after [2]float64
	var errs []error
	read := func(to *[2]float64) func() {
		return func() {
			for i, name := range []string{"go_memstats_mallocs_total", "go_memstats_alloc_bytes_total"} {
				var err error
				to[i], err = s.metric(name)
				errs = append(errs, err)
			}
		}
	}
	o, err := l.drive(s.listen, read(&before), read(&after))
	if err := cmp.Or(append(errs, err)...); err != nil {
		return 0, 0, err
	}
	n := float64(o.exchanges)
	return (after[0] - before[0]) / n, (after[1] - before[1]) / n, nil
}

// scale compares ten times the rules and a hundred times the origins with the usual
// policy.
func (b *bench) scale(ctx context.Context) ([]row, error) {
	smaller, err := b.startAll(ctx, usual, deployed)
	if err != nil {
		return nil, err
	}
	larger, err := b.startAll(ctx, large, deployed)
	if err != nil {
		return nil, err
	}
	larger[0].name = large.String()
	small, err := processScripts(usual)
	if err != nil {
		return nil, err
	}
	big, err := processScripts(large)
	if err != nil {
		return nil, err
	}
	var values []float64
	for range 7 {
		var cpu [2]float64
		for i, s := range []*server{smaller[0], larger[0]} {
			l := load{
				method: processMethod, scripts: small, connections: 4, streams: 64,
				warm: 300 * time.Millisecond, run: 1200 * time.Millisecond,
			}
			if i == 1 {
				l.scripts = big
			}
			one, err := l.sample(s)
			if err != nil {
				return nil, err
			}
			cpu[i] = float64(one.cpu)
		}
		values = append(values, cpu[1]/cpu[0])
	}
	name := "ext_proc, 64 streams: CPU per request, " + large.String()
	return []row{newRow(name, usual.String(), "ratio", 1.25, values)}, nil
}

// verifyProcess checks that the answers let the page read the response.
func verifyProcess(s script, answers [][]byte) error {
	var first, second extprocv3.ProcessingResponse
	if err := proto.Unmarshal(answers[0], &first); err != nil {
		return err
	}
	if err := proto.Unmarshal(answers[1], &second); err != nil {
		return err
	}
	if first.GetRequestHeaders() == nil {
		return fmt.Errorf("the request is answered by %v", &first)
	}
	return verifyHeaders(s, second.GetResponseHeaders().GetResponse().GetHeaderMutation().GetSetHeaders(), 4)
}

func verifyCheck(s script, answers [][]byte) error {
	var m authv3.CheckResponse
	if err := proto.Unmarshal(answers[0], &m); err != nil {
		return err
	}
	return verifyHeaders(s, m.GetOkResponse().GetResponseHeadersToAdd(), 3) // the route sets Vary
}

func verifyHeaders(s script, set []*corev3.HeaderValueOption, want int) error {
	if len(set) == want {
		h := set[0].GetHeader()
		if h.GetKey() == "access-control-allow-origin" && h.GetValue()+string(h.GetRawValue()) == s.origin {
			return nil
		}
	}
	return fmt.Errorf("the page %s is answered %v", s.origin, set)
}
