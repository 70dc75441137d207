package lab

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed page
var pageFiles embed.FS

// assets serves the page's files. To the shop's page it gives the cookie of
// someone who is signed in, for all of the shop's hosts.
func assets() http.Handler {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the name above is no path
	}
	server := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.URL.Path == "/" && strings.HasPrefix(r.Host, "www.shop.localhost") {
			http.SetCookie(w, session())
		}
		server.ServeHTTP(w, r)
	})
}

// Assets lists the paths that the page is made of.
func Assets() []string {
	paths := []string{"/"}
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		panic(err) // the name above is no path
	}
	for _, e := range entries {
		if e.Name() != "index.html" { // which is "/"
			paths = append(paths, "/"+e.Name())
		}
	}
	return paths
}

// session is a cookie as applications set it that are used from other sites: the
// browser sends it along with whatever page asks. Local names count as secure.
func session() *http.Cookie {
	return &http.Cookie{
		Name: "session", Value: "ada", Domain: "shop.localhost", Path: "/",
		SameSite: http.SameSiteNoneMode, Secure: true, HttpOnly: true,
	}
}
