package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/internal/link"
)

// fakeOps is a connection that notes what Base asks for.
type fakeOps struct {
	notConnected
	calls  []string
	ctx    context.Context
	opts   link.SendOptions
	queue  *SendQueue
	err    error // of every call
	stream *fakeStream
}

func (o *fakeOps) note(format string, a ...any) { o.calls = append(o.calls, fmt.Sprintf(format, a...)) }

func (o *fakeOps) Send(op byte, p []byte) (int, error) {
	o.note("send %d %q", op, p)
	return len(p) + 2, o.err
}

func (o *fakeOps) SendWith(ctx context.Context, op byte, p []byte, so link.SendOptions) (int, error) {
	o.ctx, o.opts = ctx, so
	return o.Send(op, p)
}

func (o *fakeOps) Control(op byte, p []byte) error {
	o.note("control %d %q", op, p)
	return o.err
}

func (o *fakeOps) WaitWritable(ctx context.Context) error {
	o.ctx = ctx
	o.note("wait")
	return o.err
}

func (o *fakeOps) SetRecordLength(n int) error {
	o.note("records %d", n)
	return o.err
}

func (o *fakeOps) SetSendQueue(q any) error {
	o.queue = q.(*SendQueue)
	return o.err
}

func (o *fakeOps) SetBandwidthLimit(n int) error {
	o.note("limit %d", n)
	return o.err
}

func (o *fakeOps) SetAcceptData(on bool) error {
	o.note("accept %v", on)
	return o.err
}

func (o *fakeOps) Interrupt() { o.note("interrupt") }

// faked is a client with that connection.
func faked(t *testing.T) (*quiet, *fakeOps) {
	t.Helper()
	c, o := new(quiet), new(fakeOps)
	if !link.Bind(c, &link.Conn{Facts: link.Facts{ID: 7, URI: "/feed?x=1"}, Ops: o}) {
		t.Fatal("the client has a connection")
	}
	return c, o
}

func (o *fakeOps) asked(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(o.calls, "; "); got != strings.Join(want, "; ") {
		t.Errorf("asked for %s, want %s", got, strings.Join(want, "; "))
	}
	o.calls = nil
}

// S-12: options that go together reach the connection.
func TestSendOptionsReachTheConnection(t *testing.T) {
	for _, tt := range []struct {
		o    SendOptions
		want link.SendOptions
	}{
		{SendOptions{}, link.SendOptions{}},
		{SendOptions{Policy: QueueDropOldest, NoCompression: true}, link.SendOptions{Policy: uint8(QueueDropOldest), Plain: true}},
		{SendOptions{Policy: QueueBlock, Timeout: time.Second}, link.SendOptions{Policy: uint8(QueueBlock), Timeout: time.Second}},
		{SendOptions{Timeout: time.Second}, link.SendOptions{Timeout: time.Second}},
		{SendOptions{Key: "k"}, link.SendOptions{Policy: uint8(QueueLatest), Key: "k"}},
		{SendOptions{Policy: QueueLatest, Key: "k"}, link.SendOptions{Policy: uint8(QueueLatest), Key: "k"}},
		{SendOptions{Policy: QueueLatest}, link.SendOptions{Policy: uint8(QueueLatest)}},
	} {
		c, o := faked(t)
		r := c.SendWith(t.Context(), Text("abc"), tt.o)
		if want := (SendResult{ID: 7, URI: "/feed?x=1", PayloadSize: 3, WireSize: 5}); r != want || o.opts != tt.want || o.ctx != t.Context() {
			t.Errorf("%+v: result %+v, options %+v", tt.o, r, o.opts)
		}
		o.asked(t, `send 1 "abc"`)
	}
}

// Options that do not go together send nothing.
func TestSendOptionsThatDoNotFit(t *testing.T) {
	progress := func(int64, int64) bool { return true }
	for _, tt := range []SendOptions{
		{Policy: QueueLatest + 1}, {Policy: 255},
		{Policy: QueueDropOldest, Key: "k"}, {Policy: QueueClose, Key: "k"},
		{Timeout: -1}, {Policy: QueueBlock, Timeout: -time.Second},
		{Progress: progress},
	} {
		c, o := faked(t)
		r := c.SendWith(t.Context(), Text("abc"), tt)
		if !errors.Is(r.Err, ErrOptions) || r.WireSize != 0 || r.ID != 7 || r.PayloadSize != 3 {
			t.Errorf("%+v: %+v", tt, r)
		}
		o.asked(t)
		if _, err := link.MessageOptions(tt); !errors.Is(err, ErrOptions) {
			t.Errorf("MessageOptions(%+v) = %v", tt, err)
		}
	}
}

