// Package upstream is what stands behind the gateway in the demo and in the
// end-to-end tests: a shop whose CORS headers are wrong in the ways that real
// applications get them wrong, and an API of someone else that has none.
package upstream

import (
	"fmt"
	"net/http"
)

// Shop returns the application. Every answer, be it an error, carries the CORS
// headers of [careless], on whatever path and method; only /plain has none.
//
//	/cart                  sends Vary: Accept-Encoding, as what compresses does
//	/catalogue             sends Access-Control-Allow-Origin twice, as an
//	                       application and a proxy do that both mean well; has an
//	                       ETag, and answers 304 when it is asked for that
//	/varied                names Origin in Vary already
//	/moved                 redirects to /catalogue
//	/chat                  a WebSocket that sends back what it gets
//	/inventory.Stock/Get   a gRPC method that fails without a message
//	/plain                 says nothing of CORS
func Shop() http.Handler {
	shop := http.NewServeMux()
	shop.HandleFunc("/cart", cart)
	shop.HandleFunc("/catalogue", catalogue)
	shop.HandleFunc("/varied", varied)
	shop.Handle("/moved", http.RedirectHandler("/catalogue", http.StatusFound))
	shop.Handle("/chat", chat())
	shop.HandleFunc("/inventory.Stock/Get", grpcNotFound)

	all := http.NewServeMux()
	all.HandleFunc("/plain", plain)
	all.Handle("/", careless(shop))
	return all
}

// Careless is what [careless] sends, in the order of an HTTP response head.
var Careless = [][2]string{
	{"Access-Control-Allow-Credentials", "true"},
	{"Access-Control-Allow-Origin", "*"},
	{"Access-Control-Expose-Headers", "X-Cost"},
}

// careless lets everyone read everything, with credentials: a pair that browsers
// refuse, and that says what its author thought.
func careless(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, field := range Careless {
			w.Header().Set(field[0], field[1])
		}
		next.ServeHTTP(w, r)
	})
}

func cart(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("X-Cost", "7")
	writeJSON(w, `{"items": 3}`)
}

func catalogue(w http.ResponseWriter, r *http.Request) {
	const tag = `"v7"`
	w.Header().Add("Access-Control-Allow-Origin", "*")
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	writeJSON(w, `{"articles": 120}`)
}

func varied(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Vary", "Origin")
	writeJSON(w, `{}`)
}

// grpcNotFound answers as gRPC does without a message: status and all in the one
// block of headers ("trailers-only").
func grpcNotFound(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Grpc-Status", "5")
	w.Header().Set("Grpc-Message", "no such article")
}

func plain(w http.ResponseWriter, _ *http.Request) { writeJSON(w, `{"plain": true}`) }

func writeJSON(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintln(w, body)
}
