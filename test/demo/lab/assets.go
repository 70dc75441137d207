package lab

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

//go:embed page
var pageFiles embed.FS

// assets serves the page's files. With the shop's page it sets the cookie of a signed-in user,
// for all of the shop's hosts.
func assets() http.Handler {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // only if "page" is not a valid path
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

// Assets lists the paths of the page's files.
func Assets() []string {
	paths := []string{"/"}
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		panic(err) // only if "page" is not embedded
	}
	for _, e := range entries {
		if e.Name() != "index.html" { // which is "/"
			paths = append(paths, "/"+e.Name())
		}
	}
	return paths
}

// session returns a cookie that browsers send with requests of pages of every site. Local names
// count as secure.
func session() *http.Cookie {
	return &http.Cookie{
		Name: "session", Value: "ada", Domain: "shop.localhost", Path: "/",
		SameSite: http.SameSiteNoneMode, Secure: true, HttpOnly: true,
	}
}
