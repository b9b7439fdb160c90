package connect

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/pty"
	"github.com/icsws/icsws/wsserver"
)

// dialogueWith starts the program in a terminal and waits until it is connected.
func dialogueWith(t *testing.T, args ...string) *pty.Terminal {
	t.Helper()
	term := pty.Start(t, program(t, args...))
	term.Expect("connected to ws")
	return term
}

// The keys.
const (
	ctrlC = "\x03"
	ctrlD = "\x04"
	up    = "\x1b[A"
	left  = "\x1b[D"
)

// O-24: the tool as a client.
func TestTypedLineIsSentAndComesBack(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	term := dialogueWith(t, url)
	term.Type("hello\r")
	term.Expect("> hello")
	term.Expect("< hello")
	term.Type("//ping is text\r")
	term.Expect("< /ping is text")
	term.Type("bcd" + left + left + left + "a\r") // the editor
	term.Expect("< abcd")
	term.Type(ctrlD)
	term.Expect("closed by us with 1000")
	if code := term.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestHistoryIsKeptInAFile(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	state := t.TempDir()
	start := func(args ...string) *pty.Terminal {
		cmd := program(t, append(args, url)...)
		cmd.Env = append(cmd.Env, "XDG_STATE_HOME="+state)
		term := pty.Start(t, cmd)
		term.Expect("connected to ws")
		return term
	}
	term := start()
	for _, line := range []string{"first", "second", " secret"} {
		term.Type(line + "\r")
		term.Expect("< " + line)
	}
	term.Type(up + up + "\r") // not the one that begins with a blank
	term.Expect("< first")
	term.Type(ctrlD)
	term.Wait()

	path := filepath.Join(state, "icsws", "history")
	if data, err := os.ReadFile(path); err != nil || string(data) != "first\nsecond\nfirst\n" {
		t.Errorf("%s: %q, %v", path, data, err)
	}
	if i, err := os.Stat(path); err != nil || i.Mode().Perm() != 0o600 {
		t.Errorf("%s: %v, %v", path, i.Mode(), err)
	}

	term = start()
	term.Type(up + up + "\r")
	term.Expect("< second")
	term.Type(ctrlD)
	term.Wait()

	term = start("--no-history")
	term.Type(up + "none\r")
	term.Expect("< none")
	term.Type(ctrlD)
	term.Wait()
	if data, _ := os.ReadFile(path); string(data) != "first\nsecond\nfirst\nsecond\n" {
		t.Errorf("%s: %q", path, data)
	}
}

// What comes is printed above the line that is being typed, which is painted again.
func TestMessageWhileTyping(t *testing.T) {
	s, url := serve(t, wsserver.Config{})
	term := dialogueWith(t, url)
	term.Type("hello\r")
	term.Expect("< hello") // now the server has us among those that get broadcasts
	term.Type("half a li")
	term.Expect("half a li")
	if n := s.Broadcast(client.Text("news")); n != 1 {
		t.Fatalf("%d clients took the broadcast", n)
	}
	if got := term.Expect("> half a li"); !strings.Contains(got, "\x1b[K< news\r\n> half a li") {
		t.Errorf("the message is not above the line: %q", got)
	}
	term.Type("ne\r")
	term.Expect("< half a line")
	term.Type(ctrlD)
	term.Wait()
}

func TestControlC(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	term := dialogueWith(t, url)
	term.Type("half" + ctrlC)
	term.Expect("closed by us with 1001")
	if code := term.Wait(); code != int(cli.Interrupted) {
		t.Errorf("exit code %d", code)
	}
}

func TestControlCWhileConnecting(t *testing.T) {
	term := pty.Start(t, program(t, "--reconnect", "ws://127.0.0.1:9"))
	term.Expect("next attempt in")
	term.Type(ctrlC)
	if code := term.Wait(); code != int(cli.Interrupted) {
		t.Errorf("exit code %d", code)
	}
}

func TestResize(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	term := dialogueWith(t, url)
	term.Type("0123456789")
	term.Expect("0123456789")
	term.Resize(8, 24)
	// "> 0123456789" in lines of 8 columns.
	term.Expect("> 012345\r\n6789")
	term.Resize(80, 24)
	term.Expect("> 0123456789")
	term.Type("\r")
	term.Expect("< 0123456789")
	term.Type(ctrlD)
	term.Wait()
}

// O-24: no control character of a peer reaches the terminal: of messages, close reasons, headers,
// pings, sub-protocols.
func TestEscapeSequencesAreShown(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	term := dialogueWith(t, "-v", url)
	at := len(term.Output())
	term.Type("escape\r")
	term.Expect(`< a\x1b[2Jb\u009b31mc\u202ed\x07\r` + "\r\n  next\tline")
	term.Type("binary\r")
	term.Expect("binary, 10 bytes")
	term.Expect("|..[31m.end|")
	term.Type("ping \\\r")
	term.Expect(`ping from the server "\"`)
	term.Type("/json on\r{\"a\":[1,\"\u202e\"]}\r")
	term.Expect("< {\r\n    \"a\": [\r\n      1,\r\n      \"\\u202e\"\r\n    ]\r\n  }")
	term.Type("error \u202e31m\u009b\r") // the editor takes no control character
	term.Expect(`closed by the server with 4001 "\u202e31m"`)
	if code := term.Wait(); code != int(cli.Refused) {
		t.Errorf("exit code %d", code)
	}
	for _, c := range []string{"\x1b[2J", "\u009b", "\x07", "\x1b[31m"} {
		if strings.Contains(term.Output()[at:], c) {
			t.Errorf("%q reached the terminal", c)
		}
	}
}

// O-24: the tool as a client.
func TestSlashCommands(t *testing.T) {
	_, url := serve(t, wsserver.Config{Compression: client.Compression{Mode: client.CompressionMessage}})
	dir := t.TempDir()
	text, data := filepath.Join(dir, "text"), filepath.Join(dir, "data")
	for path, what := range map[string]string{text: "from a file\n", data: "\xff\x00"} {
		if err := os.WriteFile(path, []byte(what), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	term := dialogueWith(t, "--compression", "message", "--timestamps", url)
	for _, tt := range []struct{ typed, want string }{
		{"/help", "//text"},
		{"/ping", `pong "1": `},
		{"/ping are you there", `pong "are you there": `},
		{"/binary 00 ff", "binary, 2 bytes"},
		{"/binary x", "want hex"},
		{"/binary @" + text, "binary, 12 bytes"},
		{"/file " + text, "< from a file"},
		{"/file " + data, "binary, 2 bytes"},
		{"/file " + dir, "not a regular file"},
		{"/file " + dir + "/none", "no such file"},
		{"/stats", "compression  permessage-deflate"},
		{"/stats", "round trip   "},
		{"/json", "/json on, or /json off"},
		{"/pong", "did you mean /ping?"},
		{"/zzzzzz", "see /help"},
		{"/close 1005", "no close code that may be sent"},
		{strings.Repeat("x", 4200), "not sent: the editor has cut the line"},
		{"/close 4000 good bye", `closed by us with 4000 "good bye"`},
	} {
		term.Type(tt.typed + "\r")
		term.Expect(tt.want)
	}
	if code := term.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestQuitAndWait(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	term := dialogueWith(t, url)
	term.Type("/quit\r")
	term.Expect("closed by us with 1000")
	if code := term.Wait(); code != 0 {
		t.Errorf("/quit: exit code %d", code)
	}
	term = dialogueWith(t, "--wait", "1", "--json-pretty", url)
	term.Type("{}\r")
	term.Expect("< {}")
	if code := term.Wait(); code != 0 {
		t.Errorf("--wait: exit code %d", code)
	}
}

func TestJSONAtATerminal(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	term := pty.Start(t, program(t, "--json", url))
	term.Expect(`"event":"open"`)
	term.Type("escape\r")
	term.Expect(`a\u001b[2Jb\u009b31mc\u202ed\u0007\r\n`)
	term.Type(ctrlD)
	term.Expect(`"event":"close"`)
	if code := term.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A pipe on one side: what a peer sends does not reach the terminal on the other as it is.
func TestRawIsNotForTerminals(t *testing.T) {
	term := pty.Start(t, program(t, "--raw", "ws://x"))
	term.Expect("stdout is a terminal")
	if code := term.Wait(); code != int(cli.Usage) {
		t.Errorf("exit code %d", code)
	}
}

func TestPasswordIsAskedFor(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	term := pty.Start(t, program(t, "--user", "ann", url))
	term.Expect("Password of ann: ")
	term.Type("secret\r")
	term.Expect("connected to ws")
	term.Type("header Authorization\r")
	term.Expect("< Basic YW5uOnNlY3JldA==")
	term.Type(ctrlD)
	term.Wait()
	if strings.Contains(term.Output(), "secret") {
		t.Error("the password was echoed")
	}

	term = pty.Start(t, program(t, "--user", "ann", url))
	term.Expect("Password of ann: ")
	term.Type("sec" + ctrlC)
	if code := term.Wait(); code != int(cli.Interrupted) {
		t.Errorf("exit code %d", code)
	}
}

// With stdin from a pipe a terminal is told the same as a pipe.
func TestPipeToATerminal(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	cmd := program(t)
	sh := exec.Command("sh", "-c", `echo escape | "$0" connect --proxy none --wait 1 "$1"`, cmd.Path, url)
	sh.Env = cmd.Env
	term := pty.Start(t, sh)
	term.Expect(`a\x1b[2Jb\u009b31mc\u202ed\x07\r\nnext`)
	if code := term.Wait(); code != 0 || strings.Contains(term.Output(), "\x1b") {
		t.Errorf("exit code %d, output %q", code, term.Output())
	}
}

// Lines of a terminal go into a pipe; with --wait nobody has to type Ctrl-D.
func TestTerminalToAPipe(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	cmd := program(t)
	sh := exec.Command("sh", "-c", `"$0" connect --proxy none --wait 1 "$1" | sed s/^/through-/`, cmd.Path, url)
	sh.Env = cmd.Env
	term := pty.Start(t, sh)
	term.Expect("connected to")
	term.Type("hello\r")
	term.Expect("through-hello")
	if code := term.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestTimingTellsOfEachPing(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	term := dialogueWith(t, "--timing", "--ping-interval", "50ms", "--log-level", "info", url)
	term.Expect("handshake ")
	term.Expect("round trip: ")
	term.Type(ctrlD)
	if code := term.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
