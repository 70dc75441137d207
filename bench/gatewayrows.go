package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/corsd/corsd/test/harness/envoy"
	"github.com/corsd/corsd/test/harness/mesh"
)

// gatewayResult is the result of a variant for one kind of request.
type gatewayResult struct {
	Variant   string        `json:"variant"`
	Kind      string        `json:"kind"`
	Saturated gatewayMedian `json:"saturated"` // as fast as the gateway can, with one worker
	Fixed     gatewayMedian `json:"fixedRate"`
}

// gatewayMedian is the median of the repetitions under one load.
type gatewayMedian struct {
	Rate     float64 `json:"requestsPerSecond"`
	P50      float64 `json:"p50Milliseconds"`
	P99      float64 `json:"p99Milliseconds"`
	Envoy    float64 `json:"envoyMicroseconds"` // CPU per request
	Server   float64 `json:"serverMicroseconds"`
	Relative float64 `json:"relative"` // CPU per request of Envoy and server, divided by that without a filter
}

// fixedRate is the number of requests a second that each variant gets. It saturates none of them.
const fixedRate = 1500

// gatewayRows measures every variant with a real Envoy of one worker.
func (b *bench) gatewayRows(ctx context.Context) error {
	binary, err := envoy.Find(ctx, b.root, os.Stderr)
	if err != nil {
		return err
	}
	if b.pinned { // Envoy has its own core; all other processes share the second
		wrapper := filepath.Join(b.dir, "envoy")
		script := "#!/bin/sh\nexec taskset -c 0 " + binary.Path + " \"$@\"\n"
		if err := os.WriteFile(wrapper, []byte(script), 0o700); err != nil {
			return err
		}
		binary.Path = wrapper
	}
	if b.library, err = mesh.BuildModule(ctx, b.root, b.dir); err != nil {
		return err
	}
	policy := filepath.Join(b.dir, "policy.yaml")
	if err := os.WriteFile(policy, []byte(gatewayPolicy), 0o600); err != nil {
		return err
	}
	app, stop, err := application()
	if err != nil {
		return err
	}
	defer stop()
	runs := gatewayRuns{}
	for i := range b.generations() {
		fmt.Fprintf(os.Stderr, "measuring: %d of %d, with new processes\n", i+1, b.generations())
		if err := b.generation(ctx, binary, app, policy, runs); err != nil {
			return err
		}
	}
	return b.gatewayReport(gatewayResults(runs), gatewayBounds(runs))
}

// generations returns how often all processes are started and measured. Two processes of the same
// program differ by a few percent as long as they live.
func (b *bench) generations() int {
	if b.quick {
		return 1
	}
	return 25
}

func (b *bench) generation(ctx context.Context, binary envoy.Binary, app, policy string, runs gatewayRuns) error {
	for _, v := range variants() {
		if err := b.startGateway(ctx, binary, v, app, policy); err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
	}
	for _, g := range b.gateways {
		if err := g.ready(ctx); err != nil {
			return err
		}
	}
	for _, l := range gatewayLoads() {
		for _, k := range kinds() {
			if err := b.repetition(ctx, l, k, runs); err != nil {
				return err
			}
		}
	}
	return b.stop()
}

// ready waits until the filter works: Envoy must have seen that the server is healthy.
func (g *gateway) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return g.envoy.Await(ctx, func(context.Context) error { return g.verify() })
}

// gatewayRuns has a repetition of each generation.
type gatewayRuns map[runKey][]gatewayRun

type runKey struct{ load, variant, kind string }

// repetition visits all gateways with one kind of request, in slices. Each round begins with
// another gateway, so that each gateway has each place once. None is first right after it was
// last: its second slice would find its own data in the processor's caches.
func (b *bench) repetition(ctx context.Context, l gatewayLoad, k kind, runs gatewayRuns) (err error) {
	var visits []*visit
	defer func() {
		for _, v := range visits {
			err = errors.Join(err, v.close())
		}
	}()
	for _, g := range b.gateways {
		v, err := g.visit(k, l.connections)
		if err != nil {
			return err
		}
		visits = append(visits, v)
	}
	for range l.rounds {
		for _, v := range visits {
			if err := cmp.Or(v.slice(l.rate, l.slice(k)), ctx.Err()); err != nil {
				return err
			}
		}
		visits = append(visits[1:], visits[0])
	}
	for _, v := range visits {
		key := runKey{l.name, v.name, k.name}
		runs[key] = append(runs[key], v.result())
	}
	return nil
}

