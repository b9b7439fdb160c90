//go:build unix

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/certs/certkit"
)

// server is "icsws serve" as a process.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr strings.Builder // only after stop
	over   bool
}

// line is what --json prints.
type line struct {
	Event, URL, Page, Code, Reason, URI, Origin, Protocol string
	ID                                                    uint64
	Close, Status                                         int
	Received, Sent                                        *int
	Clients                                               *int
}

func start(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, cmd: exec.Command(binary, append([]string{"serve"}, args...)...)}
	s.cmd.Stderr = &s.stderr
	out, err := s.cmd.StdoutPipe()
	if err == nil {
		s.lines = bufio.NewScanner(out)
		err = s.cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !s.over {
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait()
		}
	})
	return s
}

// text is the next line of stdout.
func (s *server) text() string {
	s.t.Helper()
	if !s.lines.Scan() {
		_ = s.cmd.Wait()
		s.over = true
		s.t.Fatalf("the program has ended: %s", s.stderr.String())
	}
	return s.lines.Text()
}

// event is the next line, which has to be that of an event.
func (s *server) event(name string) (l line) {
	s.t.Helper()
	text := s.text()
	if err := json.Unmarshal([]byte(text), &l); err != nil || l.Event != name {
		s.t.Fatalf("printed %s, want the event %s", text, name)
	}
	return l
}

// stop sends SIGINT and returns the exit code and what was printed from then on.
func (s *server) stop() (code int, rest string) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		s.t.Fatal(err)
	}
	for s.lines.Scan() {
		rest += s.lines.Text() + "\n"
	}
	if err := s.cmd.Wait(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			s.t.Error(err)
		}
	}
	s.over = true
	return s.cmd.ProcessState.ExitCode(), rest
}

// visitor is a client of the server.
type visitor struct {
	t        *testing.T
	conn     *dial.Conn
	messages chan string
	end      chan client.CloseInfo
}

func visit(t *testing.T, o dial.Options) *visitor {
	t.Helper()
	v := &visitor{t: t, messages: make(chan string, 100), end: make(chan client.CloseInfo, 1)}
	o.NoReconnect, o.Logger = true, slog.New(slog.DiscardHandler)
	v.conn = dial.New(o, dial.Handler{
		OnMessage: func(_ *dial.Conn, m client.Message) error { v.messages <- string(m.Data); return nil },
		OnClose:   func(_ *dial.Conn, info client.CloseInfo) { v.end <- info },
	})
	if _, err := v.conn.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.leave)
	return v
}

func (v *visitor) leave() { _ = v.conn.Stop(context.Background(), client.StatusNormalClosure, "bye") }

func (v *visitor) say(text string) {
	v.t.Helper()
	if err := v.conn.SendText(text); err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) hear(want string) {
	v.t.Helper()
	select {
	case got := <-v.messages:
		if got != want {
			v.t.Errorf("heard %q, want %q", got, want)
		}
	case info := <-v.end:
		v.t.Fatalf("ended with %v, waiting for %q", info, want)
	}
}

