package extproc

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/jub0bs/cors"
	rscors "github.com/rs/cors"

	"github.com/corsd/corsd/pkg/extproc/internal/wire"
	"github.com/corsd/corsd/pkg/policy"
	"github.com/corsd/corsd/pkg/policy/spec"
)

// The policy of the benchmarks, which all three can express.
var (
	benchOrigins = []string{"https://www.shop.example", "https://admin.shop.example", "https://*.apps.example"}
	benchMethods = []string{"GET", "PUT", "DELETE"}
	benchHeaders = []string{"Content-Type", "Authorization"}
)

// BenchmarkEngine is from a request that has been read to an answer that is encoded. The
// middlewares get a request that has been read, too; their answer is encoded when the
// header that they wrote is, which is what net/http does with it. All three write again
// where they wrote before.
func BenchmarkEngine(b *testing.B) {
	for _, class := range []string{"actual", "preflight"} {
		b.Run("impl=corsd/class="+class, func(b *testing.B) { benchCorsd(b, class) })
		b.Run("impl=jub0bs/class="+class, func(b *testing.B) {
			m, err := cors.NewMiddleware(cors.Config{
				Origins: benchOrigins, Credentialed: true, Methods: benchMethods, RequestHeaders: benchHeaders, ResponseHeaders: []string{"ETag"}, MaxAgeInSeconds: 600,
			})
			if err != nil {
				b.Fatal(err)
			}
			benchHandler(b, m.Wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), class)
		})
		b.Run("impl=rs/class="+class, func(b *testing.B) {
			m := rscors.New(rscors.Options{
				AllowedOrigins: benchOrigins, AllowCredentials: true, AllowedMethods: benchMethods, AllowedHeaders: benchHeaders, ExposedHeaders: []string{"ETag"}, MaxAge: 600,
			})
			benchHandler(b, m.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})), class)
		})
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

func benchHandler(b *testing.B, h http.Handler, class string) {
	r, err := http.NewRequest(http.MethodGet, "https://api.shop.example/cart/items?page=2", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Origin", "https://www.shop.example")
	if class == "preflight" {
		r.Method = http.MethodOptions
		r.Header.Set("Access-Control-Request-Method", "PUT")
		r.Header.Set("Access-Control-Request-Headers", "authorization,content-type")
	}
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, r)
		if err := w.header.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// discard is a response that nobody reads.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

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
