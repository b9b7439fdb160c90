package soak

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// C-03, E-03, O-20: however connections end, every one of them is
// accounted for, and others do not notice.
func TestStormOfConnectionsBalances(t *testing.T) {
	underEach(t, func(t *testing.T, d wsserver.Driver) {
		for _, mode := range []banner.Mode{banner.HTTP503, banner.UpgradeThenClose, banner.Drop} {
			storm(t, d, mode, share(pick(3000, 200_000))/3)
		}
	})
}

func storm(t *testing.T, d wsserver.Driver, mode banner.Mode, visits int) {
	ca := wstest.NewCA(t)
	canaries, quick, drowsy := len(manners), 24, pick(16, 150)
	h := newHouse(t, wsserver.Config{
		CloseTimeout: 2 * time.Second,
		// Fewer than may come at once: now and then somebody is refused.
		Banner: banner.Policy{Mode: mode, MaxClients: canaries + drowsy/2 + 1, TooBusy: "full"},
	}, d, ca)
	f := h.release(canaries, true)
	eventually(t, "the canaries to be there", func() bool { return h.srv.ClientCount() == canaries })
	s := &visitors{house: h, most: uint64(visits)}
	s.warm(t, canaries)
	before := look().withPollers()
	s.run(quick, drowsy)
	eventually(t, "the visitors to be gone", func() bool {
		st := h.srv.Stats()
		return st.Clients == canaries && st.Pending == 0 && st.Busy == 0
	})
	s.judge(t)
	before.goroutines += canaries // a reader of theirs that dozed then may be awake now
	before.wantBack(t)
	h.wantSleep(t)
	f.recall(t)
	h.idle(t)
	h.close(t)
	t.Logf("%v: %d visits, %d whole lives; %+v", mode, visits, s.lives.Load(), h.srv.Stats())
}

// visitors are those of one storm.
type visitors struct {
	house *house
	most  uint64
	next  atomic.Uint64

	dialled, welcomed, lives atomic.Int64
}

// warm has what a server makes once made.
func (s *visitors) warm(t *testing.T, canaries int) {
	t.Helper()
	for i := range 50 {
		s.visit(uint64(i)+1<<40, false)
	}
	eventually(t, "the first visitors to be gone", func() bool { return s.house.srv.ClientCount() == canaries })
}

func (s *visitors) run(quick, drowsy int) {
	var wg sync.WaitGroup
	for i := range quick + drowsy {
		wg.Go(func() {
			for !s.house.any() {
				n := s.next.Add(1)
				if n > s.most {
					return
				}
				s.visit(n, i >= quick)
			}
		})
	}
	wg.Wait()
}

// judge compares what the visitors saw with what the server counted.
func (s *visitors) judge(t *testing.T) {
	t.Helper()
	st := s.house.srv.Stats()
	dialled, welcomed := uint64(s.dialled.Load()), uint64(s.welcomed.Load())
	// The kernel may forget one that was reset before it was accepted, and the canaries
	// have dialled too. Of the lives that are welcome, some ended before they were told.
	busy := st.Refused["too busy"]
	if st.Accepted > dialled+100 || st.Accepted < dialled*9/10 || st.Connected+busy < welcomed {
		t.Errorf("seed %d: %d dialled, %d had a 101: %+v", seed, dialled, welcomed, st)
	}
	if st.Errors != 0 {
		t.Errorf("seed %d: %d errors, the last is %v", seed, st.Errors, s.house.srv.LastError())
	}
	if s.lives.Load() == 0 || s.most > 500 && busy == 0 {
		t.Errorf("seed %d: %d whole lives, %d were too many: that proves little", seed, s.lives.Load(), busy)
	}
}

// visit is one connection: a script of bytes that ends somewhere, somehow.
func (s *visitors) visit(n uint64, drowsy bool) {
	r := source(n << 8)
	secure := r.IntN(16) == 0
	addr := s.house.plain
	if secure {
		addr = s.house.secure
	}
	c, err := dial(addr)
	if err != nil {
		s.house.add("visit %d: %v", n, err)
		return
	}
	defer reset(c)
	s.dialled.Add(1)
	v := &visitor{visitors: s, Rand: r, n: n, tcp: c, drowsy: drowsy, secure: secure}
	v.script()
	v.play()
}

// visitor is one visit.
type visitor struct {
	*visitors
	*rand.Rand
	n              uint64
	tcp            *net.TCPConn
	drowsy, secure bool

	request, frames []byte
	messages        [][]byte // in frames
	broken          bool     // the request is no handshake
}

