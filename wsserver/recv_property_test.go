package wsserver_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/wstest"
	"github.com/icsws/icsws/wsserver"
)

// step is a frame of a random conversation: a part of a message, or a ping that
// tells the class what to do.
type step struct {
	op          client.Opcode // of the message
	data        string        // plaintext of the fragment
	first, last bool
	command     string // of a ping: "", "pause 5s", "length 7"
}

// conversation makes steps, and the frames for them.
type conversation struct {
	*rand.Rand
	steps  []step
	frames []wstest.Frame
	zip    *flate.Writer // nil: no compression
	out    bytes.Buffer
}

func newConversation(seed uint64, zip bool) *conversation {
	k := &conversation{Rand: rand.New(rand.NewPCG(seed, 77))}
	if zip {
		k.zip, _ = flate.NewWriter(&k.out, 6)
	}
	for range 1 + k.IntN(30) {
		k.message()
		k.pings()
	}
	return k
}

// text is up to n bytes of runes of all lengths.
func (k *conversation) text(n int) string {
	var s []byte
	for n = k.IntN(n + 1); len(s) < n; {
		s = utf8.AppendRune(s, []rune("abc é€𝄞\x00\U0010ffff")[k.IntN(9)])
	}
	return string(s)
}

func (k *conversation) pings() {
	for k.IntN(4) == 0 {
		s := step{}
		switch k.IntN(4) {
		case 0:
			s.command = "pause " + time.Duration(k.IntN(90)*int(time.Second)).String()
		case 1, 2:
			s.command = fmt.Sprint("length ", []int{0, 0, 1, 3, 10, 100, 5000}[k.IntN(7)])
		}
		k.steps = append(k.steps, s)
		k.frames = append(k.frames, wstest.Ping([]byte(s.command)))
	}
}

func (k *conversation) message() {
	op, size := client.OpBinary, []int{0, 3, 40, 300, 3000, 40_000}[k.IntN(6)]
	if k.IntN(2) == 0 {
		op = client.OpText
	}
	data := k.text(size)
	zip := k.zip != nil && k.IntN(2) == 0
	for first := true; ; first = false {
		n := len(data)
		if k.IntN(3) > 0 {
			n = k.IntN(len(data) + 1)
		}
		s := step{op: op, data: data[:n], first: first, last: n == len(data)}
		data = data[n:]
		f := wstest.Frame{Op: wstest.OpContinuation, More: !s.last, Payload: []byte(s.data)}
		if first {
			f.Op = wstest.Opcode(op)
		}
		if zip {
			f.Payload = k.deflate(s)
			if first {
				f.RSV = wstest.RSV1
			}
		}
		k.steps, k.frames = append(k.steps, s), append(k.frames, f)
		if s.last {
			return
		}
		k.pings()
	}
}

// deflate compresses a fragment so that all of it can be inflated at once.
func (k *conversation) deflate(s step) []byte {
	k.out.Reset()
	_, _ = k.zip.Write([]byte(s.data))
	_ = k.zip.Flush()
	b := slices.Clone(k.out.Bytes())
	if s.last {
		return b[:len(b)-4]
	}
	return b
}

// changes are what the class does in the event of its nth message or record: a new record length, or -1.
func changes(seed uint64) func(n int) int {
	return func(n int) int {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		if r.IntN(3) > 0 {
			return -1
		}
		return []int{0, 1, 2, 7, 64, 1000}[r.IntN(6)]
	}
}

// sight is what a class sees, with consecutive pieces of a message in one line.
type sight struct {
	lines   []string
	piece   bool // the last line is one of pieces that may go on
	events  int  // of OnMessage
	changes func(n int) int
}

func (s *sight) add(line string) { s.lines, s.piece = append(s.lines, line), false }

// fragment adds a piece.
func (s *sight) fragment(op client.Opcode, data string, first, final bool) {
	if first || !s.piece {
		s.add(fmt.Sprintf("pieces %v, first %v: ", op, first))
	}
	s.lines[len(s.lines)-1] += data
	if s.piece = !final; final {
		s.lines[len(s.lines)-1] += " (end)"
	}
}

// model says what a class must see of steps.
func model(steps []step, pieces bool, changes func(int) int) *sight {
	m := &modelled{sight: sight{changes: changes}}
	for _, s := range steps {
		switch {
		case s.op == 0:
			m.add("ping " + s.command)
			m.piece = false
			if n, ok := strings.CutPrefix(s.command, "length "); ok {
				m.length, _ = strconv.Atoi(n)
			}
		case pieces:
			if s.first {
				m.began, m.empty = false, true
			}
			m.empty = m.empty && s.data == ""
			m.part(s)
		default:
			if s.first {
				m.whole = ""
			}
			if m.whole += s.data; s.last {
				m.message(s.op)
			}
		}
	}
	if m.rest != "" {
		m.event(client.OpBinary, m.rest)
	}
	return &m.sight
}

type modelled struct {
	sight
	length int    // of records
	rest   string // of a record
	whole  string // message so far
	rune   string // the beginning of one, at the end of a fragment
	began  bool   // the class had a piece of the message under way
	empty  bool   // the message under way has no data so far
}

// event is OnMessage.
func (m *modelled) event(op client.Opcode, data string) {
	m.add(fmt.Sprintf("message %v: %s", op, data))
	if n := m.changes(m.events); n >= 0 {
		m.length = n
	}
	m.events++
}

