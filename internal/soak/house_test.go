package soak

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// house is a server with what it and its clients have to say. It runs in the process
// of the test, or in a child of it.
type house struct {
	complaints
	journal

	driver        wsserver.Driver
	hasty         bool // ended while connections came
	srv           *wsserver.Server[client.Client]
	plain, secure string      // addresses
	trust         *tls.Config // of clients of secure

	connects, disconnects atomic.Int64
	wanted                atomic.Int64 // panics that a client asked for
	slept                 atomic.Int64 // the most clients that were asleep at once

	work     sync.WaitGroup // goroutines of the program beside the events
	working  chan struct{}  // a slot for each
	stopping chan struct{}  // closed when they shall end

	mu       sync.Mutex     // guards the following
	causes   map[string]int // of ends
	canaries map[canaryID]*canaryClass
	stuck    map[string]chan client.CloseInfo // of the clients with these names
}

// open starts a server for clients of all classes of this package. ca may be nil: then
// there is no TLS.
func openHouse(cfg wsserver.Config, d wsserver.Driver, ca *wstest.CA) (*house, error) {
	h := &house{
		driver: d, working: make(chan struct{}, 256), stopping: make(chan struct{}),
		causes: make(map[string]int), canaries: make(map[canaryID]*canaryClass), stuck: make(map[string]chan client.CloseInfo),
	}
	cfg.Driver, cfg.Addr, cfg.Logger = d, "127.0.0.1:0", slog.New(&h.journal)
	cfg.Events.OnBgException = h.panicked
	if ca != nil {
		// Listen would speak TLS on Addr too.
		cfg.Addr, cfg.TLS = "", &tls.Config{Certificates: []tls.Certificate{ca.Leaf("soak.example")}}
		cfg.Bindings = []multilisten.Binding{{Addr: "127.0.0.1:0"}, {Addr: "127.0.0.1:0", TLS: true}}
		h.trust = &tls.Config{RootCAs: ca.Pool(), ServerName: "soak.example"}
	}
	var err error
	h.srv, err = wsserver.New(wsserver.Factory[client.Client]{New: h.admit, Connect: h.connect, Disconnect: h.disconnect}, cfg)
	if err != nil {
		return nil, err
	}
	if err := h.srv.Listen(context.Background()); err != nil {
		return nil, err
	}
	addrs := h.srv.Addrs()
	h.plain = addrs[0].String()
	if ca != nil {
		h.secure = addrs[1].String()
	}
	return h, nil
}

// newHouse is openHouse for a test.
func newHouse(t *testing.T, cfg wsserver.Config, d wsserver.Driver, ca *wstest.CA) *house {
	t.Helper()
	h, err := openHouse(cfg, d, ca)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.srv.Abort() })
	return h
}

// wantedPanic is what a client may ask for.
const wantedPanic = "on purpose"

func (h *house) panicked(p wsserver.PanicInfo) (keep bool) {
	if p.Value == wantedPanic {
		h.wanted.Add(1)
		return true
	}
	h.add("panic in %s: %v\n%s", p.Event, p.Value, p.Stack)
	return false
}

// start runs f beside the events, if there is a slot for it; f ends with stopping.
func (h *house) start(f func()) bool {
	select {
	case <-h.stopping:
		return false
	case h.working <- struct{}{}:
	default:
		return false
	}
	h.work.Add(1)
	go func() {
		defer func() { <-h.working; h.work.Done() }()
		f()
	}()
	return true
}

// idle waits until no client is left.
func (h *house) idle(t *testing.T) {
	t.Helper()
	eventually(t, "the last client to be gone", func() bool {
		st := h.srv.Stats()
		return st.Clients == 0 && st.Pending == 0 && st.Busy == 0
	})
}

// close ends the server and judges how it was.
func (h *house) close(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := h.srv.Shutdown(ctx); err != nil {
		t.Errorf("seed %d: Shutdown = %v", seed, err)
	}
	select {
	case <-h.srv.Done():
	case <-time.After(patience):
		t.Fatalf("seed %d: the server does not end\n%s", seed, stacks())
	}
	close(h.stopping)
	h.work.Wait()
	h.balance()
	h.complaints.tell(t)
	if t.Failed() {
		t.Logf("the log, and its end: %s", h.journal.String())
	}
}

// wantSleep makes sure that the drivers that let clients sleep had something to do.
func (h *house) wantSleep(t *testing.T) {
	t.Helper()
	if n := h.slept.Load(); (n > 0) != (h.driver != wsserver.DriverGoroutine) {
		t.Errorf("seed %d: at most %d clients were asleep", seed, n)
	}
}

// balance holds the counters against each other, when everybody is gone.
func (h *house) balance() {
	st := h.srv.Stats()
	refused := uint64(0)
	for _, n := range st.Refused {
		refused += n
	}
	switch {
	case st.Clients != 0 || st.Pending != 0 || st.Busy != 0 || st.HTTPConns != 0 || st.Buffered != 0:
		h.add("somebody is left: %+v", st)
	case st.Accepted != st.Connected+refused && !(h.hasty && st.Accepted > st.Connected+refused):
		h.add("accepted %d is not connected %d and refused %d: %+v", st.Accepted, st.Connected, refused, st)
	case st.Connected != st.Disconnected:
		h.add("connected %d, disconnected %d", st.Connected, st.Disconnected)
	case h.connects.Load() != h.disconnects.Load() || h.connects.Load() != int64(st.Connected):
		h.add("connected %d, with %d connect and %d disconnect events", st.Connected, h.connects.Load(), h.disconnects.Load())
	case st.Panics != uint64(h.wanted.Load()):
		h.add("%d panics, %d of them wanted", st.Panics, h.wanted.Load())
	}
}

// knownCauses are those that have a name.
var knownCauses = []error{
	client.ErrCloseCalled, client.ErrAborted, client.ErrServerShutdown, client.ErrPingTimeout, client.ErrIdleTimeout,
	client.ErrLifetime, client.ErrWriteTimeout, client.ErrBudget, client.ErrCloseTimeout, client.ErrQueueFull, io.EOF,
}

// noteEnd counts why clients end.
func (h *house) noteEnd(info client.CloseInfo) {
	names := []string{}
	for _, err := range knownCauses {
		if errors.Is(info.Cause, err) {
			names = append(names, err.Error())
		}
	}
	if len(names) == 0 {
		names = []string{fmt.Sprintf("%T", info.Cause)}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, name := range names {
		h.causes[name]++
	}
}

// String is for failures.
func (h *house) String() string { return fmt.Sprintf("driver %v: %+v", h.driver, h.srv.Stats()) }
