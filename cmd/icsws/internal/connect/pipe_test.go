package connect

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/banner"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/multilisten"
	"github.com/icsws/icsws/wsserver"
)

// guest is a client of the server of a test, which does what a message says.
type guest struct{ client.Base }

func (g *guest) OnMessage(m client.Message) error {
	word, rest, _ := strings.Cut(string(m.Data), " ")
	switch word {
	case "bye":
		return &client.CloseError{Code: client.StatusNormalClosure, Reason: rest}
	case "away":
		return &client.CloseError{Code: client.StatusGoingAway, Reason: rest}
	case "error":
		return &client.CloseError{Code: 4001, Reason: rest}
	case "abort":
		g.Abort()
		return nil
	case "ping":
		return g.Ping([]byte(rest))
	case "silent":
		return nil
	case "escape":
		return g.SendText("a\x1b[2Jb\u009b31mc\u202ed\x07\r\nnext\tline")
	case "binary":
		return g.SendBinary([]byte("\x00\x1b[31m\xffend"))
	case "header":
		return g.SendText(g.Header().Get(rest))
	case "protocol":
		return g.SendText("protocol " + g.SubProtocol())
	case "host":
		return g.SendText(g.HostHeader())
	}
	return g.Send(m)
}

// serve returns the URL of a server on the loopback interface that ends with the test.
func serve(t *testing.T, c wsserver.Config) (*wsserver.Server[*guest], string) {
	t.Helper()
	if c.Addr == "" {
		c.Addr = "127.0.0.1:0"
	}
	c.SendQueue.Policy = client.QueueBlock
	c.Logger = slog.New(slog.DiscardHandler)
	s, err := wsserver.New(wsserver.Class[guest](), c)
	if err == nil {
		err = s.Listen(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, "ws://" + s.Addrs()[0].String()
}

// program is this test binary as the tool.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), path, append([]string{"connect", "--proxy", "none"}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1", "NO_COLOR=1", "TERM=xterm", "GORACE=atexit_sleep_ms=0", "XDG_STATE_HOME="+t.TempDir())
	return cmd
}

// outcome is what a program has left behind.
type outcome struct {
	code           cli.Code
	stdout, stderr string
}

// pipeThrough runs the program with stdin.
func pipeThrough(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	cmd := program(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	stuck := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer stuck.Stop()
	_ = cmd.Run()
	return outcome{cli.Code(cmd.ProcessState.ExitCode()), out.String(), errs.String()}
}

// O-24: the tool as a client.
func TestPipe(t *testing.T) {
	_, url := serve(t, wsserver.Config{SubProtocols: []string{"chat", "b"}})
	for _, tt := range []struct {
		name, stdin, args, want string
		code                    cli.Code
	}{
		{name: "each line is a message", stdin: "one\ntwo\r\nthree", args: "--wait 3", want: "one\ntwo\nthree\n"},
		{name: "an empty line is an empty message", stdin: "\nx\n", args: "--wait 2", want: "\nx\n"},
		{name: "until nothing comes", stdin: "one\ntwo\n", args: "--wait-time 200ms", want: "one\ntwo\n"},
		{name: "no stdin", stdin: "", args: "--wait-time 0s", want: ""},
		{name: "binary lines", stdin: "00 ff 0a\n", args: "--wait 1 --binary-lines", want: "00ff0a\n"},
		{name: "binary", stdin: "\xff\n", args: "--wait 1 --binary", want: "ff\n"},
		{name: "base64", stdin: "hello\n", args: "--wait 1 --base64", want: "aGVsbG8=\n"},
		{name: "null", stdin: "a\nb\x00c", args: "--wait 2 --null --raw", want: "a\nb\x00c\x00"},
		{name: "whole", stdin: "a\nb\n", args: "--wait 1 --whole", want: "a\\nb\\n\n"},
		{name: "whole and raw", stdin: "a\nb\n\x00\xff", args: "--wait 1 --whole --raw --binary", want: "a\nb\n\x00\xff"},
		{name: "control characters are escaped", stdin: "escape\n", args: "--wait 1", want: "a\\x1b[2Jb\\u009b31mc\\u202ed\\x07\\r\\nnext\tline\n"},
		{name: "a protocol", stdin: "protocol\n", args: "--wait 1 --protocol b --protocol x", want: "protocol b\n"},
		{name: "a header", stdin: "header X-A\n", args: "--wait 1 -H X-A:b", want: "b\n"},
		{name: "an origin", stdin: "header Origin\n", args: "--wait 1 --origin " + strings.Replace(url, "ws:", "http:", 1), want: strings.Replace(url, "ws:", "http:", 1) + "\n"},
		{name: "a user", stdin: "header Authorization\n", args: "--wait 1 -u a:b", want: "Basic YTpi\n"},
		{name: "compression", stdin: "x\n", args: "--wait 1 --compression context", want: "x\n"},

		{name: "not all that was wanted", stdin: "one\n", args: "--wait 2 --wait-time 200ms", want: "one\n", code: cli.TimedOut},
		{name: "closed with an error", stdin: "error no\n", args: "--wait-time 20s", code: cli.Refused},
		{name: "closed normally", stdin: "bye\n", args: "--wait-time 20s"},
		{name: "closed normally, and more was wanted", stdin: "bye\n", args: "--wait 1", code: cli.Failed},
		{name: "the server goes away", stdin: "away\n", args: "--wait-time 20s"},
		{name: "lost", stdin: "abort\n", args: "--wait-time 20s", code: cli.Failed},
		{name: "no UTF-8", stdin: "\xff\n", args: "--wait-time 20s", code: cli.Failed},
		{name: "no hex", stdin: "xy\n", args: "--binary-lines", code: cli.Failed},
		{name: "a message too long", stdin: strings.Repeat("x", 2000) + "\n", args: "--max-size 1000 --wait 1", code: cli.Failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := pipeThrough(t, tt.stdin, append(strings.Fields(tt.args), url)...)
			if got.code != tt.code || got.stdout != tt.want {
				t.Errorf("exit code %d, stdout %q; want %d, %q; stderr:\n%s", got.code, got.stdout, tt.code, tt.want, got.stderr)
			}
		})
	}
}

// A server that closes before stdin is at its end has not taken all of it.
func TestClosedBeforeTheEndOfStdin(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	cmd := program(t, url)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(in, "bye\n")
	_ = cmd.Wait()
	in.Close()
	if code := cmd.ProcessState.ExitCode(); code != int(cli.Failed) || !strings.Contains(errs.String(), "before the end of stdin") {
		t.Errorf("exit code %d\n%s", code, errs.String())
	}
}

// O-24: the tool as a client.
func TestNoConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent := l.Addr().String() // takes connections, and says nothing
	t.Cleanup(func() { l.Close() })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := free.Addr().String()
	free.Close()
	_, busy := serve(t, wsserver.Config{AllowedOrigins: []string{"https://a.example"}, Banner: banner.Policy{MaxClients: 1}})
	for _, tt := range []struct {
		name string
		args []string
		code cli.Code
		text string
	}{
		{"refused", []string{"ws://" + closed}, cli.NoConnection, "the connection was refused"},
		{"not TLS", []string{strings.Replace(busy, "ws:", "wss:", 1)}, cli.NoConnection, "TLS"},
		{"no such name", []string{"ws://no-such-name.invalid/"}, cli.NoConnection, "the name of the host"},
		{"timeout", []string{"--timeout", "200ms", "ws://" + silent}, cli.TimedOut, "timed out"},
		{"refused by status", []string{"--origin", "https://b.example", busy}, cli.Refused, "403"},
		{"attempts", []string{"--reconnect", "--max-attempts", "2", "ws://" + closed}, cli.NoConnection, "next attempt in"},
		{"no socket", []string{"--unix", "/no/such/socket", "ws://x"}, cli.NoConnection, ""},
		{"no file of authorities", []string{"--ca", "/no/such/file", "wss://x"}, cli.Failed, "/no/such/file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := pipeThrough(t, "x\n", tt.args...)
			if got.code != tt.code || !strings.Contains(got.stderr, tt.text) || got.stdout != "" {
				t.Errorf("exit code %d, want %d; stdout %q, stderr:\n%s", got.code, tt.code, got.stdout, got.stderr)
			}
		})
	}
}

