package engine

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/deflate"
	"github.com/icsws/icsws/internal/wstest"
)

// TestLastMessageComesBeforeTheEnd and knows why. In gws v1.9.1 both depend on the
// schedule: with ParallelEnabled OnClose does not wait for the messages that were
// handed out (reader.go:190), and a connection is marked closed before the reason
// is stored (conn.go:141, writer.go:36), so that OnClose may find none.
func TestLastMessageComesBeforeTheEnd(t *testing.T) {
	for run := range 30 {
		h := newHall()
		var got []string
		h.message = func(_ *member, m client.Message) error {
			got = append(got, string(m.Data))
			return nil
		}
		s, p := h.enter(t)
		var frames []wstest.Frame
		for i := range 50 {
			frames = append(frames, wstest.Text(fmt.Sprint(i)))
		}
		want := client.CloseInfo{Code: client.StatusAbnormal, Remote: true, Cause: io.EOF}
		if run%2 == 0 {
			frames = append(frames, wstest.Close(4000+run, "the end"))
			p.Send(frames...)
		} else {
			p.Send(frames...)
			p.CloseWrite()
		}
		info := h.info(t, s) // after it nothing touches got
		if len(got) != 50 || got[49] != "49" {
			t.Fatalf("%d messages, the last is %q", len(got), got[len(got)-1])
		}
		if run%2 == 0 {
			var ce *client.CloseError
			if !errors.As(info.Cause, &ce) || int(info.Code) != 4000+run || !info.Remote || ce.Code != info.Code || info.Reason != "the end" {
				t.Fatalf("%+v", info)
			}
		} else if info != want {
			t.Fatalf("%+v, want %+v", info, want)
		}
	}
}

// TestCompressedQueueKeepsItsBound: senders that compress at the same time share
// the room that there is. S-12
func TestCompressedQueueKeepsItsBound(t *testing.T) {
	for _, policy := range []client.QueuePolicy{client.QueueBlock, client.QueueClose} {
		for _, params := range []deflate.Params{{}, takeoverParams} {
			synctest.Test(t, func(t *testing.T) {
				const size = 10_000
				h := newHall()
				h.deflate = &params
				h.settings.Queue = client.SendQueue{MaxBytes: 50_000, Policy: policy}
				s, p := h.enter(t)
				var senders sync.WaitGroup
				for id := range 40 {
					senders.Go(func() {
						rnd := rand.New(rand.NewPCG(8, uint64(id)))
						data := make([]byte, size)
						for i := range data {
							data[i] = byte(rnd.Uint32()) // which compression does not shrink
						}
						for i := range 3 {
							data[0], data[1] = byte(id), byte(i)
							if _, err := s.Send(client.OpBinary, data, false); err != nil {
								return
							}
						}
					})
				}
				synctest.Wait()
				if n := s.Counters().Buffered; n > 50_000+size+100 {
					t.Errorf("%v: %d bytes are queued", policy, n)
				}
				if policy == client.QueueClose {
					senders.Wait()
					return
				}
				next := map[byte]byte{}
				for range 120 {
					m := p.ReadMessage()
					if id, i := m.Data[0], m.Data[1]; next[id] != i {
						t.Fatalf("sender %d: message %d, want %d", id, i, next[id])
					}
					next[m.Data[0]]++
				}
				senders.Wait()
			})
		}
	}
}
