package memnet

import (
	"errors"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadlines(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(c *Conn, at time.Time) error
		call func(c *Conn) error
	}{
		{"read", (*Conn).SetReadDeadline, readOne},
		{"write", (*Conn).SetWriteDeadline, writeTooMuch},
		{"both, reading", (*Conn).SetDeadline, readOne},
		{"both, writing", (*Conn).SetDeadline, writeTooMuch},
	} {
		t.Run(tt.name+": expires while blocked", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := openPipe(t, 1)
				start := time.Now()
				tt.set(a, start.Add(time.Minute))
				wantTimeout(t, tt.call(a))
				if d := time.Since(start); d != time.Minute {
					t.Errorf("after %v, want 1m", d)
				}
				wantTimeout(t, tt.call(a)) // and it stays so
			})
		})
		t.Run(tt.name+": in the past fails at once", func(t *testing.T) {
			a, _ := openPipe(t, 1)
			tt.set(a, time.Unix(1, 0))
			wantTimeout(t, tt.call(a))
			tt.set(a, time.Now())
			wantTimeout(t, tt.call(a))
		})
		t.Run(tt.name+": moved while blocked", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, _ := openPipe(t, 1)
				tt.set(a, time.Now().Add(time.Hour))
				var err error
				go func() { err = tt.call(a) }()
				synctest.Wait()
				tt.set(a, time.Now().Add(time.Second))
				time.Sleep(2 * time.Second)
				synctest.Wait()
				wantTimeout(t, err)
			})
		})
		t.Run(tt.name+": taken away in time", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := openPipe(t, 1)
				tt.set(a, time.Now().Add(time.Second))
				var err error
				go func() { err = tt.call(a) }()
				synctest.Wait()
				tt.set(a, time.Time{})
				time.Sleep(time.Hour)
				mustWrite(t, b, "x")
				wantRead(t, b, "")
				b.Close()
				synctest.Wait()
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error("the old deadline still counts")
				}
			})
		})
		t.Run(tt.name+": works again after a later one", func(t *testing.T) {
			a, b := openPipe(t, 8)
			tt.set(a, time.Unix(1, 0))
			tt.set(a, time.Now().Add(time.Hour))
			mustWrite(t, b, "x")
			wantRead(t, a, "x")
			mustWrite(t, a, "y")
			wantRead(t, b, "y")
		})
		t.Run(tt.name+": refused on a closed connection", func(t *testing.T) {
			a, _ := openPipe(t, 1)
			a.Close()
			if err := tt.set(a, time.Now()); !errors.Is(err, net.ErrClosed) {
				t.Errorf("got %v, want net.ErrClosed", err)
			}
		})
	}
}

func readOne(c *Conn) error {
	_, err := c.Read(make([]byte, 1))
	return err
}

func writeTooMuch(c *Conn) error {
	_, err := c.Write(make([]byte, 100))
	return err
}

func TestReadDeadlineComesBeforeData(t *testing.T) {
	a, b := openPipe(t, 0)
	mustWrite(t, b, "x")
	a.SetReadDeadline(time.Unix(1, 0))
	wantReadError(t, a, os.ErrDeadlineExceeded)
	a.SetReadDeadline(time.Time{})
	wantRead(t, a, "x") // nothing was lost
}

func TestTimedOutWriteTellsHowMuchWasTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := openPipe(t, 4)
		a.SetWriteDeadline(time.Now().Add(time.Second))
		n, err := a.Write([]byte("123456"))
		if n != 4 {
			t.Errorf("Write took %d, want 4", n)
		}
		wantTimeout(t, err)
		wantRead(t, b, "1234")
	})
}