// records takes what belongs to records from the front of data.
func (m *modelled) records(data string) (left string) {
	for {
		all := m.rest + data
		switch {
		case m.length == 0 && m.rest == "":
			return data
		case m.length == 0:
			rest := m.rest
			m.rest = ""
			m.event(client.OpBinary, rest)
		case len(m.rest) >= m.length:
			record := m.rest[:m.length]
			m.rest = m.rest[m.length:]
			m.event(client.OpBinary, record)
		case len(all) >= m.length:
			record := all[:m.length]
			m.rest, data = "", all[m.length:]
			m.event(client.OpBinary, record)
		default:
			m.rest = all
			return ""
		}
	}
}

// message is a whole one.
func (m *modelled) message(op client.Opcode) {
	if op == client.OpText {
		m.event(op, m.whole)
		return
	}
	left := m.records(m.whole)
	if left != "" || m.whole == "" && m.length == 0 {
		m.event(op, left)
	}
}

// part is a fragment for a class of pieces.
func (m *modelled) part(s step) {
	if s.data == "" && !s.last {
		return // there is nothing to tell
	}
	var left string
	if s.op == client.OpText {
		left = m.rune + s.data
		n := len(left)
		for !utf8.ValidString(left[:n]) {
			n--
		}
		left, m.rune = left[:n], left[n:]
	} else if left = m.records(s.data); m.length > 0 {
		return
	}
	if left == "" && !(s.last && (m.began || m.empty)) {
		return
	}
	m.fragment(s.op, left, !m.began, s.last)
	m.began = !s.last
}

// TestConversations: whatever is said, however it is cut by frames, fragments, the network, pauses and
// record lengths, a class of whole messages and one of pieces see what the model says, in order.
func TestConversations(t *testing.T) {
	runs := 30
	if testing.Short() {
		runs = 10
	}
	base := uint64(time.Now().UnixNano())
	for run := range uint64(runs) {
		seed := base + run
		for _, pieces := range []bool{false, true} {
			for _, zip := range []bool{false, true} {
				if ok := t.Run(fmt.Sprintf("seed %d, pieces %v, zip %v", seed, pieces, zip), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { converse(t, seed, pieces, zip) })
				}); !ok {
					return
				}
			}
		}
	}
}

func converse(t *testing.T, seed uint64, pieces, zip bool) {
	k := newConversation(seed, zip)
	want := model(k.steps, pieces, changes(seed))
	got := &sight{changes: changes(seed)}
	l := newLobby(pieces)
	paused := false
	check := func() {
		if paused {
			t.Error("an event comes in a pause")
		}
	}
	l.message = func(v *visitor, m client.Message) error {
		check()
		got.add(fmt.Sprintf("message %v: %s", m.Op, m.Data))
		n := got.changes(got.events)
		got.events++
		if n >= 0 && v.Connected() {
			return v.SetRecordLength(n)
		}
		return nil
	}
	l.fragment = func(_ *visitor, f client.Fragment) error {
		check()
		if f.Op == client.OpText && !utf8.Valid(f.Data) {
			t.Errorf("a piece of text is %q", f.Data)
		}
		got.fragment(f.Op, string(f.Data), f.First, f.Final)
		return nil
	}
	l.ping = func(v *visitor, p []byte) error {
		check()
		got.add("ping " + string(p))
		what, arg, _ := strings.Cut(string(p), " ")
		switch what {
		case "pause":
			d, _ := time.ParseDuration(arg)
			paused = true
			v.SetAcceptData(false)
			time.AfterFunc(d, func() { paused = false; v.SetAcceptData(true) })
		case "length":
			n, _ := strconv.Atoi(arg)
			return v.SetRecordLength(n)
		}
		return nil
	}
	cfg := wsserver.Config{DisablePong: true}
	if zip {
		cfg.Compression = client.Compression{Mode: client.CompressionContext}
	}
	srv := newServerOf(t, l, cfg)
	p := raw(t, serve(t, srv))
	p.Timeout = 1000 * time.Hour
	if zip {
		wstest.OpenDeflate(p, "/", "permessage-deflate")
	} else {
		wstest.Open(p, "/")
	}
	in := p.Encode(append(k.frames, wstest.Close(1000, ""))...)
	for most := 1 + k.IntN(1<<k.IntN(18)); len(in) > 0; {
		n := min(1+k.IntN(most), len(in))
		p.Write(in[:n])
		if in = in[n:]; k.IntN(20) == 0 {
			synctest.Wait()
		}
	}
	for {
		if f, err := p.NextFrame(); err != nil || f.Op == wstest.OpClose { // pings come in pauses and behind them
			break
		}
	}
	p.Conn.Close()
	eventually(t, "the last event", func() bool {
		synctest.Wait()
		return l.count("OnClientDisconnect") == 1
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.info.Code != 1000 || l.overlaps.Load() > 0 {
		t.Errorf("it ends with %v", l.info)
	}
	for i := range max(len(got.lines), len(want.lines)) {
		if lineAt(got.lines, i) != lineAt(want.lines, i) {
			t.Fatalf("line %d: the class sees\n%.200q\nwant\n%.200q", i, lineAt(got.lines, i), lineAt(want.lines, i))
		}
	}
}

func lineAt(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "nothing"
}