// S-21, S-24: what was not taken has no size on the wire.
func TestSendResultOfAMessageThatWasNotTaken(t *testing.T) {
	c, o := faked(t)
	o.err = ErrQueueFull
	if r := c.SendWith(t.Context(), Binary([]byte("ab")), SendOptions{}); r != (SendResult{ID: 7, URI: "/feed?x=1", PayloadSize: 2, Err: ErrQueueFull}) {
		t.Errorf("%+v", r)
	}
}

func TestTrySendNeitherWaitsNorDrops(t *testing.T) { // S-13
	c, o := faked(t)
	o.err = ErrWouldBlock
	if err := c.TrySend(Binary([]byte("x"))); !errors.Is(err, ErrWouldBlock) || o.opts != (link.SendOptions{Try: true}) || o.ctx.Done() != nil {
		t.Errorf("TrySend = %v with %+v", err, o.opts)
	}
	o.asked(t, `send 2 "x"`)
}

func TestWriteSendsInTheFormat(t *testing.T) { // S-04, S-06
	for _, tt := range []struct {
		format Format
		data   string
		want   string
	}{
		{FormatAuto, "ä", `send 1 "ä"`},
		{FormatAuto, "", `send 1 ""`},
		{FormatAuto, "\xff", `send 2 "\xff"`},
		{FormatText, "ä", `send 1 "ä"`},
		{FormatText, "\xff", `send 1 "\xff"`}, // refused there
		{FormatBinary, "ä", `send 2 "ä"`},
		{FormatPing, "\xff", `control 9 "\xff"`},
	} {
		c, o := faked(t)
		c.SetFormat(tt.format)
		if n, err := c.Write([]byte(tt.data)); n != len(tt.data) || err != nil {
			t.Errorf("Write(%q) = %d, %v", tt.data, n, err)
		}
		_ = c.Send(Text("explicit"))
		o.asked(t, tt.want, `send 1 "explicit"`)
	}
}

// S-05: all or nothing.
func TestWriteTakesAllOrNothing(t *testing.T) {
	for _, f := range []Format{FormatAuto, FormatText, FormatBinary, FormatPing} {
		c, o := faked(t)
		c.SetFormat(f)
		o.err = ErrQueueFull
		if n, err := c.Write([]byte("abc")); n != 0 || !errors.Is(err, ErrQueueFull) {
			t.Errorf("format %d: Write = %d, %v", f, n, err)
		}
	}
	var _ io.Writer = (*Base)(nil)
}

func TestSettingsReachTheConnection(t *testing.T) { // S-14, O-21, R-03, R-04
	for _, want := range []error{nil, ErrClosed} {
		c, o := faked(t)
		o.err = want
		for name, err := range map[string]error{
			"SetBandwidthLimit": c.SetBandwidthLimit(1000), "SetSendQueue": c.SetSendQueue(SendQueue{}),
			"SetAcceptData(false)": c.SetAcceptData(false), "SetAcceptData(true)": c.SetAcceptData(true),
			"SetRecordLength": c.SetRecordLength(-1), "WaitWritable": c.WaitWritable(t.Context()),
		} {
			if err != want {
				t.Errorf("%s = %v, want %v", name, err, want)
			}
		}
		if err := c.SetBandwidthLimit(-1); err != ErrOptions {
			t.Errorf("SetBandwidthLimit(-1) = %v", err)
		}
		c.Interrupt()
		if o.ctx != t.Context() || o.queue == nil {
			t.Errorf("WaitWritable or SetSendQueue: %+v", o)
		}
		o.asked(t, "limit 1000", "accept false", "accept true", "records -1", "wait", "interrupt")
	}
}

func TestClientWithoutAConnectionSendsNothing(t *testing.T) { // C-09
	c := new(quiet)
	w := c.Writer(OpText)
	_, werr := w.Write([]byte("x"))
	_, serr := w.WriteString("x")
	n, rerr := w.ReadFrom(strings.NewReader("x"))
	_, err := c.Write([]byte("x"))
	for name, err := range map[string]error{
		"SendWith": c.SendWith(t.Context(), Text("x"), SendOptions{}).Err, "TrySend": c.TrySend(Text("x")), "Write": err,
		"WaitWritable": c.WaitWritable(t.Context()), "SendReader": c.SendReader(t.Context(), OpText, strings.NewReader("x")),
		"MessageWriter.Write": werr, "MessageWriter.WriteString": serr, "MessageWriter.ReadFrom": rerr,
		"MessageWriter.Flush": w.Flush(), "MessageWriter.Close": w.Close(),
		"SetRecordLength": c.SetRecordLength(1), "SetAcceptData": c.SetAcceptData(false),
		"SetBandwidthLimit": c.SetBandwidthLimit(1), "SetSendQueue": c.SetSendQueue(SendQueue{}), "Ping": c.Ping(nil), "Pong": c.Pong(nil),
	} {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("%s = %v, want ErrClosed", name, err)
		}
	}
	w.Abort(nil)
	c.Interrupt()
	if n != 0 {
		t.Errorf("%d bytes written", n)
	}
}