func medianOf(runs []gatewayRun, quantity func(gatewayRun) float64) float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = quantity(r)
	}
	return median(values)
}

func gatewayResults(runs gatewayRuns) []gatewayResult {
	var results []gatewayResult
	for _, k := range kinds() {
		of := func(load string, v variant) gatewayMedian {
			return medians(runs[runKey{load, v.name, k.name}], runs[runKey{load, varNone, k.name}])
		}
		for _, v := range variants() {
			results = append(results, gatewayResult{
				Variant: v.name, Kind: k.name, Saturated: of(saturated, v), Fixed: of(fixed, v),
			})
		}
	}
	return results
}

func medians(runs, base []gatewayRun) gatewayMedian {
	micro := func(d time.Duration) float64 { return float64(d) / 1000 }
	return gatewayMedian{
		Rate:     medianOf(runs, func(r gatewayRun) float64 { return float64(r.requests) / r.seconds }),
		P50:      medianOf(runs, func(r gatewayRun) float64 { return micro(r.p50) / 1000 }),
		P99:      medianOf(runs, func(r gatewayRun) float64 { return micro(r.p99) / 1000 }),
		Envoy:    medianOf(runs, func(r gatewayRun) float64 { return micro(r.envoy) }),
		Server:   medianOf(runs, func(r gatewayRun) float64 { return micro(r.server) }),
		Relative: median(gatewayRatios(runs, base, gatewayRun.total)),
	}
}

func gatewayRatios(of, by []gatewayRun, quantity func(gatewayRun) float64) []float64 {
	values := make([]float64, min(len(of), len(by)))
	for i := range values {
		values[i] = quantity(of[i]) / quantity(by[i])
	}
	return values
}

// gatewayBounds returns the rows that have bounds.
func gatewayBounds(runs gatewayRuns) []row {
	of := func(name, variant, against, kind string, bound float64, quantity func(gatewayRun) float64) row {
		measured, base := runs[runKey{saturated, variant, kind}], runs[runKey{saturated, against, kind}]
		return newRow(name, against, "ratio", bound, gatewayRatios(measured, base, quantity))
	}
	envoyOnly := func(r gatewayRun) float64 { return float64(r.envoy) }
	serverOnly := func(r gatewayRun) float64 { return float64(r.server) }
	return []row{
		of("actual request, default profile: CPU of Envoy and server",
			varDefault, varFloor, kindActual, 0.97, gatewayRun.total),
		of("actual request, default profile: CPU of the server",
			varDefault, varFloor, kindActual, 0.75, serverOnly),
		of("actual request, lean: CPU of Envoy and server",
			varLean, varAll, kindActual, 0.92, gatewayRun.total),
		of("actual request, ext_authz: CPU of Envoy and server",
			varAuthz, varAll, kindActual, 0.90, gatewayRun.total),
		of("request without Origin, default profile: CPU of Envoy",
			varDefault, varNone, kindPlain, 1.15, envoyOnly),
		of("request without Origin, lean: CPU of Envoy",
			varLean, varNone, kindPlain, 1.15, envoyOnly),
		of("actual request, module: CPU of Envoy", varModule, varNative, kindActual, 1.15, envoyOnly),
		of("actual request, module that remembers nothing: CPU of Envoy",
			varForgets, varNative, kindActual, 1.30, envoyOnly),
		of("preflight, module: CPU of Envoy", varModule, varNative, kindPreflight, 1.25, envoyOnly),
		of("request without Origin, module: CPU of Envoy", varModule, varNone, kindPlain, 1.05, envoyOnly),
	}
}

