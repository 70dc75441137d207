package extproc

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/corsd/corsd/internal/exchange"
	"github.com/corsd/corsd/internal/wire"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The policy of BenchmarkEngine, here and in bench.
var (
	benchOrigins = []string{"https://www.shop.example", "https://admin.shop.example", "https://*.apps.example"}
	benchMethods = []string{"GET", "PUT", "DELETE"}
	benchHeaders = []string{"Content-Type", "Authorization"}
)

// BenchmarkEngine starts from a request that has been read and ends with an encoded answer. `make bench` compares it with
// the benchmark of the same name in bench, which runs two middlewares.
func BenchmarkEngine(b *testing.B) {
	for _, class := range []string{"actual", "preflight"} {
		b.Run("impl=corsd/class="+class, func(b *testing.B) { benchCorsd(b, class) })
	}
}

func benchCorsd(b *testing.B, class string) {
	engine, _, err := policy.Compile(spec.Config{Policies: []spec.Policy{{Name: "shop", Spec: spec.PolicySpec{
		Hosts: []string{"api.shop.example"},
		CORS: &spec.CORS{
			AllowOrigins: benchOrigins, AllowCredentials: new(true), AllowMethods: benchMethods, AllowHeaders: benchHeaders,
			ExposeHeaders: []string{"ETag"}, MaxAge: new(spec.Seconds(600)),
		},
	}}}})
	if err != nil {
		b.Fatal(err)
	}
	r := policy.Request{Method: "GET", Scheme: "https", Authority: "api.shop.example", Path: "/cart/items?page=2", Origin: []string{"https://www.shop.example"}}
	if class == "preflight" {
		r.Method, r.RequestMethod, r.RequestHeaders = "OPTIONS", []string{"PUT"}, []string{"authorization,content-type"}
	}
	x := &stream{}
	service, err := exchange.New(exchange.Options{Engine: func() *policy.Engine { return engine }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	x.exchange.Begin(b.Context(), service)
	x.exchange.Request = r
	b.ReportAllocs()
	for b.Loop() {
		e := &x.exchange
		e.Decide(exchange.RequestResponse)
		if r, ok := e.Respond(); ok {
			x.answer.Immediate(r.Status, mutation(r), "corsd_"+e.Decision().Reason.String(), x.facts(nil))
			continue
		}
		e.ResetResponse()
		x.answer.Edit(mutation(e.Edit()), nil)
	}
}

// BenchmarkRead is the reading of a browser's request from the headers of a message.
func BenchmarkRead(b *testing.B) {
	for _, headers := range []int{7, 21, 200} {
		b.Run(fmt.Sprintf("headers=%d", headers), func(b *testing.B) {
			lines := []wire.Header{{Name: []byte(":method"), Value: []byte("GET")}, {Name: []byte("origin"), Value: []byte("https://www.shop.example")}}
			for i := len(lines); i < headers; i++ {
				lines = append(lines, wire.Header{Name: fmt.Appendf(nil, "x-header-%d", i), Value: []byte(strings.Repeat("v", 40))})
			}
			var x exchange.Exchange
			b.ReportAllocs()
			for b.Loop() {
				x.Reset()
				for _, h := range lines {
					x.AddHeader(h.Name, h.Value)
				}
			}
		})
	}
}
