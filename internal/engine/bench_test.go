package engine

import (
	"fmt"
	"net"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
)

// BenchmarkDispatch is the way from gws to OnMessage.
func BenchmarkDispatch(b *testing.B) {
	h := newHall()
	h.message = func(*member, client.Message) error { return nil }
	s, _ := h.enter(b)
	<-greeted(s)
	data := []byte("hello, world")
	b.ReportAllocs()
	for b.Loop() {
		s.Message(client.OpText, data)
	}
}

// BenchmarkReceive is the way of messages from the socket to OnMessage, 64 with
// each write of the peer.
func BenchmarkReceive(b *testing.B) {
	for _, size := range []int{20, 1000, 60_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			const batch = 64
			h := newHall()
			got := make(chan struct{}, 1)
			n := 0
			h.message = func(*member, client.Message) error {
				if n++; n%batch == 0 {
					got <- struct{}{}
				}
				return nil
			}
			near, far := socketPair(b)
			defer near.Close()
			h.admit(b, far)
			var in []byte
			for range batch {
				in = wstest.Frame{Op: wstest.OpBinary, Payload: make([]byte, size), Key: [4]byte{1, 2, 3, 4}}.Append(in)
			}
			b.SetBytes(int64(len(in)) / batch)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%batch == 0 {
					if _, err := near.Write(in); err != nil {
						b.Fatal(err)
					}
					<-got
				}
			}
		})
	}
}

// BenchmarkSend is a Send from outside an event: a system call each.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{20, 1000, 60_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, near := benchPair(b)
			go drain(near)
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Send(client.OpBinary, p, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEcho sends back what 16 frames of one write bring.
func BenchmarkEcho(b *testing.B) {
	_, near := benchPair(b)
	const batch = 16
	var in []byte
	for range batch {
		in = wstest.Text("twenty bytes of text").Append(in)
	}
	out := make([]byte, batch*22)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%batch == 0 {
			if _, err := near.Write(in); err != nil {
				b.Fatal(err)
			}
			readAll(b, near, out)
		}
	}
}

func benchPair(b *testing.B) (*Session, net.Conn) {
	b.Helper()
	h := newHall()
	h.settings.Queue = client.SendQueue{MaxBytes: 1 << 20, Policy: client.QueueBlock}
	near, far := socketPair(b)
	b.Cleanup(func() { near.Close() })
	return h.admit(b, far), near
}

func drain(c net.Conn) {
	p := make([]byte, 256<<10)
	for {
		if _, err := c.Read(p); err != nil {
			return
		}
	}
}
