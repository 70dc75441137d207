package conformance_test

import (
	"net/http"
)

// application returns the application behind each implementation of CORS. It accepts every method.
// Only /careless sends CORS headers.
//
//	/article, /catalogue   200, with an ETag and X-Total; 304 to a request for that ETag
//	/private               401
//	/broken                500
//	/moved                 302
//	/careless              lets everyone read, and exposes X-Cost
func application() http.Handler {
	app := http.NewServeMux()
	app.HandleFunc("/article", article)
	app.HandleFunc("/catalogue", article)
	app.HandleFunc("/private", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
	})
	app.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	app.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/article", http.StatusFound) })
	app.HandleFunc("/careless", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "X-Cost")
		w.Header().Set("X-Cost", "7")
	})
	return app
}

func article(w http.ResponseWriter, r *http.Request) {
	const tag = `"v7"`
	w.Header().Set("ETag", tag)
	w.Header().Set("X-Total", "120")
	if (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
	}
}
