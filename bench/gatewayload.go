package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// kind is one kind of request to a gateway.
type kind struct {
	name string
	text string // the whole request
}

const (
	kindPlain     = "no Origin"
	kindActual    = "actual"
	kindPreflight = "preflight"
)

func kinds() []kind {
	text := func(first string, lines ...string) string {
		lines = append([]string{
			first, "Host: api.shop.example", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0",
			"Accept: */*", "Accept-Encoding: gzip, deflate, br", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site",
		}, lines...)
		return strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	return []kind{
		{kindPlain, text("GET /cart/items?page=2 HTTP/1.1", "Cookie: session=0123456789abcdef")},
		{kindActual, text("GET /cart/items?page=2 HTTP/1.1", "Cookie: session=0123456789abcdef", "Origin: "+page)},
		{kindPreflight, text("OPTIONS /cart/items HTTP/1.1", "Origin: "+page,
			"Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: content-type")},
	}
}

// ask sends one request and returns the headers of the response.
func (k kind) ask(conn net.Conn, r *bufio.Reader) (http.Header, error) {
	if _, err := io.WriteString(conn, k.text); err != nil {
		return nil, err
	}
	method, _, _ := strings.Cut(k.text, " ")
	response, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.Header, errors.Join(err, response.Body.Close())
}

// gatewayRun is the result of one repetition.
type gatewayRun struct {
	requests      int
	seconds       float64
	envoy, server time.Duration // CPU per request
	p50, p99      time.Duration
}

func (r gatewayRun) total() float64 { return float64(r.envoy + r.server) }

// visit is one repetition of one kind of request with one gateway, over connections that stay
// open. It is made of slices, which alternate with the slices of other gateways: the processor
// time that a shared machine leaves changes within seconds, but hardly within a tenth of one.
type visit struct {
	*gateway
	kind        kind
	connections []net.Conn
	readers     []*bufio.Reader
	latencies   [][]time.Duration // of each connection
	seconds     float64
	used        [2]time.Duration // CPU of Envoy and of the server
}

func (g *gateway) visit(k kind, connections int) (*visit, error) {
	v := &visit{gateway: g, kind: k, latencies: make([][]time.Duration, connections)}
	for range connections {
		conn, err := net.Dial("tcp", g.envoy.Address)
		if err != nil {
			return nil, errors.Join(err, v.close())
		}
		v.connections = append(v.connections, conn)
		v.readers = append(v.readers, bufio.NewReader(conn))
	}
	return v, nil
}

func (v *visit) close() error {
	var errs []error
	for _, conn := range v.connections {
		errs = append(errs, conn.Close())
	}
	return errors.Join(errs...)
}

// slice sends requests for some time, and measures from the first request to the last response.
// With rate 0 each connection sends its next request after a response. Else the connections send
// in turn, at equal intervals.
func (v *visit) slice(rate float64, run time.Duration) error {
	before, err := v.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	failed := make([]error, len(v.connections))
	var group sync.WaitGroup
	for i, conn := range v.connections {
		group.Go(func() {
			for n := i; ; n += len(v.connections) {
				due := time.Now()
				if rate > 0 {
					due = began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
				}
				if due.Sub(began) >= run {
					return
				}
				time.Sleep(time.Until(due))
				answer, err := v.kind.ask(conn, v.readers[i])
				if failed[i] = cmp.Or(err, v.judge(v.kind, answer)); failed[i] != nil {
					return
				}
				v.latencies[i] = append(v.latencies[i], time.Since(due))
			}
		})
	}
	group.Wait()
	v.seconds += time.Since(began).Seconds()
	after, err := v.cpu()
	if err := cmp.Or(errors.Join(failed...), err); err != nil {
		return fmt.Errorf("%s: %s: %w", v.name, v.kind.name, err)
	}
	for i := range v.used {
		v.used[i] += after[i] - before[i]
	}
	return nil
}

// result returns the result of all slices together.
func (v *visit) result() gatewayRun {
	all := slices.Concat(v.latencies...)
	slices.Sort(all)
	n := len(all)
	return gatewayRun{
		requests: n, seconds: v.seconds,
		envoy: v.used[0] / time.Duration(n), server: v.used[1] / time.Duration(n),
		p50: all[n/2], p99: all[n*99/100],
	}
}

// cpu returns the processor times of Envoy and of the server.
func (g *gateway) cpu() (used [2]time.Duration, err error) {
	if used[0], err = cpuOfProcess(g.envoy.ID()); err == nil && g.server != nil {
		used[1], err = g.server.cpu()
	}
	return used, err
}

// verify sends one request of each kind, and checks the responses.
func (g *gateway) verify() error {
	for _, k := range kinds() {
		conn, err := net.Dial("tcp", g.envoy.Address)
		if err != nil {
			return err
		}
		answer, err := k.ask(conn, bufio.NewReader(conn))
		_ = conn.Close()
		if err = cmp.Or(err, g.judge(k, answer)); err != nil {
			return fmt.Errorf("%s: %s: %w", g.name, k.name, err)
		}
	}
	return nil
}

// judge checks that a response is right for the variant.
func (g *gateway) judge(k kind, answer http.Header) error {
	header, want := "Access-Control-Allow-Origin", ""
	switch {
	case g.server != nil && g.server.name == floor:
		if header = noopHeader; g.name == varFloorAll || k.name != kindPlain {
			want = "1"
		}
	case g.name != varNone && k.name != kindPlain:
		want = page
	}
	if got := answer.Get(header); got != want {
		return fmt.Errorf("%w: %s is %q, want %q", errFilter, header, got, want)
	}
	return nil
}
