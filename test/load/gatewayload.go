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
	"sync/atomic"
	"time"
)

// kind is one kind of request to a gateway.
type kind struct {
	name string
	text string // as it is sent
}

const (
	kindPlain     = "no Origin"
	kindActual    = "actual"
	kindPreflight = "preflight"
)

func kinds() []kind {
	text := func(first string, lines ...string) string {
		lines = append([]string{
			first, "Host: api.shop.example", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0", "Accept: */*",
			"Accept-Encoding: gzip, deflate, br", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site",
		}, lines...)
		return strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	return []kind{
		{kindPlain, text("GET /cart/items?page=2 HTTP/1.1", "Cookie: session=0123456789abcdef")},
		{kindActual, text("GET /cart/items?page=2 HTTP/1.1", "Cookie: session=0123456789abcdef", "Origin: "+page)},
		{kindPreflight, text("OPTIONS /cart/items HTTP/1.1", "Origin: "+page, "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: content-type")},
	}
}

// ask sends one request and gives the answer's headers.
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

// gatewayRun is what one repetition found.
type gatewayRun struct {
	requests      int
	seconds       float64
	envoy, server time.Duration // CPU per request
	p50, p99      time.Duration
}

func (r gatewayRun) total() float64 { return float64(r.envoy + r.server) }

// drive asks one kind of request over several connections: the next when one is
// answered, or at a rate, at even intervals.
func (g *gateway) drive(k kind, connections int, rate float64, run time.Duration) (gatewayRun, error) {
	var stopping atomic.Bool
	var group sync.WaitGroup
	latencies := make([][]time.Duration, connections)
	failed := make(chan error, connections)
	var recording atomic.Bool
	for i := range connections {
		conn, err := net.Dial("tcp", g.envoy.Address)
		if err != nil {
			return gatewayRun{}, err
		}
		group.Go(func() {
			defer conn.Close()
			r := bufio.NewReader(conn)
			due := time.Now()
			for !stopping.Load() {
				if rate > 0 {
					due = due.Add(time.Duration(float64(connections) / rate * float64(time.Second)))
					time.Sleep(time.Until(due))
				} else {
					due = time.Now()
				}
				answer, err := k.ask(conn, r)
				if err = cmp.Or(err, g.judge(k, answer)); err != nil {
					failed <- err
					return
				}
				if recording.Load() {
					latencies[i] = append(latencies[i], time.Since(due))
				}
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	before, err := g.cpu()
	if err != nil {
		return gatewayRun{}, err
	}
	began := time.Now()
	recording.Store(true)
	time.Sleep(run)
	recording.Store(false)
	seconds := time.Since(began).Seconds()
	after, err := g.cpu()
	stopping.Store(true)
	group.Wait()
	select {
	case err = <-failed:
	default:
	}
	if err != nil {
		return gatewayRun{}, fmt.Errorf("%s: %s: %w", g.name, k.name, err)
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	n := max(len(all), 1)
	return gatewayRun{
		requests: len(all), seconds: seconds,
		envoy: (after[0] - before[0]) / time.Duration(n), server: (after[1] - before[1]) / time.Duration(n),
		p50: all[n/2], p99: all[n*99/100],
	}, nil
}

// cpu is what Envoy and the server have had.
func (g *gateway) cpu() (used [2]time.Duration, err error) {
	if used[0], err = cpuOfProcess(g.envoy.ID()); err == nil && g.server != nil {
		used[1], err = g.server.cpu()
	}
	return used, err
}

// verify asks each kind once.
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

// judge holds an answer to what the variant is for.
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
