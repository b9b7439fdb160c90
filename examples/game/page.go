package main

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/icsws/icsws/web"
)

//go:embed page
var files embed.FS

// pages serves the page, which needs nothing from elsewhere and may have nothing.
func pages() http.Handler {
	dir, _ := fs.Sub(files, "page") // which is there
	serve := http.NewServeMux()
	serve.Handle("/", http.FileServerFS(dir))
	serve.Handle("/icsws.js", web.Handler())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "+
			"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "+
			"require-trusted-types-for 'script'; trusted-types 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-cache")
		serve.ServeHTTP(w, r)
	})
}