// O-24: a server that tells programs what happens, and ends cleanly.
func TestServeEchoTellsEvents(t *testing.T) {
	s := start(t, "echo", "--json", "--addr", "127.0.0.1:0", "--protocol", "chat", "--origin", "https://a.example")
	at := s.event("listening").URL
	v := visit(t, dial.Options{URL: at + "/room", SubProtocols: []string{"chat"}, Header: http.Header{"Origin": {"https://a.example"}}})
	if e := s.event("connected"); e.URI != "/room" || e.Protocol != "chat" || e.Origin != "https://a.example" || e.ID == 0 {
		t.Errorf("connected %+v", e)
	}
	v.say("hello")
	v.hear("hello")
	v.leave()
	if e := s.event("disconnected"); e.Close != 1000 || e.Reason != "bye" || e.Code != "close/peer" || *e.Received != 1 || *e.Sent != 1 {
		t.Errorf("disconnected %+v", e)
	}
	if _, err := dial.New(dial.Options{URL: at, Header: http.Header{"Origin": {"https://b.example"}}, Logger: slog.New(slog.DiscardHandler)}, dial.Handler{}).Connect(t.Context()); err == nil {
		t.Error("a foreign origin got in")
	}
	if e := s.event("refused"); e.Status != 403 || e.Code != "reject/origin" {
		t.Errorf("refused %+v", e)
	}
	last := visit(t, dial.Options{URL: at})
	s.event("connected")
	code, rest := s.stop()
	if info := <-last.end; info.Code != client.StatusGoingAway || !info.Remote {
		t.Errorf("the last client got %v", info)
	}
	if code != 0 || strings.Count(rest, "\n") != 3 || !strings.Contains(rest, `"event":"stopping"`) || !strings.Contains(rest, `"code":"close/shutdown"`) || !strings.HasSuffix(rest, "\n") {
		t.Errorf("exit %d, %s", code, rest)
	}
}

// O-24: TLS, several addresses, for people.
func TestServeEchoOverTLS(t *testing.T) {
	s := start(t, "echo", "--self-signed", "--addr", "127.0.0.1:0", "-a", "127.0.0.1:0", "-v", "--compression", "message")
	for _, said := range []string{s.text(), s.text()} {
		at, ok := strings.CutPrefix(said, "listening on ")
		if !ok || !strings.HasPrefix(at, "wss://127.0.0.1:") {
			t.Fatalf("printed %q", said)
		}
		v := visit(t, dial.Options{URL: at, InsecureSkipVerify: true, Compression: client.Compression{Mode: client.CompressionMessage}})
		if !v.conn.Info().CompressionNegotiated {
			t.Error("no compression")
		}
		v.say("hello")
		v.hear("hello")
		defer v.leave()
	}
	if l := s.text(); !strings.Contains(l, " connected: 127.0.0.1:") {
		t.Errorf("printed %q", l)
	}
	s.text()
	if code, rest := s.stop(); code != 0 || !strings.Contains(rest, "stopping, clients: 2\n") || !strings.Contains(rest, "(close/shutdown), 1 in, 1 out") {
		t.Errorf("exit %d, %s", code, rest)
	}
}

