package extproc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/corsd/corsd/pkg/extproc/internal/wire"
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
	var change policy.Response
	var reply wire.Answer
	b.ReportAllocs()
	for b.Loop() {
		d := engine.Decide(&r)
		change.Reset()
		if d.Action() == policy.ActionRespond {
			d.Respond(&change)
			reply.Immediate(&d, &change)
			continue
		}
		d.Edit(&change, 200, nil)
		reply.Mutated(nil, &change)
	}
}

// BenchmarkRead is the reading of a message that a browser's request makes of Envoy's.
func BenchmarkRead(b *testing.B) {
	for _, headers := range []int{7, 21, 200} {
		b.Run(fmt.Sprintf("headers=%d", headers), func(b *testing.B) {
			lines := []wire.Header{{Name: []byte(":method"), Value: []byte("GET")}, {Name: []byte("origin"), Value: []byte("https://www.shop.example")}}
			for i := len(lines); i < headers; i++ {
				lines = append(lines, wire.Header{Name: fmt.Appendf(nil, "x-header-%d", i), Value: []byte(strings.Repeat("v", 40))})
			}
			var r policy.Request
			var reader requestReader
			b.ReportAllocs()
			for b.Loop() {
				r.Reset()
				reader.read(&r, lines)
			}
		})
	}
}
