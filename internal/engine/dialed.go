package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"

	"github.com/lxzan/gws"

	"github.com/icsws/icsws/internal/handshake"
)

// newDialedReader returns a reader for a connection that we have dialled: gws is the
// client there and wants frames without masks.
func newDialedReader() *reader {
	r := &reader{hello: new(hello)}
	sock, _, err := gws.NewClientFromConn(events{}, &gws.ClientOption{
		Addr:               "ws://icsws/",
		ReadMaxPayloadSize: maxPayload,
		CheckUtf8Enabled:   false, // done in the filter, or before OnMessage
		ParallelGolimit:    1,
		ReadBufferSize:     16,
		WriteBufferSize:    16,
		NewSession:         func() gws.SessionStorage { return noStorage{} },
	}, r)
	if err != nil {
		panic(fmt.Errorf("engine: %w", err)) // the answer is always the same
	}
	r.sock, r.hello = sock, nil
	return r
}

// hello answers the handshake that gws does as a client; the real one was done before.
type hello struct {
	request bytes.Buffer
	answer  *bytes.Reader // nil until it is asked for
}

func (h *hello) Write(p []byte) (int, error) { return h.request.Write(p) }

// Read gives the answer. gws reads it when it has written its request.
func (h *hello) Read(p []byte) (int, error) {
	if h.answer == nil {
		r, err := http.ReadRequest(bufio.NewReader(&h.request))
		if err != nil {
			return 0, err
		}
		b, err := handshake.AppendSwitching(nil, r.Header.Get("Sec-WebSocket-Key"), "", "", nil)
		if err != nil {
			return 0, err
		}
		h.answer = bytes.NewReader(b)
	}
	return h.answer.Read(p)
}
