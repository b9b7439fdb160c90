package acme

import (
	"context"
	"crypto/tls"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/icsws/icsws/hosts"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"
)

// answers are those to the checks that our orders wait for.
type answers struct {
	mu   sync.RWMutex          // guards the following
	http map[httpCheck]string  // key authorizations
	alpn map[string]alpnAnswer // by name
}

type httpCheck struct{ name, token string }

type alpnAnswer struct {
	token string
	cert  *tls.Certificate
}

func newAnswers() *answers {
	return &answers{http: make(map[httpCheck]string), alpn: make(map[string]alpnAnswer)}
}

func (a *answers) setHTTP(name, token, answer string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.http[httpCheck{name, token}] = answer
}

func (a *answers) removeHTTP(name, token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.http, httpCheck{name, token})
}

func (a *answers) lookHTTP(name, token string) (string, bool) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	answer, ok := a.http[httpCheck{name, token}]
	return answer, ok
}

// setALPN replaces the answer to an older check of the name: the authority waits for
// one at a time.
func (a *answers) setALPN(name, token string, cert *tls.Certificate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.alpn[name] = alpnAnswer{token, cert}
}

func (a *answers) removeALPN(name, token string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.alpn[name].token == token {
		delete(a.alpn, name)
	}
}

func (a *answers) lookALPN(name string) *tls.Certificate {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.alpn[name].cert
}

func (v *vault) httpAnswer(name, token string) string {
	return "challenges/" + v.authority + "/" + storageName(name) + "/http-01-" + token
}

func (v *vault) alpnAnswer(name string) string {
	return "challenges/" + v.authority + "/" + storageName(name) + "/tls-alpn-01"
}

const challengePath = "/.well-known/acme-challenge/"

// ServeChallenge answers the request of an http-01 check (RFC 8555 section 8.3): one
// that this issuer waits for, or another process with the same storage. False means that
// nothing was written. The Host header has to be the name that is checked. It may be
// called at any time, from any goroutine.
func (i *Issuer) ServeChallenge(w http.ResponseWriter, r *http.Request) bool {
	token, ok := strings.CutPrefix(r.URL.Path, challengePath)
	if !ok || !isToken(token) || r.Method != http.MethodGet && r.Method != http.MethodHead {
		return false
	}
	name := hostOf(r.Host)
	answer, ok := i.answers.lookHTTP(name, token)
	if !ok {
		text, err := i.askStorage(r.Context(), name, i.vault.httpAnswer(name, token))
		if answer = string(text); err != nil || !strings.HasPrefix(answer, token+".") {
			return false
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Write([]byte(answer))
	i.log.Debug("acme: answered a check", "name", name, "challenge", hosts.ChallengeHTTP01.String())
	return true
}

// warnLoading logs at most one line a second: anybody may ask.
func (i *Issuer) warnLoading(name string, err error) {
	now, last := time.Now().Unix(), i.warned.Load()
	if now == last || !i.warned.CompareAndSwap(last, now) {
		i.unwarned.Add(1)
		return
	}
	i.log.Warn("acme: loading the answer to a check", "name", name, "err", err, "left_out", i.unwarned.Swap(0))
}

// isToken says whether s is base64url (RFC 8555 section 8.1).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return 16 <= len(s) && len(s) <= 128
}

// hostOf returns the name of a Host header in lower case, without port.
func hostOf(authority string) string {
	host, _, err := net.SplitHostPort(authority)
	if err != nil {
		host = authority
	}
	return lower(host)
}

// ChallengeCert returns the certificate of a tls-alpn-01 check (RFC 8737 section 3), of
// this issuer or of another process with the same storage. The error is
// [ErrNoChallenge]. The configuration that uses it needs acme-tls/1 in NextProtos. It may
// be called at any time, from any goroutine.
func (i *Issuer) ChallengeCert(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.SupportedProtos) != 1 || hello.SupportedProtos[0] != hosts.ALPNChallenge {
		return nil, ErrNoChallenge
	}
	name := lower(hello.ServerName)
	cert := i.answers.lookALPN(name)
	if cert == nil {
		answer, err := i.askStorage(hello.Context(), name, i.vault.alpnAnswer(name))
		if err != nil {
			return nil, err
		}
		if cert, err = acmez.TLSALPN01ChallengeCert(acme.Challenge{
			Identifier:       acme.Identifier{Type: "dns", Value: name},
			KeyAuthorization: string(answer),
		}); err != nil {
			return nil, err
		}
	}
	i.log.Debug("acme: answered a check", "name", name, "challenge", hosts.ChallengeTLSALPN01.String())
	return cert, nil
}

// askStorage loads what another process published. Anybody may send checks, so only
// names of our own hosts are looked up, and few at a time.
func (i *Issuer) askStorage(ctx context.Context, name, key string) ([]byte, error) {
	if o := i.orders.Load(); o == nil || !o.has(name) {
		return nil, ErrNoChallenge
	}
	select {
	case i.asking <- struct{}{}:
		defer func() { <-i.asking }()
	default:
		return nil, ErrNoChallenge
	}
	if ctx == nil { // a hello that no connection belongs to
		ctx = context.Background()
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var answer []byte
	err := guard(func() (err error) {
		answer, err = i.vault.Load(ctx, key)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		i.warnLoading(name, err)
	}
	if err != nil || len(answer) == 0 {
		return nil, ErrNoChallenge
	}
	return answer, nil
}
