package serve

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/wsserver"
)

func chatCommand() *cli.Command {
	return &cli.Command{
		Name: "serve chat", Short: "run a chat room in which all talk to all",
		Long: "Each text message is a line that everybody gets, with the name of who said it. The name comes from " +
			"the URL, ws://127.0.0.1:8080/?name=ada, or from a command:\n\n" +
			"  /name ada   take another name\n" +
			"  /who        list the names\n\n" + common,
		Examples: []cli.Example{
			{Text: "For everybody in the local network, ten at most", Line: "icsws serve chat --addr :8080 --max-clients 10"},
		},
		Setup: func(f *cli.Flags) cli.RunFunc {
			o := new(options)
			o.declare(f)
			return func(ctx context.Context, env *cli.Env, _ []string) error {
				r := newRoom()
				return serve(ctx, env, o, r.factory(), false, func(c *wsserver.Config) {
					if c.MaxMessageSize == 0 {
						c.MaxMessageSize = 16 << 10
					}
				})
			}
		},
	}
}

// maxName is how many runes a name may have.
const maxName = 32

// room is who is there.
type room struct {
	mu    sync.Mutex         // guards the following
	names map[string]*member // who has a name
}

func newRoom() *room { return &room{names: make(map[string]*member)} }

// member is the client class of the chat.
type member struct {
	client.Base
	room *room
	name string // changed by its own events only
}

func (r *room) factory() wsserver.Factory[*member] {
	return wsserver.Factory[*member]{New: r.newMember, Connect: r.enter, Disconnect: r.leave}
}

func (r *room) newMember(q *client.OpenRequest) (*member, error) {
	return &member{room: r, name: q.URI.Query().Get("name")}, nil
}

func (r *room) enter(m *member) error {
	wish := m.name
	m.name = ""
	if err := r.take(m, wish); err != nil {
		if wish != "" {
			_ = m.SendText("* " + err.Error()) // its end comes as an event
		}
		guest := fmt.Sprintf("guest%d", m.ID())
		for r.take(m, guest) != nil { // somebody may like the name
			guest += "+"
			if len(guest) > maxName {
				return &client.CloseError{Code: client.StatusPolicyViolation, Reason: "no name left"}
			}
		}
	}
	m.say("* %s is here", m.name)
	return nil
}

func (r *room) leave(m *member, _ client.CloseInfo) {
	r.mu.Lock()
	if r.names[m.name] == m {
		delete(r.names, m.name)
	}
	r.mu.Unlock()
	m.say("* %s has left", m.name)
}

// take gives a name to a member, and frees the one that it had.
func (r *room) take(m *member, name string) error {
	name = strings.TrimSpace(name)
	if n := utf8.RuneCountInString(name); n == 0 || n > maxName || strings.ContainsFunc(name, odd) {
		return fmt.Errorf("a name has 1 to %d letters, digits and the like, without blanks", maxName)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.names[name]; other != nil && other != m {
		return fmt.Errorf("%s is somebody else", name)
	}
	delete(r.names, m.name)
	r.names[name], m.name = m, name
	return nil
}

func odd(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }

// say sends a line to everybody.
func (m *member) say(format string, args ...any) {
	m.Server().Broadcast(client.Text(fmt.Sprintf(format, args...)))
}

// OnMessage is a line, or a command.
func (m *member) OnMessage(msg client.Message) error {
	text := strings.TrimSpace(string(msg.Data))
	command, rest, _ := strings.Cut(text, " ")
	switch {
	case msg.Op != client.OpText:
		return &client.CloseError{Code: client.StatusUnsupportedData, Reason: "text only"}
	case text == "":
		return nil
	case command == "/name":
		return m.rename(rest)
	case command == "/who":
		return m.SendText("* here: " + strings.Join(m.room.list(), ", "))
	case strings.HasPrefix(command, "/"):
		return m.SendText("* commands: /name NAME, /who")
	}
	m.say("%s: %s", m.name, text)
	return nil
}

func (m *member) rename(name string) error {
	old := m.name
	if err := m.room.take(m, name); err != nil {
		return m.SendText("* " + err.Error())
	}
	if m.name != old {
		m.say("* %s is now %s", old, m.name)
	}
	return nil
}

func (r *room) list() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := make([]string, 0, len(r.names))
	for n := range r.names {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
