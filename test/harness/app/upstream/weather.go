package upstream

import "net/http"

// Weather returns an API that has never heard of CORS: it sends none of its
// headers, and refuses OPTIONS.
func Weather() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		writeJSON(w, `{"weather": "rain"}`)
	})
}