func TestSendQueueDefaults(t *testing.T) { // S-12
	for _, tt := range []struct{ q, want SendQueue }{
		{SendQueue{}, SendQueue{MaxBytes: 1 << 20, Policy: QueueClose, HighWater: 1 << 20, LowWater: 1 << 19}},
		{SendQueue{MaxBytes: 100}, SendQueue{MaxBytes: 100, Policy: QueueClose, HighWater: 100, LowWater: 50}},
		{SendQueue{HighWater: 10, Policy: QueueBlock}, SendQueue{MaxBytes: 1 << 20, Policy: QueueBlock, HighWater: 10, LowWater: 5}},
		{SendQueue{LowWater: 7, MaxMessages: 3}, SendQueue{MaxBytes: 1 << 20, MaxMessages: 3, Policy: QueueClose, HighWater: 1 << 20, LowWater: 7}},
	} {
		c, o := faked(t)
		if err := c.SetSendQueue(tt.q); err != nil || *o.queue != tt.want {
			t.Errorf("SetSendQueue(%+v) = %v, set %+v", tt.q, err, o.queue)
		}
		if again := tt.want.WithDefaults(); again != tt.want {
			t.Errorf("defaults of a complete queue: %+v", again)
		}
	}
}

func TestSendQueueThatCanNotBe(t *testing.T) { // S-12
	for _, tt := range []struct {
		q     SendQueue
		field string
	}{
		{SendQueue{MaxBytes: -1}, "MaxBytes"},
		{SendQueue{MaxMessages: -1}, "MaxMessages"},
		{SendQueue{Policy: QueueLatest + 1}, "Policy"},
		{SendQueue{BlockTimeout: -1}, "BlockTimeout"},
		{SendQueue{HighWater: -1}, "HighWater"},
		{SendQueue{MaxBytes: 10, HighWater: 11}, "HighWater"},
		{SendQueue{HighWater: 1<<20 + 1}, "HighWater"},
		{SendQueue{LowWater: -1}, "LowWater"},
		{SendQueue{HighWater: 10, LowWater: 11}, "LowWater"},
	} {
		c, o := faked(t)
		err := c.SetSendQueue(tt.q)
		if e, ok := errors.AsType[*QueueError](err); !ok || e.Field != tt.field || !strings.Contains(e.Error(), "client: SendQueue."+tt.field+": ") || o.queue != nil {
			t.Errorf("SetSendQueue(%+v) = %v, set %+v", tt.q, err, o.queue)
		}
	}
}

func TestPoliciesThatDrop(t *testing.T) { // S-12
	var drops []string
	for p := QueueDefault; p <= QueueLatest; p++ {
		if p.Drops() {
			drops = append(drops, p.String())
		}
	}
	if got := strings.Join(drops, ", "); got != "drop oldest, latest" {
		t.Errorf("drop what was taken: %s", got)
	}
}

func TestTextsOfTheQueue(t *testing.T) {
	seen := make(map[string]bool)
	for i := range DropReasons + 1 {
		seen[DropReason(i).String()] = true
	}
	for p := QueueDefault; p <= QueueLatest+1; p++ {
		seen[p.String()] = true
	}
	if len(seen) != DropReasons+1+int(QueueLatest)+2 || seen[""] {
		t.Errorf("texts %v", reflect.ValueOf(seen).MapKeys())
	}
	if got := (Drop{Reason: DropOldest, Messages: 3, Bytes: 40}).String(); got != "3 messages, 40 bytes: queue full, oldest dropped" {
		t.Errorf("Drop is %q", got)
	}
}

func TestBudgetsHaveBytes(t *testing.T) {
	b := NewBudget(100)
	if b.Limit() != 100 || b.Used() != 0 {
		t.Errorf("a new budget: %d of %d", b.Used(), b.Limit())
	}
	link.BudgetOf(b).Add(30) // what one server adds
	link.BudgetOf(b).Add(5)  // and another
	if b.Used() != 35 {
		t.Errorf("%d used, want 35", b.Used())
	}
	if link.BudgetOf((*Budget)(nil)) != nil {
		t.Error("no budget is one")
	}
	for _, n := range []int64{0, -1} {
		func() {
			defer func() {
				if v := recover(); !strings.Contains(fmt.Sprint(v), "budget of no bytes") {
					t.Errorf("NewBudget(%d): %v", n, v)
				}
			}()
			NewBudget(n)
		}()
	}
}
