//lint:file-ignore U1000 New looks at these types by reflection

package wsserver_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// plain is what the classes below have in common.
type plain struct{ client.Base }

func (*plain) OnMessage(client.Message) error { return nil }

// Classes that are refused, each for one method.
type (
	misspelt     struct{ plain }
	noArgument   struct{ plain }
	noResult     struct{ plain }
	stringPing   struct{ plain }
	messagePong  struct{ plain }
	ownConnect   struct{ plain }
	ownDisc      struct{ plain }
	ownCreate    struct{ plain }
	ownReject    struct{ plain }
	noPieces     struct{ plain }
	readyForWhat struct{ plain }
	inventive    struct{ plain }
	greek        struct{ plain }
	inherits     struct{ misspelt }
	inheritsDeep struct {
		plain
		*badMixin
	}
	badMixin  struct{ badMixin2 }
	badMixin2 struct{}
	byValue   struct{ *plain }
	twoPings  struct {
		plain
		pinger
		pingerToo
	}
	twoPongsDeep struct {
		plain
		pongBox
		*pongBoxToo
	}
	hiddenByField struct {
		plain
		pinger
		OnPing int
	}
	twoInterfaces struct {
		plain
		client.PingHandler
		Other client.PingHandler
		other
	}
	other      struct{ client.PingHandler }
	pinger     struct{}
	pingerToo  struct{}
	ponger     struct{}
	pongerToo  struct{}
	pongBox    struct{ ponger }
	pongBoxToo struct{ pongerToo }
)

func (*misspelt) OnPimg([]byte) error                { return nil }
func (*noArgument) OnPing() error                    { return nil }
func (*noResult) OnPong([]byte)                      {}
func (*stringPing) OnPing(string) error              { return nil }
func (*messagePong) OnPong(client.Message) error     { return nil }
func (*ownConnect) OnClientConnect() error           { return nil }
func (*ownDisc) OnClientDisconnect(client.CloseInfo) {}
func (*ownCreate) OnClientCreate()                   {}
func (*ownReject) OnReject(wsserver.RejectInfo)      {}
func (*noPieces) OnFragment() error                  { return nil }
func (*readyForWhat) OnReadyToSend()                 {}
func (*inventive) OnTuesdays()                       {}
func (*greek) OnÄther()                              {}
func (badMixin2) OnClose(client.StatusCode)          {}
func (byValue) OnConnect() error                     { return nil }
func (pinger) OnPing([]byte) error                   { return nil }
func (*pingerToo) OnPing([]byte) error               { return nil }
func (ponger) OnPong([]byte) error                   { return nil }
func (pongerToo) OnPong([]byte) error                { return nil }

// Classes with helpers that are no events.
type (
	good     struct{ plain }
	goodHand struct{ pinger }
	goodBy   struct {
		plain
		goodHand
		note string
	}
	shadows struct { // its own method decides, whatever it hides
		plain
		pinger
		pingerToo
	}
)

func (*good) OnPing([]byte) error    { return nil }
func (*good) OnPong([]byte) error    { return nil }
func (*good) On()                    {}
func (*good) Once()                  {}
func (*good) Only() bool             { return true }
func (*good) On1st()                 {}
func (*good) On_message()            {}
func (*good) Onslaught()             {}
func (*good) HandleTuesday()         {}
func (*good) onTuesday()             {}
func (*shadows) OnPing([]byte) error { return nil }

// try makes a server of a class and returns what New says.
func try[S any, T interface {
	*S
	client.Client
}]() error {
	_, err := wsserver.New(wsserver.Class[S, T](), wsserver.Config{})
	return err
}

// C-01: what looks like an event and would never be called is refused by New.
func TestMisspeltEventsAreRefused(t *testing.T) {
	for _, tt := range []struct {
		name, method, why string
		err               error
	}{
		{"misspelt", "OnPimg", "not an event", try[misspelt]()},
		{"argument missing", "OnPing", "wrong signature", try[noArgument]()},
		{"result missing", "OnPong", "wrong signature", try[noResult]()},
		{"other argument", "OnPing", "wrong signature", try[stringPing]()},
		{"message for a payload", "OnPong", "wrong signature", try[messagePong]()},
		{"connect", "OnClientConnect", "belongs to the factory", try[ownConnect]()},
		{"disconnect", "OnClientDisconnect", "belongs to the factory", try[ownDisc]()},
		{"create", "OnClientCreate", "belongs to Hooks", try[ownCreate]()},
		{"server event", "OnReject", "belongs to Config.Events", try[ownReject]()},
		{"no piece", "OnFragment", "want func(client.Fragment) error", try[noPieces]()},
		{"no error", "OnReadyToSend", "want func() error", try[readyForWhat]()},
		{"invented", "OnTuesdays", "not an event", try[inventive]()},
		{"not ASCII", "OnÄther", "not an event", try[greek]()},
		{"inherited", "OnPimg", "not an event", try[inherits]()},
		{"inherited from afar", "OnClose", "not an event", try[inheritsDeep]()},
		{"two embedded have it", "OnPing", "hidden", try[twoPings]()},
		{"two embedded have it deep down", "OnPong", "hidden", try[twoPongsDeep]()},
		{"a field hides it", "OnPing", "hidden", try[hiddenByField]()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, ok := errors.AsType[*wsserver.ClassError](tt.err)
			if !ok || e.Method != tt.method || !strings.Contains(e.Why, tt.why) {
				t.Fatalf("New = %v, want %s %s", tt.err, tt.method, tt.why)
			}
			if text := tt.err.Error(); !strings.Contains(text, tt.method) || !strings.Contains(text, e.Class) || e.Class == "" {
				t.Errorf("the text is %q, want class and method", text)
			}
		})
	}
	if _, err := wsserver.New(wsserver.Factory[byValue]{New: func(*client.OpenRequest) (c byValue, err error) { return }}, wsserver.Config{}); err == nil {
		t.Error("New takes a class of values with OnConnect")
	}
}

// C-01
func TestHelpersAreNoEvents(t *testing.T) {
	for name, err := range map[string]error{
		"plain": try[plain](), "good": try[good](), "embedded handler": try[goodBy](),
		"its own hides both": try[shadows](), "handler behind an interface": try[twoInterfaces](),
	} {
		if err != nil {
			t.Errorf("%s: New = %v", name, err)
		}
	}
}

// C-01: where T is an interface the class is known, and judged, with its first object.
func TestClassBehindAnInterfaceIsJudgedLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		f := wsserver.Factory[client.Client]{New: func(r *client.OpenRequest) (client.Client, error) {
			switch r.URI.Path {
			case "/misspelt":
				return &misspelt{}, nil
			case "/nil":
				return (*good)(nil), nil
			}
			return &good{}, nil
		}}
		l := serve(t, newServerOf(t, f, wsserver.Config{Logger: log.logger()}))
		for range 2 { // the verdict is remembered
			if _, res, err := clienttest.TryDial(t, l, "/misspelt"); res == nil || res.StatusCode != 500 {
				t.Errorf("dialling = %v, want 500", err)
			}
		}
		if n := len(log.lines("OnPimg", "misspelt")); n < 2 {
			t.Errorf("%d lines of the log name the method", n)
		}
		if _, res, err := clienttest.TryDial(t, l, "/nil"); res == nil || res.StatusCode != 500 {
			t.Errorf("dialling = %v, want 500", err)
		}
		clienttest.Dial(t, l, "/good")
	})
}
