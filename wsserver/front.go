package wsserver

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/logkey"
)

// The requests of a host that are no upgrades are answered by the first of these that
// has an answer: the issuer (a check over HTTP), Host.OnWellKnown, Host.WellKnown,
// Host.RedirectURL, Host.HTTP, Config.HTTP. All of them are user code.

const (
	wellKnown     = "/.well-known/"               // RFC 8615
	challengePath = wellKnown + "acme-challenge/" // RFC 8555 section 8.3
)

// hasPage reports whether somebody may have an answer to a request that is no upgrade.
func (s *core) hasPage(a *arrival, req *handshake.Request) bool {
	if s.handler(a) != nil {
		return true
	}
	h := a.host
	if h == nil {
		return false
	}
	if strings.HasPrefix(req.URL.Path, wellKnown) {
		return s.cfg.Issuer != nil || h.OnWellKnown() != nil || h.WellKnown() != nil
	}
	return s.redirect(a, req) != nil
}

// servePageOf answers a request of a's host. code is set to the name of what runs, for
// when it panics.
func (s *core) servePageOf(a *arrival, req *handshake.Request, w http.ResponseWriter, r *http.Request, code *string) {
	if s.serveWellKnown(a, w, r, code) {
		return
	}
	if e := s.redirect(a, req); e != nil {
		answerHTTP(w, e)
		return
	}
	h := s.handler(a)
	if h == nil {
		s.refuse(a, req, ReasonNotUpgrade, handshake.UpgradeRequired())
		return
	}
	*code = "HTTP"
	h.ServeHTTP(w, r)
}

// serveWellKnown answers what is below /.well-known/; false when nobody has an answer.
func (s *core) serveWellKnown(a *arrival, w http.ResponseWriter, r *http.Request, code *string) bool {
	name, ok := strings.CutPrefix(r.URL.Path, wellKnown)
	if a.host == nil || !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	if s.cfg.Issuer != nil && strings.HasPrefix(r.URL.Path, challengePath) {
		if *code = "Issuer"; s.hosts.ServeChallenge(w, r) {
			s.counters.challenges.Add(1)
			return true
		}
	}
	if f := a.host.OnWellKnown(); f != nil && isLocal(strings.TrimSuffix(name, "/")) {
		*code = "OnWellKnown"
		if content, ok := f(name); ok {
			serveContent(w, r, name, time.Time{}, bytes.NewReader(content))
			return true
		}
	}
	if files := a.host.WellKnown(); files != nil {
		*code = "WellKnown"
		s.serveFile(a, w, r, files, name)
		return true
	}
	return false
}

// serveFile answers with a file. Directories are not listed.
func (s *core) serveFile(a *arrival, w http.ResponseWriter, r *http.Request, files fs.FS, name string) {
	f, info, err := openFile(files, name)
	if err != nil {
		status := http.StatusNotFound
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrInvalid) && !errors.Is(err, fs.ErrPermission) {
			status = http.StatusInternalServerError
			if n, ok := s.passes(lineFile, slog.LevelWarn); ok {
				s.log.Warn("well-known file", logkey.Host, a.tag(), logkey.Err, err, logkey.LeftOut, n)
			}
		}
		answerHTTP(w, &handshake.Error{Status: status, Body: http.StatusText(status)})
		return
	}
	defer f.Close()
	if seeker, ok := f.(io.ReadSeeker); ok {
		serveContent(w, r, name, info.ModTime(), seeker)
		return
	}
	// Such as in an archive: without ranges.
	h := w.Header()
	h.Set("Content-Type", cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream"))
	h.Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodHead {
		_, _ = io.CopyN(w, f, info.Size())
	}
}

// openFile opens a regular file.
func openFile(files fs.FS, name string) (fs.File, fs.FileInfo, error) {
	if !isLocal(name) {
		return nil, nil, fs.ErrInvalid
	}
	f, err := files.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fs.ErrNotExist
	}
	if err != nil {
		_ = f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// isLocal reports whether a name stays within its directory, on every system.
func isLocal(name string) bool { return fs.ValidPath(name) && !strings.ContainsAny(name, "\\\x00") }

func serveContent(w http.ResponseWriter, r *http.Request, name string, at time.Time, content io.ReadSeeker) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	http.ServeContent(w, r, path.Base(name), at, content)
}