func (b *bench) gatewayReport(results []gatewayResult, bounds []row) error {
	for _, l := range gatewayLoads() {
		fmt.Printf("\n%s\n", l.title)
		t := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, strings.Join(gatewayColumns(), "\t")+"\t")
		for _, r := range results {
			fmt.Fprintln(t, strings.Join(r.cells(l.of(r)), "\t")+"\t")
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	if !b.quick {
		if err := b.writeGateway(results, bounds); err != nil {
			return err
		}
	}
	fmt.Println()
	return b.report(bounds, false)
}

// gatewayLoad is one of the two loads that everything is measured under.
type gatewayLoad struct {
	name, title string
	of          func(gatewayResult) gatewayMedian
	connections int
	rate        float64 // requests a second; 0: as many as possible
	rounds      int     // of a repetition
	slice       func(kind) time.Duration
}

const (
	saturated = "saturated"
	fixed     = "fixed"
)

// gatewayLoads returns the two loads. Most bounds are of actual requests at saturation, which
// have longer slices for that reason.
func gatewayLoads() []gatewayLoad {
	return []gatewayLoad{
		{
			name:        saturated,
			title:       "At saturation, 32 connections",
			of:          func(r gatewayResult) gatewayMedian { return r.Saturated },
			connections: 32,
			rounds:      len(variants()),
			slice: func(k kind) time.Duration {
				return map[string]time.Duration{
					kindPlain:     50 * time.Millisecond,
					kindActual:    100 * time.Millisecond,
					kindPreflight: 30 * time.Millisecond,
				}[k.name]
			},
		},
		{
			name:        fixed,
			title:       fmt.Sprintf("At %d requests a second, 16 connections", fixedRate),
			of:          func(r gatewayResult) gatewayMedian { return r.Fixed },
			connections: 16,
			rate:        fixedRate,
			rounds:      1,
			slice:       func(kind) time.Duration { return 200 * time.Millisecond },
		},
	}
}

func gatewayColumns() []string {
	return []string{
		"request", "filter", "requests/s", "p50 ms", "p99 ms", "Envoy, CPU µs", "server, CPU µs", "both, to no filter",
	}
}

func (r gatewayResult) cells(m gatewayMedian) []string {
	return []string{
		r.Kind, r.Variant, fmt.Sprintf("%.0f", m.Rate), fmt.Sprintf("%.2f", m.P50), fmt.Sprintf("%.2f", m.P99),
		fmt.Sprintf("%.0f", m.Envoy), fmt.Sprintf("%.0f", m.Server), fmt.Sprintf("%.2f", m.Relative),
	}
}

func (b *bench) writeGateway(results []gatewayResult, bounds []row) error {
	dir := filepath.Join(b.root, "docs", "performance")
	text, err := json.MarshalIndent(struct {
		Machine string          `json:"machine"`
		Rate    int             `json:"rate"`
		Results []gatewayResult `json:"results"`
		Bounds  []row           `json:"bounds"`
	}{machine(), fixedRate, results, bounds}, "", "  ")
	if err != nil {
		return err
	}
	var md strings.Builder
	fmt.Fprintf(&md, "Written by `make bench-envoy` on %s, %s; Envoy with one worker.\n\n",
		machine(), runtime.Version())
	for _, l := range gatewayLoads() {
		columns := gatewayColumns()
		fmt.Fprintf(&md, "%s:\n\n| %s |\n|%s\n",
			l.title, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
		for _, r := range results {
			fmt.Fprintf(&md, "| %s |\n", strings.Join(r.cells(l.of(r)), " | "))
		}
		md.WriteString("\n")
	}
	md.WriteString("What must hold is at saturation:\n\n")
	writeBounds(&md, "must hold", bounds)
	return errors.Join(
		os.MkdirAll(dir, 0o755),
		os.WriteFile(filepath.Join(dir, "envoy.json"), append(text, '\n'), 0o644),
		os.WriteFile(filepath.Join(dir, "envoy.md"), []byte(md.String()), 0o644),
		plotGateway(results, filepath.Join(dir, "envoy.svg")),
	)
}
