//go:build unix

package transport

import (
	"bytes"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// streams are a plain and a TLS connection over TCP.
var streams = []struct {
	name string
	open func(t *testing.T) (peer net.Conn, raw *net.TCPConn, far net.Conn)
}{
	{"plain", func(t *testing.T) (net.Conn, *net.TCPConn, net.Conn) {
		near, far := tcpPair(t, 0)
		return near, near, far
	}},
	{"tls", func(t *testing.T) (net.Conn, *net.TCPConn, net.Conn) {
		near, far := tcpPair(t, 0)
		peer, secure := tlsPair(t, near, far, nil)
		return peer, near, secure
	}},
}

func eachStream(t *testing.T, test func(t *testing.T, peer net.Conn, raw *net.TCPConn, far net.Conn)) {
	t.Helper()
	for _, s := range streams {
		t.Run(s.name, func(t *testing.T) {
			peer, raw, far := s.open(t)
			test(t, peer, raw, far)
		})
	}
}

// TestOurLastBytesSurviveAPeerThatKeepsSending: a kernel answers data for a closed
// socket with a reset, which destroys what is on its way. 20 of 20 peers get all
// that was sent before the close, and the close frame, whoever began.
func TestOurLastBytesSurviveAPeerThatKeepsSending(t *testing.T) {
	onDrivers(t, testOurLastBytesSurviveAPeerThatKeepsSending)
}

func testOurLastBytesSurviveAPeerThatKeepsSending(t *testing.T) {
	answer := bytes.Repeat([]byte("a"), 100_000)
	for _, how := range []struct {
		name string
		end  []byte // what the peer sends behind "go"; its close frame comes last
		code int    // that it gets
	}{
		{"our close", wstest.Text("close").Bytes(), 1000},
		{"a violation", []byte{0x83, 0x80, 0, 0, 0, 0}, 1002},
		{"the peer's close", nil, 4000},
	} {
		for _, s := range streams {
			t.Run(how.name+" "+s.name, func(t *testing.T) {
				for run := range 20 {
					peer, _, far := s.open(t)
					r := newDriven(t, testSettings(), far)
					r.onMessage = func(_ byte, p []byte) {
						switch string(p) {
						case "go":
							r.Send(Frame{First: finBit | opBinary, Payload: answer})
						case "close":
							r.CloseWith(1000, "", false, client.ErrCloseCalled)
						}
					}
					r.serve(t)
					sent := make(chan error, 1)
					go func() {
						_, err := peer.Write(append(wstest.Text("go").Bytes(), how.end...))
						more := wstest.Binary(make([]byte, 1000)).Bytes()
						for range 200 {
							if err == nil {
								_, err = peer.Write(more)
							}
						}
						if err == nil {
							_, err = peer.Write(wstest.Close(4000, "").Bytes())
						}
						sent <- err
					}()
					time.Sleep(time.Duration(run) * 100 * time.Microsecond) // another moment each time
					f, err := wstest.ReadFrame(peer, false, 0)
					if err != nil || !bytes.Equal(f.Payload, answer) {
						t.Fatalf("run %d: %d bytes, %v", run, len(f.Payload), err)
					}
					f, err = wstest.ReadFrame(peer, false, 0)
					if code, _ := f.CloseCode(); err != nil || f.Op != wstest.OpClose || code != how.code {
						t.Fatalf("run %d: opcode %d with %d, %v; want the close frame", run, f.Op, code, err)
					}
					if n, err := peer.Read(make([]byte, 1)); n != 0 || err != io.EOF {
						t.Fatalf("run %d: behind the close frame %d bytes, %v; want EOF", run, n, err)
					}
					if err := <-sent; err != nil {
						t.Fatalf("run %d: the peer could not send: %v", run, err)
					}
					peer.Close()
					<-r.done
				}
			})
		}
	}
}

// TestAbortIsAReset in a handler, from elsewhere, and with a full queue. X-03
func TestAbortIsAReset(t *testing.T) { onDrivers(t, testAbortIsAReset) }

func testAbortIsAReset(t *testing.T) {
	aborted := errors.New("aborted")
	eachStream(t, func(t *testing.T, peer net.Conn, raw *net.TCPConn, far net.Conn) {
		r := newDriven(t, testSettings(), far)
		r.onMessage = func(byte, []byte) { r.Abort(aborted) }
		r.serve(t)
		peer.Write(append(wstest.Text("go").Bytes(), wstest.Text("unread").Bytes()...))
		wantReset(t, raw)
		<-r.done
		if want := (client.CloseInfo{Code: client.StatusAbnormal, Cause: aborted}); r.Info() != want {
			t.Errorf("%v, want %v", r.Info(), want)
		}
	})
	eachStream(t, func(t *testing.T, peer net.Conn, raw *net.TCPConn, far net.Conn) {
		r := newDriven(t, testSettings(func(s *Settings) { s.Queue.MaxBytes = 100 << 20 }), far)
		r.serve(t)
		for range 20 {
			if err := r.Send(Frame{First: finBit | opBinary, Payload: make([]byte, 1<<20)}); err != nil {
				t.Fatal(err)
			}
		}
		r.Abort(aborted)
		<-r.done
		if n := r.Counters().Buffered; n != 0 {
			t.Errorf("Buffered = %d after Abort", n)
		}
		if n := wantReset(t, raw); n > 15<<20 {
			t.Errorf("%d bytes came, though the queue was given up", n)
		}
	})
}

func wantReset(t *testing.T, raw *net.TCPConn) int64 {
	t.Helper()
	n, err := io.Copy(io.Discard, raw)
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the peer read %d bytes and then %v, want ECONNRESET", n, err)
	}
	return n
}

// TestResetByThePeerIsItsCause. X-20
func TestResetByThePeerIsItsCause(t *testing.T) { onDrivers(t, testResetByThePeerIsItsCause) }

func testResetByThePeerIsItsCause(t *testing.T) {
	eachStream(t, func(t *testing.T, peer net.Conn, raw *net.TCPConn, far net.Conn) {
		r := newDriven(t, testSettings(), far)
		r.serve(t)
		raw.SetLinger(0)
		raw.Close()
		<-r.done
		if i := r.Info(); i.Code != client.StatusAbnormal || !i.Remote || !errors.Is(i.Cause, syscall.ECONNRESET) {
			t.Errorf("%v, want remote 1006 with ECONNRESET", i)
		}
	})
}

// TestStreamEndsWithATLSAlert, so that the peer can tell it from a cut.
func TestStreamEndsWithATLSAlert(t *testing.T) { onDrivers(t, testStreamEndsWithATLSAlert) }

func testStreamEndsWithATLSAlert(t *testing.T) {
	near, far := tcpPair(t, 0)
	peer, secure := tlsPair(t, near, far, nil)
	r := newDriven(t, testSettings(), secure)
	r.serve(t)
	peer.Write(wstest.Close(1000, "").Bytes())
	if f, err := wstest.ReadFrame(peer, false, 0); err != nil || f.Op != wstest.OpClose {
		t.Fatalf("%+v, %v", f, err)
	}
	if _, err := peer.Read(make([]byte, 1)); err != io.EOF { // without the alert it is ErrUnexpectedEOF
		t.Errorf("the stream ends with %v", err)
	}
	peer.Close()
	<-r.done
}
