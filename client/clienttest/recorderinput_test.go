package clienttest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/icsws/icsws/client"
)

// reader is a class that gets its messages in pieces.
type reader struct {
	patient
	onFragment func(f client.Fragment) error
	kept       [][]byte
}

func (c *reader) OnFragment(f client.Fragment) error {
	c.heard = append(c.heard, fmt.Sprintf("%v %q%s%s", f.Op, f.Data, mark(f.First, " first"), mark(f.Final, " final")))
	c.kept = append(c.kept, f.Data)
	if c.onFragment == nil {
		return nil
	}
	return c.onFragment(f)
}

func mark(on bool, s string) string {
	if on {
		return s
	}
	return ""
}

func piecewise(t *testing.T) (*reader, *Recorder) {
	t.Helper()
	c := new(reader)
	return c, Connect(t, c)
}

// a message that came at once is one piece.
func TestWholeMessageIsOneFragment(t *testing.T) {
	c, rec := piecewise(t)
	if err := errors.Join(rec.Text("ä"), rec.Binary(nil)); err != nil {
		t.Error(err)
	}
	c.hears(t, `text "ä" first final`, `binary "" first final`)
	if string(c.kept[0]) != "##" {
		t.Errorf("kept data is %q", c.kept[0])
	}
	if s := c.Stats(); s.MessagesIn != 2 || s.BytesIn != 8+6 {
		t.Errorf("stats %+v", s)
	}
}

func TestFragmentsMakeAMessage(t *testing.T) {
	c, rec := piecewise(t)
	p := []byte("ab")
	for _, f := range []client.Fragment{
		{Op: client.OpText, Data: p, First: true}, {Op: client.OpText, Data: []byte("c")}, {Op: client.OpText, Final: true},
		{Op: client.OpBinary, Data: []byte("d"), First: true, Final: true},
	} {
		if err := rec.Fragment(f); err != nil {
			t.Error(err)
		}
	}
	c.hears(t, `text "ab" first`, `text "c"`, `text "" final`, `binary "d" first final`)
	if string(p) != "ab" || c.Stats().MessagesIn != 2 {
		t.Errorf("data %q, stats %+v", p, c.Stats())
	}
}

// an error of OnFragment ends the connection, in the middle of a message.
func TestFragmentEventFails(t *testing.T) {
	c, rec := piecewise(t)
	c.onFragment = func(client.Fragment) error { return &client.CloseError{Code: 4002} }
	if err := rec.Fragment(client.Fragment{Op: client.OpText, Data: []byte("x"), First: true}); err == nil {
		t.Error("no error")
	}
	if err := rec.Fragment(client.Fragment{Op: client.OpText, Data: []byte("x")}); !errors.Is(err, client.ErrClosed) {
		t.Errorf("the next piece: %v", err)
	}
	if got := rec.Closed(); got == nil || got.Code != 4002 {
		t.Errorf("Closed = %v", got)
	}
}

func TestPiecesThatNoServerDelivers(t *testing.T) {
	c, rec := piecewise(t)
	text := func(s string, first, final bool) client.Fragment {
		return client.Fragment{Op: client.OpText, Data: []byte(s), First: first, Final: final}
	}
	for _, tt := range []struct {
		f    client.Fragment
		want error
	}{
		{client.Fragment{Op: 9, First: true, Final: true}, client.ErrBadOpcode},
		{text("\xc3", true, false), client.ErrInvalidUTF8},
		{text("", true, false), errEmptyPiece},
		{text("a", false, false), errSequence},
		{text("a", true, false), nil},
		{text("a", true, false), errSequence},
		{client.Fragment{Op: client.OpBinary, Final: true}, errSequence},
		{text("b", false, true), nil},
		{text("b", false, true), errSequence},
	} {
		if err := rec.Fragment(tt.f); !errors.Is(err, tt.want) {
			t.Errorf("Fragment(%+v) = %v, want %v", tt.f, err, tt.want)
		}
	}
	c.hears(t, `text "a" first`, `text "b" final`)
	_ = rec.Fragment(text("a", true, false))
	if err := rec.Text("x"); !errors.Is(err, errSequence) {
		t.Errorf("a message inside of a message: %v", err)
	}
	if err := Connect(t, new(deaf)).Fragment(text("a", true, true)); !errors.Is(err, errNoFragments) {
		t.Errorf("a class without OnFragment: %v", err)
	}
}

