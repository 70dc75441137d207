// Package upstream has the applications behind the gateway of the demo and the end-to-end tests: a shop whose CORS
// headers are wrong in ways that occur in real applications, and a third party's API that sets none.
package upstream

import (
	"fmt"
	"net/http"
)

// Shop returns the application. Every response except that of /plain has the CORS headers of [careless], for every
// method and also with an error status.
//
//	/cart                  sends Vary: Accept-Encoding, as a server that compresses
//	/catalogue             sends Access-Control-Allow-Origin twice, as an
//	                       application and a proxy do if both set it; has an
//	                       ETag, and answers 304 to a request for that ETag
//	/varied                names Origin in Vary already
//	/objects/              an object store: lets everyone measure and embed; has
//	                       headers of its own and an ETag, and answers 304
//	/moved                 redirects to /catalogue
//	/chat                  a WebSocket that echoes its messages
//	/inventory.Stock/Get   a gRPC method that fails without a message
//	/plain                 has no CORS headers
func Shop() http.Handler {
	shop := http.NewServeMux()
	shop.HandleFunc("/cart", cart)
	shop.HandleFunc("/catalogue", catalogue)
	shop.HandleFunc("/objects/", object)
	shop.HandleFunc("/varied", varied)
	shop.Handle("/moved", http.RedirectHandler("/catalogue", http.StatusFound))
	shop.Handle("/chat", chat())
	shop.HandleFunc("/inventory.Stock/Get", grpcNotFound)

	all := http.NewServeMux()
	all.HandleFunc("/plain", plain)
	all.Handle("/", careless(shop))
	return all
}

// Careless has the headers that [careless] sends, in the order of an HTTP response head.
var Careless = [][2]string{
	{"Access-Control-Allow-Credentials", "true"},
	{"Access-Control-Allow-Origin", "*"},
	{"Access-Control-Expose-Headers", "X-Cost"},
}

// careless allows every origin with credentials: a combination that browsers refuse.
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

func object(w http.ResponseWriter, r *http.Request) {
	const tag = `"o1"`
	w.Header().Set("Timing-Allow-Origin", "*")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("X-Amz-Request-Id", "1")
	w.Header().Set("X-Amz-Version-Id", "2")
	writeJSON(w, `{"object": true}`)
}

func varied(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Vary", "Origin")
	writeJSON(w, `{}`)
}

// grpcNotFound answers as gRPC does without a message: the status is in the only block of headers
// ("trailers-only").
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
