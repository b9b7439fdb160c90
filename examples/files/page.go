package main

import (
	"embed"
	"net/http"
)

//go:embed page
var embedded embed.FS

// pages serves the page and what belongs to it.
func pages() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", page("index.html"))
	for _, name := range []string{
		"style.css", "app.js", "link.js", "transfer.js", "upload.js", "download.js", "view.js", "sha256.js",
	} {
		mux.HandleFunc("GET /"+name, page(name))
	}
	return guarded(mux)
}

func page(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, embedded, "page/"+name)
	}
}

// guarded adds headers that leave a page no power but what this one needs.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
			"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "+
			"require-trusted-types-for 'script'; trusted-types 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		next.ServeHTTP(w, r)
	})
}
