package web

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"strings"
	"time"
)

//go:embed dist/icsws.js
var script string

// Script returns the client: an ECMAScript module in UTF-8, minified.
func Script() string { return script }

// Handler serves the client at whatever path it is asked for, to GET and HEAD. Browsers
// keep it and ask each time whether it is still the same (Cache-Control: no-cache, and an
// ETag of its content), so that a page and its server never differ in version. It may be
// used by any number of goroutines.
func Handler() http.Handler {
	sum := sha256.Sum256([]byte(script))
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("ETag", tag)
		http.ServeContent(w, r, "icsws.js", time.Time{}, strings.NewReader(script))
	})
}