// redirect is the answer that sends a request to the URL of its host; nil where there is
// none, for what is below /.well-known/, and for a request that is there already.
func (s *core) redirect(a *arrival, req *handshake.Request) *handshake.Error {
	if a.host == nil || strings.HasPrefix(req.URL.Path, wellKnown) {
		return nil
	}
	to, status := a.host.Redirect()
	if to == "" {
		return nil
	}
	name := askedFor(a.host, req.Host())
	if name == "" {
		return nil
	}
	uri := requestURI(req)
	to = escape(strings.NewReplacer("{host}", name, "{uri}", uri).Replace(to))
	if isHere(to, a.secure(), req.Host(), uri) {
		return nil
	}
	return &handshake.Error{
		Status: cmp.Or(status, http.StatusPermanentRedirect), Header: http.Header{"Location": {to}},
		Body: "this is somewhere else, see Location", Setting: "Host.RedirectURL",
	}
}

// askedFor is the name in an authority, without its port; an IPv6 address has brackets.
// Where there is none, or what is no name, it is the first name of the host.
func askedFor(h *hosts.Entry, authority string) string {
	if name := hostname(authority); name != "" {
		return name
	}
	for _, n := range h.Names() {
		if name := hostname(n); name != "" { // not of a wildcard
			return name
		}
	}
	return ""
}

// hostname is empty for what is neither a name nor an address.
func hostname(authority string) string {
	name := authority
	if _, err := netip.ParseAddr(name); err != nil {
		name = (&url.URL{Host: authority}).Hostname()
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.Is6() {
		return "[" + ip.WithZone("").String() + "]"
	}
	if strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
		return ""
	}
	return name
}

// requestURI is path and query, as sent.
func requestURI(req *handshake.Request) string {
	if strings.HasPrefix(req.Target, "/") {
		return req.Target
	}
	if uri := req.URL.RequestURI(); strings.HasPrefix(uri, "/") {
		return uri
	}
	return "/"
}

// escape makes s fit for a header: what is no printable ASCII is written as %XX. Names
// and targets have been read by a strict parser, but middleware may change them.
func escape(s string) string {
	var b strings.Builder
	for i := range len(s) {
		if c := s[i]; c > ' ' && c < 0x7f {
			b.WriteByte(c)
		} else {
			const digits = "0123456789ABCDEF"
			b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
		}
	}
	return b.String()
}

// isHere reports whether a URL is the one that a request came for, so that redirecting
// it would never end.
func isHere(to string, tls bool, authority, uri string) bool {
	if strings.HasPrefix(to, "/") {
		there, _, _ := strings.Cut(to, "#")
		return there == escape(uri)
	}
	scheme, port := "http", "80"
	if tls {
		scheme, port = "https", "443"
	}
	toScheme, rest, _ := strings.Cut(to, "://")
	rest, _, _ = strings.Cut(rest, "#")
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	there, asked := &url.URL{Host: rest[:end]}, &url.URL{Host: authority}
	return strings.EqualFold(toScheme, scheme) && strings.EqualFold(there.Hostname(), asked.Hostname()) &&
		cmp.Or(there.Port(), port) == cmp.Or(asked.Port(), port) && cmp.Or(rest[end:], "/") == escape(uri)
}

// requireTLS refuses an upgrade on a plain connection to a host that wants TLS, or sends
// it on.
func (s *core) requireTLS(a *arrival, req *handshake.Request) *handshake.Error {
	if a.host == nil || a.secure() || !a.host.RequireTLS() {
		return nil
	}
	e := s.redirect(a, req)
	if e == nil {
		e = &handshake.Error{Status: http.StatusForbidden, Body: "this host is served over TLS only, use wss"}
	}
	e.Setting = "Host.RequireTLS"
	return e
}