// O-24: settings of a file, and of flags that overrule it.
func TestServeWithAConfigurationFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "server.toml")
	if err := os.WriteFile(file, []byte("sub_protocols = [\"file\"]\nallowed_origins = [\"https://a.example\"]\naddr = \"127.0.0.1:0\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "echo", "--json", "--config", file, "--protocol", "flag")
	at := s.event("listening").URL
	v := visit(t, dial.Options{URL: at, SubProtocols: []string{"file", "flag"}, Header: http.Header{"Origin": {"https://a.example"}}})
	if p := v.conn.Info().Open.Protocol; p != "flag" {
		t.Errorf("the sub-protocol is %q", p)
	}
	v.leave()
	if code, _ := s.stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if r := run(t, "serve", "echo", "--config", filepath.Join(t.TempDir(), "none.toml")); r.code != 1 || !strings.Contains(r.stderr, "none.toml") {
		t.Errorf("exit %d, %s", r.code, r.stderr)
	}
}

// O-24: a chat in which all talk to all.
func TestServeChat(t *testing.T) {
	s := start(t, "chat", "--json", "--addr", "127.0.0.1:0")
	at := s.event("listening").URL
	ada := visit(t, dial.Options{URL: at + "/?name=ada"})
	ada.hear("* ada is here")
	bob := visit(t, dial.Options{URL: at + "/?name=ada"})
	bob.hear("* ada is somebody else")
	bob.hear("* guest2 is here")
	ada.hear("* guest2 is here")
	bob.say("/name bob")
	ada.hear("* guest2 is now bob")
	bob.hear("* guest2 is now bob")
	bob.say("/name ada")
	bob.hear("* ada is somebody else")
	bob.say("/name two words")
	bob.hear("* a name has 1 to 32 letters, digits and the like, without blanks")
	bob.say("/who")
	bob.hear("* here: ada, bob")
	bob.say("/dance")
	bob.hear("* commands: /name NAME, /who")
	ada.say("  hello ")
	ada.hear("ada: hello")
	bob.hear("ada: hello")
	bob.leave()
	ada.hear("* bob has left")
	if err := ada.conn.SendBinary([]byte{1}); err != nil {
		t.Fatal(err)
	}
	if info := <-ada.end; info.Code != client.StatusUnsupportedData {
		t.Errorf("a binary message ends with %v", info)
	}
	if code, _ := s.stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// O-24: files beside an echo, and nothing that is hidden or outside.
func TestServeStatic(t *testing.T) {
	dir, outside := t.TempDir(), certkit.File(t, "secret.txt", []byte("secret"))
	for name, text := range map[string]string{"page.html": "<p>hello", ".hidden": "secret", "sub/a.txt": "a", ".git/config": "secret"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(outside, filepath.Join(dir, "link.txt")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "static", "--json", "--addr", "127.0.0.1:0", "--self-signed", dir)
	at := s.event("listening")
	h := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer h.CloseIdleConnections()
	for _, tt := range []struct {
		path   string
		status int
		has    string
		not    string
	}{
		{"/page.html", 200, "<p>hello", ""},
		{"/sub/a.txt", 200, "a", ""},
		{"/", 200, "page.html", ".hidden"},
		{"/.hidden", 404, "", "secret"},
		{"/.git/config", 404, "", "secret"},
		{"/link.txt", 404, "", "secret"},
		{"/pipe", 404, "", ""}, // to open it would take until somebody writes
		{"/../secret.txt", 404, "", "secret"},
	} {
		resp, err := h.Get(at.Page + tt.path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.has) || tt.not != "" && strings.Contains(string(body), tt.not) {
			t.Errorf("%s: %d %q", tt.path, resp.StatusCode, body)
		}
	}
	v := visit(t, dial.Options{URL: at.URL + "/page.html", InsecureSkipVerify: true})
	v.say("x")
	v.hear("x")
	v.leave()
	if code, _ := s.stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// O-24: a test that has read the first line may close the pipe; the server goes on.
func TestServeGoesOnWhenNobodyReads(t *testing.T) {
	cmd := exec.Command(binary, "serve", "echo", "--json", "--addr", "127.0.0.1:0")
	out, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	var at line
	if err := json.NewDecoder(out).Decode(&at); err != nil {
		t.Error(err)
	}
	_ = out.Close()
	for range 2 {
		v := visit(t, dial.Options{URL: at.URL})
		v.say("x")
		v.hear("x")
		v.leave()
	}
	_ = cmd.Process.Signal(syscall.SIGINT)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// O-24: clients that do not take their leave are no failure of the server.
func TestServeEndsWithoutTheLeaveOfClients(t *testing.T) {
	s := start(t, "echo", "--json", "--addr", "127.0.0.1:0", "--patience", "50ms")
	addr := strings.TrimPrefix(s.event("listening").URL, "ws://")
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	s.event("connected")
	if code, rest := s.stop(); code != 0 || !strings.Contains(rest, `"stopped"`) {
		t.Errorf("exit %d: %s", code, rest)
	}
}

// O-24: a port that is taken is no connection that failed; what clients send is harmless.
func TestServeOnAPortThatIsTakenAndOddClients(t *testing.T) {
	s := start(t, "echo", "-v", "--addr", "127.0.0.1:0")
	addr := strings.TrimPrefix(s.text(), "listening on ws://")
	var code *exec.ExitError
	if err := exec.Command(binary, "serve", "echo", "--addr", addr).Run(); !errors.As(err, &code) || code.ExitCode() != 1 {
		t.Errorf("a port that is taken: %v", err)
	}
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /\u009b\xff HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	if text := s.text(); !strings.HasSuffix(text, ` /\u009b\xff`) {
		t.Errorf("printed %q", text)
	}
}
