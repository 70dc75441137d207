package main

import (
	"io"
	"net/http"
	"testing"

	jub0bs "github.com/jub0bs/cors"
	rs "github.com/rs/cors"
)

// The policy of BenchmarkEngine, here and in pkg/extproc. All three implementations can express it.
var (
	benchOrigins = []string{"https://www.shop.example", "https://admin.shop.example", "https://*.apps.example"}
	benchMethods = []string{"GET", "PUT", "DELETE"}
	benchHeaders = []string{"Content-Type", "Authorization"}
)

// BenchmarkEngine measures the two middlewares that `make bench` compares with BenchmarkEngine of pkg/extproc. Each
// starts from a request that has been read and ends with an encoded answer. The header is encoded as net/http does it.
// All reuse their buffers.
func BenchmarkEngine(b *testing.B) {
	application := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	middleware, err := jub0bs.NewMiddleware(jub0bs.Config{
		Origins: benchOrigins, Credentialed: true, Methods: benchMethods, RequestHeaders: benchHeaders,
		ResponseHeaders: []string{"ETag"}, MaxAgeInSeconds: 600,
	})
	if err != nil {
		b.Fatal(err)
	}
	handlers := map[string]http.Handler{
		"jub0bs": middleware.Wrap(application),
		"rs": rs.New(rs.Options{
			AllowedOrigins: benchOrigins, AllowCredentials: true, AllowedMethods: benchMethods, AllowedHeaders: benchHeaders,
			ExposedHeaders: []string{"ETag"}, MaxAge: 600,
		}).Handler(application),
	}
	for _, class := range []string{"actual", "preflight"} {
		for _, name := range []string{"jub0bs", "rs"} {
			b.Run("impl="+name+"/class="+class, func(b *testing.B) { benchHandler(b, handlers[name], class) })
		}
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

// discard is a ResponseWriter that keeps only the header.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}