// records are cut and joined over the borders of messages.
func TestRecordsAreCutAndJoined(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	if err := c.SetRecordLength(3); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"ab", "cdefgh", "", "i", "j"} {
		if err := rec.Binary([]byte(s)); err != nil {
			t.Error(err)
		}
	}
	_ = rec.Text("text")
	c.hears(t, `message "abc"`, `message "def"`, `message "ghi"`, `message "text"`)
	if s := c.Stats(); s.MessagesIn != 6 {
		t.Errorf("stats %+v", s)
	}
	rec.Disconnect(client.CloseInfo{})
	c.hears(t, `message "j"`)
	rec.Disconnect(client.CloseInfo{})
	c.hears(t)
}

func TestSettingsOfAnEndedClient(t *testing.T) { // C-09
	c, rec := slow(t, client.SendQueue{})
	for _, want := range []error{nil, nil, client.ErrClosed} { // open, closing, closed
		for name, err := range map[string]error{
			"SetRecordLength": c.SetRecordLength(1), "SetAcceptData": c.SetAcceptData(true),
			"SetBandwidthLimit": c.SetBandwidthLimit(1), "SetSendQueue": c.SetSendQueue(client.SendQueue{}),
		} {
			if !errors.Is(err, want) {
				t.Errorf("%s = %v, want %v", name, err, want)
			}
		}
		if want != nil {
			return
		}
		if c.Close(0, "") != nil {
			rec.Disconnect(client.CloseInfo{})
		}
	}
}

// an event may change the length, also that of a record.
func TestRecordLengthChangesInTheEvent(t *testing.T) {
	for _, tt := range []struct {
		name     string
		lengths  []int // the first one, and what each record sets
		messages []string
		want     []string
	}{
		{"header and body", []int{2, 4, 2, 4, 2}, []string{"h1body", "h2b", "ody"}, []string{"h1", "body", "h2", "body"}},
		{"shorter than what waits", []int{4, 1, 1, 1}, []string{"abcd", "ef"}, []string{"abcd", "e", "f"}},
		{"off within a message", []int{2, 0}, []string{"abcde"}, []string{"ab", "cde"}},
		{"off at the end of one", []int{2, 0}, []string{"ab", "cde"}, []string{"ab", "cde"}},
		{"off at the end of one, joined", []int{3, 0}, []string{"a", "bc", ""}, []string{"abc", ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, rec := slow(t, client.SendQueue{})
			next := 0
			set := func() error {
				next = min(next+1, len(tt.lengths))
				return c.SetRecordLength(tt.lengths[next-1])
			}
			c.onMessage = func(client.Message) error { return set() }
			if err := set(); err != nil {
				t.Fatal(err)
			}
			for _, m := range tt.messages {
				if err := rec.Binary([]byte(m)); err != nil {
					t.Error(err)
				}
			}
			var want []string
			for _, s := range tt.want {
				want = append(want, fmt.Sprintf("message %q", s))
			}
			c.hears(t, want...)
		})
	}
}

// what is left comes before the next message when records are turned off
// outside of an event.
func TestRestOfARecordComesFirst(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	_ = c.SetRecordLength(8)
	_ = rec.Binary([]byte("abcde"))
	_ = c.SetRecordLength(2)
	_ = rec.Binary(nil)
	_ = c.SetRecordLength(0)
	_ = rec.Text("t")
	_ = rec.Binary([]byte("new"))
	c.hears(t, `message "ab"`, `message "cd"`, `message "t"`, `message "e"`, `message "new"`)
}