// script is what a visitor who stays would send.
func (v *visitor) script() {
	v.request = request("/whole", "")
	switch v.IntN(12) {
	case 0:
		v.request = bytes.Replace(v.request, []byte("GET"), []byte("POST"), 1)
		v.broken = true
	case 1:
		v.request = bytes.Replace(v.request, []byte("Version: 13"), []byte("Version: 12"), 1)
		v.broken = true
	case 2:
		v.request = binaryPool[v.IntN(1000):][:1+v.IntN(600)]
		v.request = append(bytes.Clone(v.request), "\r\n\r\n"...)
		v.broken = true
	}
	for range 1 + v.IntN(4) {
		at := v.IntN(len(binaryPool) / 2)
		m := binaryPool[at : at+v.IntN(300)]
		v.messages = append(v.messages, m)
		v.frames = appendFrame(v.frames, fin|opBinary, v.Uint32(), m)
	}
	v.frames = appendFrame(v.frames, fin|opClose, v.Uint32(), []byte{1000 >> 8, 1000 & 0xff})
}

// play sends the script to its end, or to a point before it.
func (v *visitor) play() {
	var c net.Conn = v.tcp
	if v.secure && v.IntN(4) > 0 { // else it speaks plain text to TLS
		c = tls.Client(v.tcp, v.house.trust)
	}
	br := bufio.NewReaderSize(c, 1<<10)
	whole, early := v.IntN(3) == 0, v.IntN(3) == 0
	all := len(v.request) + len(v.frames)
	stop := all
	if !whole {
		if stop = v.IntN(all); v.IntN(4) == 0 {
			stop = 0
		}
	}
	if stop <= len(v.request) || early {
		b := append(v.request[:len(v.request):len(v.request)], v.frames...)[:stop]
		if len(b) > 0 {
			_, _ = c.Write(b) // a refusal may overtake it
		}
		v.leave(c, br, whole, early)
		return
	}
	if _, err := c.Write(v.request); err != nil {
		return
	}
	if !v.welcome(br) {
		return
	}
	v.doze()
	_, _ = c.Write(v.frames[:stop-len(v.request)])
	v.leave(c, br, whole, false)
}

// doze waits for so long that the server puts the connection to sleep.
func (v *visitor) doze() {
	if v.drowsy {
		time.Sleep(1100*time.Millisecond + time.Duration(v.IntN(1000))*time.Millisecond)
	}
}

// welcome reads the answer to the handshake.
func (v *visitor) welcome(br *bufio.Reader) bool {
	_, err := upgraded(br)
	if err == nil {
		v.welcomed.Add(1)
		if v.broken {
			v.house.add("visit %d: a bad request is welcome", v.n)
		}
	} else if errors.Is(err, errBadFrame) {
		v.house.add("visit %d: %v", v.n, err)
	}
	return err == nil
}

// leave ends a visit: in order, if it was a whole one, or in one of the other ways.
func (v *visitor) leave(c net.Conn, br *bufio.Reader, whole, early bool) {
	if whole {
		if !early || v.welcome(br) {
			v.farewell(br)
		}
		return
	}
	v.doze()
	switch v.IntN(4) {
	case 0:
		reset(v.tcp)
	case 1:
		_ = c.Close()
	case 2: // half-closed: what the server says is read to its end
		_ = v.tcp.CloseWrite()
		if _, err := io.Copy(io.Discard, v.tcp); errors.Is(err, os.ErrDeadlineExceeded) {
			v.house.add("visit %d: half-closed, and the server does not end it", v.n)
		}
	case 3: // something is read
		_ = v.tcp.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		_, _ = v.tcp.Read(make([]byte, 1+v.IntN(200)))
	}
}

// farewell reads the answers to all messages, and the end.
func (v *visitor) farewell(br *bufio.Reader) {
	in := inbox{br: br}
	got := in.all()
	if got.code == 1013 && v.house.srv.Stats().Refused["too busy"] > 0 {
		return // it was told that it is one too many
	}
	if len(got.messages) != len(v.messages) || got.code != 1000 || got.err != io.EOF {
		v.house.add("visit %d: %d messages of %d come back, code %d, %v", v.n, len(got.messages), len(v.messages), got.code, got.err)
		return
	}
	for i, m := range got.messages {
		if !bytes.Equal(m.data, v.messages[i]) {
			v.house.add("visit %d: message %d is %.40x, want %.40x", v.n, i, m.data, v.messages[i])
		}
	}
	v.lives.Add(1)
}
