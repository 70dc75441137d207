package upstream

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/image/font/gofont/gosmallcaps"
)

// Gallery returns an application that shows CORS: it has one resource of each kind that a page can load. Most responses
// have no CORS headers. A few allow more than they should, as careless applications do.
//
//	/articles/7     is read by GET, changed by PUT, PATCH and DELETE
//	/catalogue      lets everyone read, and forgets to expose X-Total; X-Served-By
//	                is private
//	/invoices       lets everyone read, and should not
//	/me             returns the user of the cookie session; lets everyone read
//	                with credentials, in the one form that browsers refuse
//	/moved          redirects to /articles/7, /moved-away to the weather
//	/events         sends one event, and ends a second later
//	/chat           is a WebSocket that echoes its messages
//	/assets/        has a font, two pictures and a script
func Gallery() http.Handler {
	mux := http.NewServeMux()
	for _, method := range []string{"GET", "PUT", "PATCH", "DELETE", "POST"} {
		mux.HandleFunc(method+" /articles/7", article)
	}
	mux.HandleFunc("GET /catalogue", catalogueOfAll)
	mux.HandleFunc("GET /invoices", open(`{"open": ["No. 17: 1,200.00"]}`))
	mux.HandleFunc("GET /me", me)
	mux.HandleFunc("GET /moved", moved)
	mux.HandleFunc("GET /moved-away", movedAway)
	mux.HandleFunc("GET /events", events)
	mux.Handle("GET /chat", chat())
	mux.HandleFunc("GET /assets/small-caps.ttf", asset("font/ttf", gosmallcaps.TTF))
	mux.HandleFunc("GET /assets/sun.png", asset("image/png", sun()))
	mux.HandleFunc("GET /assets/wedge.png", asset("image/png", wedge()))
	greeting := []byte("export const greeting = 'Hello from the API';\n")
	mux.HandleFunc("GET /assets/greeting.js", asset("text/javascript", greeting))
	return mux
}

func article(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, fmt.Sprintf(`{"article": 7, "name": "teapot", "method": %q}`, r.Method))
}

// open returns a handler whose response every page may read.
func open(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		writeJSON(w, body)
	}
}

func catalogueOfAll(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Total", "120")
	w.Header().Set("X-Served-By", "warehouse-2")
	open(`{"articles": 120}`)(w, r)
}

func me(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Credentials", "true")
	user := "nobody"
	if session, err := r.Cookie("session"); err == nil {
		user = session.Value
	}
	writeJSON(w, fmt.Sprintf(`{"user": %q}`, user))
}

func moved(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/articles/7?"+r.URL.RawQuery, http.StatusFound)
}

func movedAway(w http.ResponseWriter, r *http.Request) {
	host := "weather.localhost"
	if _, port, err := net.SplitHostPort(r.Host); err == nil {
		host = net.JoinHostPort(host, port)
	}
	http.Redirect(w, r, "//"+host+"/today?"+r.URL.RawQuery, http.StatusFound)
}

// eventsFor is the length of a stream of events, unless the page closes it before.
const eventsFor = time.Second

func events(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	fmt.Fprint(w, "event: price\ndata: {\"article\": 7, \"price\": 12}\n\n")
	if err := http.NewResponseController(w).Flush(); err != nil {
		return
	}
	select {
	case <-r.Context().Done():
	case <-time.After(eventsFor):
	}
}

func asset(kind string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content) // fails only if the client is gone
	}
}
