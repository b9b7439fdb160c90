package forward

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"time"

	"github.com/icsws/icsws/internal/logkey"
)

// HTTPOptions are the limits of [HTTP]. The zero value works. For durations zero means the
// default and a negative value turns the limit off.
type HTTPOptions struct {
	// TLSConfig is that of https; nil is the standard one.
	TLSConfig *tls.Config
	// KeepHost passes on the Host header of the request. The zero value sends the host of the
	// target; what the client has asked for is in X-Forwarded-Host either way.
	KeepHost bool
	// DialTimeout bounds reaching the target, TLS included. Zero means 5 s.
	DialTimeout time.Duration
	// ResponseTimeout bounds the time from the end of the request to the head of the answer.
	// Zero means 30 s.
	ResponseTimeout time.Duration
	// MaxHeaderBytes bounds the head of the answer. Zero means 64 KiB.
	MaxHeaderBytes int
	// MaxBodyBytes bounds the body of a request; a longer one is 413. Zero means 32 MiB;
	// negative no bound.
	MaxBodyBytes int64
	// MaxIdleConns bounds the connections to the target that wait for the next request, for
	// up to 30 s each. Zero means 32.
	MaxIdleConns int
	// Dial replaces net.Dialer.DialContext, as in [Target].
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
	// Logger gets what fails, at most 100 lines a second; nil means slog.Default.
	Logger *slog.Logger
}

// HTTPHandler forwards requests; [HTTP] makes it. It may be used by any number of servers
// and goroutines.
type HTTPHandler struct {
	proxy     *httputil.ReverseProxy
	transport *http.Transport
	max       int64
	lines     sampler
}

var _ interface {
	http.Handler
	io.Closer
} = (*HTTPHandler)(nil)

// HTTP returns a handler for Config.HTTP or Host.HTTP that forwards ordinary requests to
// target, http://host or https://host, perhaps with a path that goes before that of the
// request.
//
// X-Forwarded-For, -Host and -Proto are set anew, so that nobody can invent them, and
// headers for one hop are left out (RFC 9110 section 7.6.1). A target that can not be
// reached is 502, one that takes too long 504. An upgrade is not forwarded: WebSockets go by
// Config.Forward, and get 501 here. The error is a [*FieldError].
//
// Close it when the last server that uses it has ended.
func HTTP(target string, o HTTPOptions) (*HTTPHandler, error) {
	u, err := url.Parse(target)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !validHost(u.Hostname()):
		return nil, badField("target", "want http://host or https://host, perhaps with port and path")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, badField("target", "has a user name, a query or a fragment")
	case o.MaxHeaderBytes < 0:
		return nil, badField("MaxHeaderBytes", "%d is negative", o.MaxHeaderBytes)
	case o.MaxIdleConns < 0:
		return nil, badField("MaxIdleConns", "%d is negative", o.MaxIdleConns)
	}
	def(&o.DialTimeout, 5*time.Second)
	def(&o.ResponseTimeout, 30*time.Second)
	def(&o.MaxHeaderBytes, 64<<10)
	def(&o.MaxBodyBytes, 32<<20)
	def(&o.MaxIdleConns, 32)
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	h := &HTTPHandler{max: o.MaxBodyBytes, transport: o.transport()}
	h.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			host := r.Out.Host
			r.SetURL(u)
			r.SetXForwarded()
			r.Out.Header.Del("Forwarded") // RFC 7239: anybody may have written it
			r.Out.Header.Del("Upgrade")
			r.Out.Header.Del("Connection")
			if o.KeepHost {
				r.Out.Host = host
			}
		},
		Transport: h.transport,
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			o.failed(&h.lines, w, r, err)
		},
		ErrorLog: log.New(io.Discard, "", 0), // what it has to say is in failed
	}
	return h, nil
}

func (o *HTTPOptions) transport() *http.Transport {
	dial := o.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	timeout := max(o.DialTimeout, 0)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if timeout > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, timeout)
				defer cancel()
			}
			return dial(ctx, network, addr)
		},
		TLSClientConfig:        o.TLSConfig,
		TLSHandshakeTimeout:    timeout,
		ResponseHeaderTimeout:  max(o.ResponseTimeout, 0),
		MaxResponseHeaderBytes: int64(o.MaxHeaderBytes),
		MaxIdleConns:           o.MaxIdleConns,
		MaxIdleConnsPerHost:    o.MaxIdleConns,
		IdleConnTimeout:        30 * time.Second,
		DisableCompression:     true, // the answer goes through as it is
	}
}

// failed answers for a target that did not.
func (o *HTTPOptions) failed(lines *sampler, w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	var t interface{ Timeout() bool }
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		status = http.StatusRequestEntityTooLarge
	case errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout():
		status = http.StatusGatewayTimeout
	}
	if !errors.Is(err, context.Canceled) { // that is the client's doing
		if n, ok := lines.pass(time.Now()); ok {
			o.Logger.Warn("http target failed", logkey.Code, "reject/forward", logkey.Method, r.Method, logkey.Status, status, logkey.Err, err, logkey.LeftOut, n)
		}
	}
	http.Error(w, http.StatusText(status), status)
}

// ServeHTTP forwards one request.
func (h *HTTPHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for v := range strings.SplitSeq(strings.Join(r.Header["Upgrade"], ","), ",") {
		if strings.EqualFold(strings.TrimSpace(v), "websocket") {
			http.Error(w, "WebSocket is not served here", http.StatusNotImplemented)
			return
		}
	}
	if h.max > 0 && r.Body != nil && r.Body != http.NoBody {
		r.Body = http.MaxBytesReader(w, r.Body, h.max)
	}
	h.proxy.ServeHTTP(w, r)
}

// Close closes the connections to the target that wait for a request.
func (h *HTTPHandler) Close() error {
	h.transport.CloseIdleConnections()
	return nil
}