func TestInterrupt(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // which has no signals
	}
	s, url := serve(t, wsserver.Config{})
	cmd := program(t, "--json", url)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(out)
	var e event
	if err := d.Decode(&e); err != nil || e.Event != "open" {
		t.Fatalf("%+v, %v", e, err)
	}
	_ = cmd.Process.Signal(os.Interrupt)
	if err := d.Decode(&e); err != nil || e.Event != "close" || e.Close != 1001 {
		t.Errorf("%+v, %v", e, err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != int(cli.Interrupted) {
		t.Errorf("exit code %d", code)
	}
	_ = s
}

// O-24: each thing that happens is one line of JSON.
func TestJSONEvents(t *testing.T) {
	_, url := serve(t, wsserver.Config{Compression: client.Compression{Mode: client.CompressionMessage}})
	got := pipeThrough(t, "escape\nbinary\nping p\nlast\nerror \u009bno\n", "--json", "--compression", "message", "--wait-time", "20s", url)
	if got.code != cli.Refused || got.stderr != "" {
		t.Errorf("exit code %d, stderr %q", got.code, got.stderr)
	}
	if strings.ContainsAny(got.stdout, "\x1b\x07\u009b\u202e") {
		t.Errorf("control characters in %q", got.stdout)
	}
	var events []event
	names := ""
	for line := range strings.Lines(got.stdout) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Time.IsZero() {
			t.Fatalf("%q: %v", line, err)
		}
		events = append(events, e)
		names += e.Event + " "
	}
	// The ping may overtake.
	if i := strings.Index(names, "ping "); i < 0 || strings.Replace(names, "ping ", "", 1) != "open message message message close " {
		t.Fatalf("events: %s", names)
	}
	if o := events[0]; o.URL != url || o.Compression == nil || !*o.Compression || o.Status != 101 || o.Timing["handshake"] <= 0 {
		t.Errorf("open: %+v", o)
	}
	var texts []string
	for _, e := range events {
		switch {
		case e.Event == "message" && e.Text != nil:
			texts = append(texts, *e.Text)
		case e.Event == "message":
			texts = append(texts, e.Type+string(*e.Base64))
		}
	}
	want := []string{"a\x1b[2Jb\u009b31mc\u202ed\x07\r\nnext\tline", "binary\x00\x1b[31m\xffend", "last"}
	if strings.Join(texts, "|") != strings.Join(want, "|") {
		t.Errorf("messages %q, want %q", texts, want)
	}
	if c := events[len(events)-1]; c.Close != 4001 || c.Reason != "\u009bno" || c.ByPeer == nil || !*c.ByPeer || c.Code != "close/peer" {
		t.Errorf("close: %+v", c)
	}
}

