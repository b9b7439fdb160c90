package wsserver

import (
	"io"
	"net/http"
	"time"

	"github.com/icsws/icsws/internal/handshake"
	"github.com/icsws/icsws/internal/logkey"
)

// refuse answers a connection that will not have a client, and reports it. req is
// nil when none was read.
func (s *core) refuse(a *arrival, req *handshake.Request, reason Reason, e *handshake.Error) {
	if reason == ReasonShutdown {
		s.later(e)
	}
	info := s.rejection(a, reason, e.Status, e.Body)
	info.Setting, info.Err = e.Setting, e.Err
	if req != nil {
		info.URI = req.Target
	}
	s.reject(info)
	s.respond(a, req, e)
}

// respond writes a refusal. Without a status there is nothing to say.
func (s *core) respond(a *arrival, req *handshake.Request, e *handshake.Error) {
	if e.Status == 0 {
		return
	}
	if a.w != nil {
		answerHTTP(a.w, e)
		return
	}
	s.answering(a)
	head := req != nil && req.Method == http.MethodHead
	_ = a.conn.SetWriteDeadline(time.Now().Add(refusalLinger))
	if _, err := a.conn.Write(e.Append(nil, head)); err == nil {
		linger(a)
	}
}

// answerHTTP answers through net/http.
func answerHTTP(w http.ResponseWriter, e *handshake.Error) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	for name, values := range e.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
	if h.Get("Upgrade") != "" {
		h.Set("Connection", "Upgrade")
	}
	w.WriteHeader(e.Status)
	_, _ = io.WriteString(w, e.Body)
}

// linger ends our side and discards what still comes for a moment, so that no
// reset destroys the answer.
func linger(a *arrival) {
	if w, ok := a.conn.(interface{ CloseWrite() error }); !ok || w.CloseWrite() != nil {
		return
	}
	if a.raw != a.conn {
		if w, ok := a.raw.(interface{ CloseWrite() error }); ok {
			_ = w.CloseWrite()
		}
	}
	_ = a.raw.SetReadDeadline(time.Now().Add(refusalLinger))
	_, _ = io.CopyN(io.Discard, a.raw, 1<<20)
}

// rejection begins the report on a refused connection.
func (s *core) rejection(a *arrival, reason Reason, status int, text string) RejectInfo {
	return RejectInfo{
		Reason: reason, Status: status, Text: text,
		Remote: a.remote, Local: a.local, Binding: a.binding, HostTag: a.tag(), ClientIP: a.clientIP(),
	}
}

// reject counts, logs and reports a refused connection.
func (s *core) reject(info RejectInfo) {
	s.counters.refused[info.Reason].Add(1)
	s.countRefusal(info.HostTag, info.Binding)
	if ok, dropped := s.refusals[info.Reason].pass(time.Now()); ok {
		s.log.Info("refused", logkey.Code, info.Code(), logkey.Reason, info.Reason.String(), logkey.Status, info.Status,
			logkey.Text, info.Text, logkey.Setting, info.Setting, logkey.Remote, info.Remote.String(),
			logkey.Binding, info.Binding, logkey.Host, info.HostTag, logkey.Err, info.Err, logkey.LeftOut, dropped)
	}
	s.offence(&info)
	if f := s.cfg.Events.OnReject; f != nil {
		s.user("OnReject", func() { f(info) })
	}
}
