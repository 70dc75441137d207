package upstream

import "net/http"

// Weather returns an API without CORS: it sends no CORS headers, and refuses OPTIONS.
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