func TestImpossibleRecordLength(t *testing.T) {
	c, _ := slow(t, client.SendQueue{})
	for n, want := range map[int]error{-1: client.ErrRecordLength, 1<<20 + 1: client.ErrRecordLength, 1 << 20: nil, 0: nil} {
		if err := c.SetRecordLength(n); !errors.Is(err, want) {
			t.Errorf("SetRecordLength(%d) = %v, want %v", n, err, want)
		}
	}
}

// in a class with OnFragment records come to OnMessage, and the rest as before.
func TestRecordsOfAClassWithOnFragment(t *testing.T) {
	c, rec := piecewise(t)
	_ = c.SetRecordLength(2)
	c.onMessage = func(m client.Message) error {
		if string(m.Data) == "cd" {
			return c.SetRecordLength(0)
		}
		return nil
	}
	_ = rec.Binary([]byte("abc"))
	_ = rec.Text("text")
	_ = rec.Fragment(client.Fragment{Op: client.OpBinary, Data: []byte("de"), First: true})
	_ = rec.Fragment(client.Fragment{Op: client.OpBinary, Data: []byte("f"), Final: true})
	c.hears(t, `message "ab"`, `text "text" first final`, `message "cd"`, `binary "e" first`, `binary "f" final`)
}

// the rest of a record comes at the end, unless an event has failed.
func TestRestOfARecordComesAtTheEnd(t *testing.T) {
	broken, bye := errors.New("broken"), &client.CloseError{Code: 4000}
	for _, tt := range []struct {
		name  string
		event func(c *patient) error
		want  error
		last  string // after the end
	}{
		{"an error", func(*patient) error { return broken }, broken, ""},
		{"a panic", func(*patient) error { panic(broken) }, broken, ""},
		{"a close error", func(*patient) error { return bye }, bye, `message "k"`},
		{"Close", func(c *patient) error { return c.Close(0, "") }, nil, `message "k"`},
		{"Abort", func(c *patient) error { c.Abort(); return nil }, nil, `message "k"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, rec := slow(t, client.SendQueue{})
			_ = c.SetRecordLength(2)
			_ = rec.Binary([]byte("abcdk"))
			c.hears(t, `message "ab"`, `message "cd"`)
			c.onMessage = func(m client.Message) error {
				if string(m.Data) == "now" {
					return tt.event(c)
				}
				return nil
			}
			if err := rec.Text("now"); !errors.Is(err, tt.want) {
				t.Errorf("Text = %v", err)
			}
			if err := rec.Binary([]byte("more")); !errors.Is(err, client.ErrClosed) {
				t.Errorf("Binary = %v", err)
			}
			c.hears(t, `message "now"`)
			rec.Disconnect(client.CloseInfo{})
			c.hears(t, slices.DeleteFunc([]string{tt.last}, func(s string) bool { return s == "" })...)
		})
	}
}

// What goes wrong in the last events can change nothing any more.
func TestLastEventsAreLogged(t *testing.T) {
	for _, tt := range []struct {
		event func() error
		want  string
	}{
		{func() error { return nil }, ""},
		{func() error { return errors.New("too short") }, "logged: clienttest: too short"},
		{func() error { panic("boom") }, "failed: clienttest: client: panic in OnMessage: boom"},
	} {
		c, tb := new(patient), &noting{TB: t}
		rec := Connect(tb, c)
		c.onMessage = func(client.Message) error { return tt.event() }
		_ = c.SetRecordLength(2)
		_ = rec.Binary([]byte("x"))
		rec.Disconnect(client.CloseInfo{})
		if got, _, _ := strings.Cut(tb.text, "\n"); got != tt.want {
			t.Errorf("the test is told %q, want %q", got, tt.want)
		}
	}
}

// noting is a testing.TB that keeps what it is told.
type noting struct {
	testing.TB
	text string
}

func (n *noting) Helper()                   {}
func (n *noting) Logf(s string, a ...any)   { n.text = "logged: " + fmt.Sprintf(s, a...) }
func (n *noting) Errorf(s string, a ...any) { n.text = "failed: " + fmt.Sprintf(s, a...) }

// what comes while no data is accepted waits, in order.
func TestPausedClientGetsItsMessagesLater(t *testing.T) {
	c, rec := on(t, func(c *scripted, m client.Message) error { c.heard = append(c.heard, string(m.Data)); return nil })
	if err := errors.Join(c.SetAcceptData(false), rec.Text("1"), rec.Ping([]byte("2")), rec.Binary([]byte("3")), rec.Pong(nil), rec.Wake()); err != nil {
		t.Error(err)
	}
	if s := c.Stats(); len(c.heard) > 0 || s.MessagesIn != 0 || s.BytesOut != 0 {
		t.Errorf("heard %q, stats %+v", c.heard, s)
	}
	if err := errors.Join(c.SetAcceptData(true), rec.Wake()); err != nil {
		t.Error(err)
	}
	if err := rec.Text("4"); err != nil {
		t.Error(err)
	}
	if got := strings.Join(c.heard, ", "); got != "1, ping 2, 3, pong , 4" {
		t.Errorf("heard %s", got)
	}
}

// an event may stop and go on, in the middle of what has come.
func TestPauseInsideOfAnEvent(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	_ = c.SetRecordLength(1)
	c.onMessage = func(m client.Message) error {
		return c.SetAcceptData(c.TrySend(m) == nil)
	}
	c.onReady = func() error { return c.SetAcceptData(true) }
	rec.Stall(2)
	if err := errors.Join(rec.Binary([]byte("abcd")), rec.Text("e")); err != nil {
		t.Error(err)
	}
	c.hears(t, `message "a"`, `message "b"`, `message "c"`)
	if err := rec.Resume(); err != nil {
		t.Error(err)
	}
	c.hears(t, "ready", `message "d"`, `message "e"`)
	rec.has(t, "a", "b", "d", "e")
}

// queue events come in spite of a pause.
func TestPauseKeepsOnlyTheEventsOfThePeer(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	_ = c.SetAcceptData(false)
	rec.Stall(0)
	_ = c.TrySend(client.Text("x"))
	_ = rec.Text("held")
	_ = rec.Resume()
	c.hears(t, "ready")
}

// a client that closes discards what waits.
func TestClosedClientDiscardsWhatWaits(t *testing.T) {
	c, rec := slow(t, client.SendQueue{})
	_ = c.SetAcceptData(false)
	_ = rec.Text("1")
	_ = rec.Text("2")
	c.onMessage = func(client.Message) error { return c.Close(0, "") }
	_ = c.SetAcceptData(true)
	if err := rec.Text("3"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("Text = %v", err)
	}
	c.hears(t, `message "1"`)
	c, rec = slow(t, client.SendQueue{})
	_ = c.SetAcceptData(false)
	_ = rec.Text("1")
	rec.Disconnect(client.CloseInfo{})
	_ = c.SetAcceptData(true)
	_ = rec.Wake()
	c.hears(t)
}

// Errors of several events come together.
func TestWakeJoinsErrors(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	c := &failingTwice{patient: new(patient), err: two}
	rec := Connect(t, c, Options{SendQueue: client.SendQueue{Policy: client.QueueDropNewest}})
	c.onMessage = func(m client.Message) error { _ = c.Send(m); return one }
	rec.Stall(0)
	if err := rec.Text("x"); !errors.Is(err, one) || !errors.Is(err, two) {
		t.Errorf("Text = %v", err)
	}
}

type failingTwice struct {
	*patient
	err error
}

func (c *failingTwice) OnDropped(client.Drop) error { return c.err }
