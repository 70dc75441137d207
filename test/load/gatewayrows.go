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
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/corsd/corsd/test/envoy"
)

// gatewayResult is what a variant does with one kind of request.
type gatewayResult struct {
	Variant   string        `json:"variant"`
	Kind      string        `json:"kind"`
	Saturated gatewayMedian `json:"saturated"` // as fast as it can, with one worker
	Fixed     gatewayMedian `json:"fixedRate"`
}

// gatewayMedian is the median of the repetitions under one load.
type gatewayMedian struct {
	Rate     float64 `json:"requestsPerSecond"`
	P50      float64 `json:"p50Milliseconds"`
	P99      float64 `json:"p99Milliseconds"`
	Envoy    float64 `json:"envoyMicroseconds"` // CPU per request
	Server   float64 `json:"serverMicroseconds"`
	Relative float64 `json:"relative"` // CPU per request of Envoy and server, to no filter
}

// fixedRate is how many requests a second are asked of every variant alike, so that none
// is saturated.
const fixedRate = 1500

// gatewayRows measures every variant with a real Envoy of one worker.
func (b *bench) gatewayRows(ctx context.Context) error {
	binary, err := envoy.Find(ctx, b.root, os.Stderr)
	if err != nil {
		return err
	}
	if b.pinned { // Envoy has a core of its own; all else has the other
		wrapper := filepath.Join(b.dir, "envoy")
		if err := os.WriteFile(wrapper, []byte("#!/bin/sh\nexec taskset -c 0 "+binary.Path+" \"$@\"\n"), 0o700); err != nil {
			return err
		}
		binary.Path = wrapper
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
	for _, v := range variants() {
		g, err := b.startGateway(ctx, binary, v, app, policy)
		if err != nil {
			return fmt.Errorf("%s: %w", v.name, err)
		}
		if err := g.ready(ctx); err != nil {
			return err
		}
	}
	fixed, saturated, err := b.gatewayRuns(ctx)
	if err != nil {
		return err
	}
	for _, k := range kinds() {
		tellNoise(varNone+", "+k.name, saturated[runKey{varNone, k.name}], gatewayRun.total)
	}
	results := b.gatewayResults(fixed, saturated)
	return b.gatewayReport(results, gatewayBounds(saturated))
}

// ready waits until the filter does its work: Envoy must know that the server is well.
func (g *gateway) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return g.envoy.Await(ctx, func(context.Context) error { return g.verify() })
}

type runKey struct{ variant, kind string }

// gatewayRuns repeats every kind with every variant in turn, at saturation and at a fixed
// rate. What must hold is at saturation, and for actual requests mostly: there are more of
// these.
func (b *bench) gatewayRuns(ctx context.Context) (fixed, saturated map[runKey][]gatewayRun, err error) {
	actual, others, run := 15, 5, time.Second
	if b.quick {
		actual, others, run = 2, 2, 700*time.Millisecond
	}
	saturated, err = b.gatewayTurns(ctx, actual, func(k kind, i int) bool { return i < others || k.name == kindActual },
		func(g *gateway, k kind) (gatewayRun, error) { return g.drive(k, 32, 0, run) })
	if err != nil {
		return nil, nil, err
	}
	fixed, err = b.gatewayTurns(ctx, 3, func(kind, int) bool { return true },
		func(g *gateway, k kind) (gatewayRun, error) { return g.drive(k, 16, fixedRate, 2*run) })
	return fixed, saturated, err
}

// gatewayTurns lets all variants do the same one after the other, and then the other way
// round, so that what is compared is measured within seconds.
func (b *bench) gatewayTurns(ctx context.Context, repetitions int, counts func(k kind, i int) bool, one func(*gateway, kind) (gatewayRun, error)) (map[runKey][]gatewayRun, error) {
	runs := map[runKey][]gatewayRun{}
	order := slices.Clone(b.gateways)
	for i := range repetitions {
		fmt.Fprintf(os.Stderr, "measuring: repetition %d of %d\n", i+1, repetitions)
		for _, k := range kinds() {
			if !counts(k, i) {
				continue
			}
			for _, g := range order {
				found, err := one(g, k)
				if err = cmp.Or(err, ctx.Err()); err != nil {
					return nil, err
				}
				key := runKey{g.name, k.name}
				runs[key] = append(runs[key], found)
			}
		}
		slices.Reverse(order)
	}
	return runs, nil
}

