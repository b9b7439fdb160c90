package dial

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wsdial"
)

// DialError is an attempt that failed. errors.Is and errors.As find the cause, such as
// syscall.ECONNREFUSED or *tls.CertificateVerificationError.
type DialError struct {
	// URL is where the attempt led to, after redirects, without user info; empty if
	// Options.URL is none. Its query is not in the text of the error.
	URL string
	// Attempt counts as in [OpenInfo].
	Attempt int
	// Stage is how far the attempt came.
	Stage Stage
	// Reason is why it failed.
	Reason Reason
	// HTTPStatus is the answer of the server, or with StageProxy that of the proxy; 0 when
	// there was none (D-17).
	HTTPStatus int
	// Header are the header lines of that answer; nil when there was none.
	Header http.Header
	// Body is up to 1 KiB of it, as far as it came at once.
	Body string
	// NextWait is the wait before the next attempt.
	NextWait time.Duration
	// Final tells that there will be no further attempt.
	Final bool
	// RetryAfter is how long the answer asks us to wait (RFC 9110 section 10.2.3), zero for
	// not at all. Options.MaxHint is not applied to it.
	RetryAfter time.Duration
	// Timing is how long the stages took that the attempt came through.
	Timing Timing
	// Err is the cause. Nil where HTTPStatus says it all.
	Err error
}

// Error is one sentence: where to, what failed, and the text of the cause. It has no
// header values, no user info and no query.
func (e *DialError) Error() string {
	s := "dial: "
	if place, _, _ := strings.Cut(e.URL, "?"); place != "" { // the query may have a token in it
		s += place + ": "
	}
	if e.Stage == StageProxy && e.Reason != ReasonProxy && e.Reason != ReasonProxyAuth {
		s += "the proxy: "
	}
	s += e.Reason.String()
	if e.Reason == ReasonTimeout || e.Reason == ReasonCancelled {
		s += " in stage " + e.Stage.String()
	}
	if e.HTTPStatus != 0 && e.HTTPStatus != http.StatusSwitchingProtocols {
		if e.Reason != ReasonStatus {
			s += ":"
		}
		s += strings.TrimSuffix(fmt.Sprintf(" %d %s", e.HTTPStatus, http.StatusText(e.HTTPStatus)), " ")
	}
	if e.Err != nil {
		s += ": " + causeText(e.Err)
	}
	return s
}

// causeText leaves out what the sentence has said already.
func causeText(err error) string {
	if re, ok := err.(*wsdial.ResponseError); ok {
		return re.Text
	}
	text := strings.TrimPrefix(err.Error(), "dial: ")
	return strings.TrimPrefix(text, deflate.ErrAnswer.Error()+": ")
}

// Unwrap returns Err.
func (e *DialError) Unwrap() error { return e.Err }

// Timeout tells that time was over: HandshakeTimeout, the deadline of a context, or a limit
// of the system.
func (e *DialError) Timeout() bool { return e.Reason == ReasonTimeout }

// Stage is a part of an attempt, in their order.
type Stage uint8

// The stages.
const (
	StageOptions   Stage = iota // Options, the certificate of ours among them
	StageHeader                 // Options.HeaderFunc
	StageResolve                // the name of the server
	StageConnect                // the connection
	StageProxy                  // the proxy, from its choice to its answer
	StageTLS                    // TLS with the server
	StageHandshake              // the request and the answer (RFC 6455 section 4)
	StageClient                 // Handler.NewClient
	stages         = iota
)

var stageNames = [stages]string{"options", "header", "resolve", "connect", "proxy", "tls", "handshake", "client"}

// String returns the name in lower case, such as "resolve".
func (s Stage) String() string {
	if int(s) < stages {
		return stageNames[s]
	}
	return fmt.Sprintf("stage(%d)", uint8(s))
}

// hidden is an error whose text may have secrets in it.
type hidden struct {
	text string
	err  error
}

func (h *hidden) Error() string { return h.text }
func (h *hidden) Unwrap() error { return h.err }

// ended is the error of an attempt that ran out of time, or nil. parent is the context of
// the caller.
func ended(parent, ctx context.Context, timeout time.Duration) (Reason, error) {
	switch {
	case over(ctx) == nil:
		return 0, nil
	case over(parent) == nil:
		return ReasonTimeout, fmt.Errorf("not done within %v (HandshakeTimeout): %w", timeout, context.DeadlineExceeded)
	}
	err := over(parent)
	reason := ReasonCancelled
	if errors.Is(err, context.DeadlineExceeded) {
		reason = ReasonTimeout
	}
	if cause := context.Cause(parent); cause != nil && cause != err {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	return reason, err
}

// over is the error of a context, also of one whose deadline has passed just now: a
// connection with the same deadline may be first.
func over(ctx context.Context) error {
	if at, ok := ctx.Deadline(); ok && ctx.Err() == nil && !time.Now().Before(at) {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}