func TestJSONError(t *testing.T) {
	_, url := serve(t, wsserver.Config{AllowedOrigins: []string{"https://a.example"}})
	got := pipeThrough(t, "", "--json", "--origin", "https://b.example", url)
	var e event
	if err := json.Unmarshal([]byte(got.stdout), &e); err != nil || e.Event != "error" || e.Status != http.StatusForbidden || e.Code != "status" || e.Stage != "handshake" || e.Next != nil {
		t.Errorf("%+v, %v\n%s", e, err, got.stdout)
	}
}

func TestSaveNeverReplaces(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	dir := filepath.Join(t.TempDir(), "new")
	for range 2 {
		got := pipeThrough(t, "binary\ntext\n", "--wait", "2", "--save", dir, url)
		if got.code != 0 || got.stdout != "text\n" || !strings.Contains(got.stderr, "message-") {
			t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
		}
	}
	for _, name := range []string{"message-000001.bin", "message-000002.bin"} {
		if data, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(data) != "\x00\x1b[31m\xffend" {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
}

// O-24: with --reconnect the lines go on over the next connection.
func TestReconnect(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	cmd := program(t, "--reconnect", "--wait", "2", url)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	got, w := io.Pipe()
	cmd.Stdout, cmd.Stderr = &out, io.MultiWriter(&errs, w)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 16)
	go func() {
		defer close(lines)
		for buf := make([]byte, 4096); ; {
			n, err := got.Read(buf)
			if err != nil {
				return
			}
			for l := range strings.Lines(string(buf[:n])) {
				lines <- l
			}
		}
	}()
	_, _ = io.WriteString(in, "one\nerror\n")
	for l := range lines {
		if strings.Contains(l, "again connected") {
			break
		}
	}
	_, _ = io.WriteString(in, "two\n")
	in.Close()
	_ = cmd.Wait()
	w.Close()
	for range lines {
	}
	if cmd.ProcessState.ExitCode() != 0 || out.String() != "one\ntwo\n" || !strings.Contains(errs.String(), "closed by the server with 4001") {
		t.Errorf("exit code %d, stdout %q, stderr:\n%s", cmd.ProcessState.ExitCode(), out.String(), errs.String())
	}
}

func TestWays(t *testing.T) {
	_, url := serve(t, wsserver.Config{})
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(url, "ws://"))
	got := pipeThrough(t, "host\n", "--wait", "1", "--resolve", "chat.invalid:"+port+":127.0.0.1", "--timing", "ws://chat.invalid:"+port)
	if got.code != 0 || got.stdout != "chat.invalid:"+port+"\n" || !strings.Contains(got.stderr, "handshake ") {
		t.Errorf("--resolve: exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
	if runtime.GOOS == "windows" {
		return
	}
	dir, err := os.MkdirTemp("", "icsws") // the path of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	s, _ := serve(t, wsserver.Config{})
	hs := &http.Server{Handler: s}
	go hs.Serve(l)
	defer hs.Close()
	got = pipeThrough(t, "hello\n", "--wait", "1", "--unix", filepath.Join(dir, "s"), "ws://name.example/")
	if got.code != 0 || got.stdout != "hello\n" {
		t.Errorf("--unix: exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
}

func TestWrongFlags(t *testing.T) {
	for _, args := range []string{
		"", "a b", "x", "ftp://x", "ws://x#f", "ws://",
		"--binary-lines --whole ws://x", "--binary-lines --null ws://x", "--whole --null ws://x", "--base64 --raw ws://x",
		"--json --raw ws://x", "--json --save d ws://x", "--max-attempts 3 ws://x", "--reconnect --max-attempts -1 ws://x",
		"-H nocolon ws://x", "-H Upgrade:x ws://x", "--key k ws://x", "--timeout 0s ws://x", "--max-size -1 ws://x",
		"--resolve x ws://x", "--resolve x:80:y ws://x", "--unix a --resolve x:80:1.2.3.4 ws://x", "--proxy ftp://x ws://x", "--proxy http:// ws://x",
		"--user a ws://x", "--compression all ws://x", "--protocol a,b ws://x",
	} {
		if got := pipeThrough(t, "", strings.Fields(args)...); got.code != cli.Usage || got.stdout != "" {
			t.Errorf("%q: exit code %d, want %d: %s", args, got.code, cli.Usage, got.stderr)
		}
	}
}

func TestTLS(t *testing.T) {
	cert, err := hosts.Temporary("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	s, err := wsserver.New(wsserver.Class[guest](), wsserver.Config{
		Bindings: []multilisten.Binding{{Addr: "127.0.0.1:0", TLS: true}}, TLS: &tls.Config{Certificates: []tls.Certificate{cert}},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		err = s.Listen(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	url := "wss://" + s.Addrs()[0].String()
	if got := pipeThrough(t, "x\n", url); got.code != cli.NoConnection || !strings.Contains(got.stderr, "authority") {
		t.Errorf("exit code %d, stderr %q", got.code, got.stderr)
	}
	if got := pipeThrough(t, "x\n", "-k", "--wait", "1", "--timing", url); got.code != 0 || got.stdout != "x\n" || !strings.Contains(got.stderr, "TLS 1.3") {
		t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
}
