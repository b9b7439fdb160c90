package main

import (
	"bytes"
	"embed"
	"html/template"
	"net"
	"net/http"

	"github.com/icsws/icsws/web"
)

//go:embed page
var files embed.FS

var index = template.Must(template.ParseFS(files, "page/index.html"))

// place is a virtual host as its visitors see it.
type place struct {
	Tag, Title, Tagline string
	Welcome             string // in the lobby
	Names               []string
	Neighbour           string // host name of the other place
	NeighbourTitle      string
}

// banner is what is said at the door of a room.
func (p place) banner(room string) string {
	if room == lobby {
		return p.Welcome
	}
	return "This is " + room + ", a room of " + p.Title + ". Whoever has the address can come in."
}

// places in order; the first is the default host.
var places = []place{{
	Tag: "commons", Title: "The Commons",
	Tagline: "An open room for whoever is about",
	Welcome: "Welcome to the Commons. Say hello, or just listen for a while.",
	Names:   []string{"localhost", "127.0.0.1", "::1"},

	Neighbour: "lounge.localhost", NeighbourTitle: "The Lounge",
}, {
	Tag: "lounge", Title: "The Lounge",
	Tagline: "Low light, soft chairs, no hurry",
	Welcome: "Good evening, and welcome to the Lounge. Sit where you like.",
	Names:   []string{"lounge.localhost"},

	Neighbour: "localhost", NeighbourTitle: "The Commons",
}}

// view is a page of a place.
type view struct {
	place
	Room          string // its name
	Lobby         bool   // the page is that of the lobby
	Full          bool
	NeighbourHost string
}

// handler serves the pages of p: the lobby, and each room under /r/. A page makes no
// room: the first who joins does. While full, they come with status 503 and say so;
// they work all the same, as a place may be free by the time their reader wants one.
func (p place) handler(full func() bool) http.Handler {
	page := func(w http.ResponseWriter, r *http.Request, room string) {
		show(w, view{p, room, room == lobby, full(), p.neighbour(r.Host)})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { page(w, r, lobby) })
	mux.HandleFunc("GET /r/{room...}", func(w http.ResponseWriter, r *http.Request) {
		name := r.PathValue("room")
		switch room, err := roomName(name); {
		case err != nil:
			http.Error(w, err.Error(), http.StatusBadRequest)
		case room == lobby:
			http.Redirect(w, r, "/", http.StatusPermanentRedirect)
		case room != name:
			http.Redirect(w, r, "/r/"+room, http.StatusPermanentRedirect)
		default:
			page(w, r, room)
		}
	})
	for _, name := range []string{"style.css", "app.js", "log.js", "people.js"} {
		mux.HandleFunc("GET /"+name, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, files, "page/"+name)
		})
	}
	mux.Handle("/icsws.js", web.Handler())
	return guarded(mux)
}

func show(w http.ResponseWriter, v view) {
	var page bytes.Buffer
	if err := index.Execute(&page, v); err != nil {
		http.Error(w, "no page", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if v.Full {
		w.Header().Set("Retry-After", "15")
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = page.WriteTo(w)
}

// neighbour is the other place, on the port of the request.
func (p place) neighbour(host string) string {
	if _, port, err := net.SplitHostPort(host); err == nil {
		return net.JoinHostPort(p.Neighbour, port)
	}
	return p.Neighbour
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