func medianOf(runs []gatewayRun, quantity func(gatewayRun) float64) float64 {
	values := make([]float64, len(runs))
	for i, r := range runs {
		values[i] = quantity(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func (b *bench) gatewayResults(fixed, saturated map[runKey][]gatewayRun) []gatewayResult {
	var results []gatewayResult
	for _, k := range kinds() {
		base := runKey{varNone, k.name}
		for _, g := range b.gateways {
			key := runKey{g.name, k.name}
			results = append(results, gatewayResult{
				Variant: g.name, Kind: k.name,
				Saturated: medians(saturated[key], saturated[base]), Fixed: medians(fixed[key], fixed[base]),
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
		Relative: medianRatio(runs, base, gatewayRun.total),
	}
}

func gatewayRatios(of, by []gatewayRun, quantity func(gatewayRun) float64) []float64 {
	values := make([]float64, min(len(of), len(by)))
	for i := range values {
		values[i] = quantity(of[i]) / quantity(by[i])
	}
	return values
}

func medianRatio(of, by []gatewayRun, quantity func(gatewayRun) float64) float64 {
	values := gatewayRatios(of, by, quantity)
	slices.Sort(values)
	return values[len(values)/2]
}

// gatewayBounds are what must hold.
func gatewayBounds(runs map[runKey][]gatewayRun) []row {
	of := func(name, variant, against, kind string, bound float64, quantity func(gatewayRun) float64) row {
		return newRow(name, against, "ratio", bound, gatewayRatios(runs[runKey{variant, kind}], runs[runKey{against, kind}], quantity))
	}
	envoyOnly := func(r gatewayRun) float64 { return float64(r.envoy) }
	serverOnly := func(r gatewayRun) float64 { return float64(r.server) }
	return []row{
		of("actual request, default profile: CPU of Envoy and server", varDefault, varFloor, kindActual, 0.97, gatewayRun.total),
		of("actual request, default profile: CPU of the server", varDefault, varFloor, kindActual, 0.75, serverOnly),
		of("actual request, lean: CPU of Envoy and server", varLean, varAll, kindActual, 0.92, gatewayRun.total),
		of("actual request, ext_authz: CPU of Envoy and server", varAuthz, varAll, kindActual, 0.90, gatewayRun.total),
		of("request without Origin, default profile: CPU of Envoy", varDefault, varNone, kindPlain, 1.15, envoyOnly),
		of("request without Origin, lean: CPU of Envoy", varLean, varNone, kindPlain, 1.15, envoyOnly),
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

// gatewayLoad is one of the two loads, with the words over its table.
type gatewayLoad struct {
	title string
	of    func(gatewayResult) gatewayMedian
}

func gatewayLoads() []gatewayLoad {
	return []gatewayLoad{
		{"At saturation, 32 connections", func(r gatewayResult) gatewayMedian { return r.Saturated }},
		{fmt.Sprintf("At %d requests a second, 16 connections", fixedRate), func(r gatewayResult) gatewayMedian { return r.Fixed }},
	}
}

func gatewayColumns() []string {
	return []string{"request", "filter", "requests/s", "p50 ms", "p99 ms", "Envoy, CPU µs", "server, CPU µs", "both, to no filter"}
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
	fmt.Fprintf(&md, "Written by `make bench-envoy` on %s, %s; Envoy with one worker.\n\n", machine(), runtime.Version())
	for _, l := range gatewayLoads() {
		fmt.Fprintf(&md, "%s:\n\n| %s |\n|%s\n", l.title, strings.Join(gatewayColumns(), " | "), strings.Repeat("---|", len(gatewayColumns())))
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
