package main

import (
	"bytes"
	"embed"
	"html/template"
	"net"
	"net/http"

	"github.com/icsws/icsws/hosts"
)

//go:embed page
var files embed.FS

var index = template.Must(template.ParseFS(files, "page/index.html"))

// view is the page of a host.
type view struct {
	Tag, Descr, Tagline string
	Others              []link
}

// link leads to another host.
type link struct{ Descr, Authority string }

// pages serves the page of a host, with links to the others.
func pages(host hosts.Host, all []hosts.Host) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		v := view{Tag: host.Tag, Descr: host.Descr, Tagline: host.Meta["tagline"]}
		for _, other := range all {
			if other.Tag != host.Tag && !other.Disabled && len(other.Names) > 0 {
				v.Others = append(v.Others, link{other.Descr, samePort(other.Names[0], r.Host)})
			}
		}
		var page bytes.Buffer
		if err := index.Execute(&page, v); err != nil {
			http.Error(w, "no page", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = page.WriteTo(w)
	})
	for _, name := range []string{"style.css", "app.js", "facts.js"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, files, "page/"+name)
		})
	}
	return guarded(mux)
}

// samePort is name with the port of authority.
func samePort(name, authority string) string {
	if _, port, err := net.SplitHostPort(authority); err == nil {
		return net.JoinHostPort(name, port)
	}
	return name
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
