package main

import (
	"cmp"
	"context"
	"crypto/subtle"
	"log"
	"net/http"
)

// recorder remembers the status of a response. Unwrap is what lets the handler
// behind it take over the connection.
type recorder struct {
	http.ResponseWriter
	status int // 0 while nothing was written
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	r.status = cmp.Or(r.status, http.StatusOK)
	return r.ResponseWriter.Write(p)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// logged logs each request when its handler returns. For a WebSocket that is when
// its client runs: the 101 was written past the recorder.
func logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := &recorder{ResponseWriter: w}
		next.ServeHTTP(rec, r)
		log.Print(r.Method, " ", r.URL.Path, " ", cmp.Or(rec.status, http.StatusSwitchingProtocols))
	})
}

type userKey struct{}

// signedIn lets any name in that knows the password.
func signedIn(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(password), []byte("secret")) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="embed"`)
			http.Error(w, "please sign in", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, user)))
	})
}
