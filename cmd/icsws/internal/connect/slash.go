package connect

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
	"github.com/icsws/icsws/internal/nearest"
)

// slash is a command of the dialogue.
type slash struct {
	name, args, text string
	do               func(d *dialogue, ctx context.Context, args string) error
}

func slashes() []slash {
	return []slash{
		{"help", "", "this list", (*dialogue).help},
		{"ping", "[text]", "measure a round trip", (*dialogue).sendPing},
		{"binary", "HEX or @FILE", "send a binary message", (*dialogue).sendBinary},
		{"file", "PATH", "send a file: as text if it is UTF-8, else as binary", (*dialogue).sendFile},
		{"close", "[code [reason]]", "close, and see what the server answers", (*dialogue).sendClose},
		{"stats", "", "counters, round trip, compression", (*dialogue).stats},
		{"json", "on or off", "print JSON messages over several lines", (*dialogue).setPretty},
		{"quit", "", "close and end", func(d *dialogue, _ context.Context, _ string) error { d.quitted = true; return nil }},
	}
}

// line is what was typed.
func (d *dialogue) line(ctx context.Context, text string) {
	err := d.obey(ctx, text)
	if err != nil {
		d.tell.trouble("%s", cli.Printable(strings.TrimPrefix(err.Error(), "client: ")))
	}
}

func (d *dialogue) obey(ctx context.Context, text string) error {
	rest, command := strings.CutPrefix(text, "/")
	switch {
	case utf8.RuneCountInString(text) >= mostLine:
		return fmt.Errorf("not sent: the editor has cut the line at %d characters; /file sends longer messages", mostLine)
	case text == "":
		return nil
	case !command:
		return d.deliver(client.Text(text))
	case strings.HasPrefix(rest, "/"):
		return d.deliver(client.Text(rest))
	}
	name, args, _ := strings.Cut(rest, " ")
	var names []string
	for _, s := range slashes() {
		if s.name == name {
			return s.do(d, ctx, strings.TrimSpace(args))
		}
		names = append(names, s.name)
	}
	if guess := nearest.Word(name, names); guess != "" {
		return fmt.Errorf("there is no /%s; did you mean /%s?", name, guess)
	}
	return fmt.Errorf("there is no /%s, see /help; two slashes send it as text", name)
}

// deliver waits for a server that does not read, but not for long: the editor waits too.
func (d *dialogue) deliver(m client.Message) error {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r := d.conn.SendWith(ctx, m, client.SendOptions{})
	if r.Err != nil {
		return fmt.Errorf("not sent: %w", r.Err)
	}
	d.bytesOut.Add(uint64(len(m.Data)))
	return nil
}

func (d *dialogue) help(context.Context, string) error {
	var list []string
	for _, s := range slashes() {
		list = append(list, fmt.Sprintf("%-24s %s", "/"+s.name+" "+s.args, s.text))
	}
	list = append(list, fmt.Sprintf("%-24s %s", "//text", "send a line that begins with /"))
	d.tell.tell(cli.Dim, strings.Join(list, "\n"))
	return nil
}

func (d *dialogue) sendPing(_ context.Context, text string) error {
	if text == "" {
		text = strconv.FormatUint(d.pings.Add(1), 10)
	}
	return d.ping([]byte(text))
}

func (d *dialogue) sendBinary(ctx context.Context, args string) error {
	if path, ok := strings.CutPrefix(args, "@"); ok {
		return d.startFile(ctx, path, false)
	}
	data, err := readHex(args)
	if err != nil {
		return fmt.Errorf("want hex such as 00ff or 00 ff, or @ and a file: %w", err)
	}
	return d.deliver(client.Binary(data))
}

func (d *dialogue) sendFile(ctx context.Context, path string) error {
	return d.startFile(ctx, path, true)
}

// mostFiles is how many files may be on their way, one behind the other.
const mostFiles = 16

// startFile sends a file on a goroutine, which ends with ctx or the connection.
func (d *dialogue) startFile(ctx context.Context, path string, perhapsText bool) error {
	f, op, err := openRegular(path, perhapsText)
	if err != nil {
		return err
	}
	to := d.conn.Client()
	if to == nil {
		_ = f.Close()
		return fmt.Errorf("not sent: %w", client.ErrClosed)
	}
	select {
	case d.files <- struct{}{}:
	default:
		_ = f.Close()
		return fmt.Errorf("not sent: %d files are on their way", mostFiles)
	}
	go func() {
		defer func() { <-d.files }()
		start := time.Now()
		info, err := f.Stat()
		if err == nil {
			err = to.SendReadCloser(ctx, op, f)
		}
		if err != nil {
			d.tell.trouble("%s", cli.Printable(err.Error()))
			return
		}
		d.bytesOut.Add(uint64(info.Size()))
		d.tell.note("%s sent as %v, %d bytes in %s", cli.Printable(path), op, info.Size(), show.Took(time.Since(start)))
	}()
	return nil
}

// openRegular opens a file and finds out whether it is text.
func openRegular(path string, perhapsText bool) (*os.File, client.Opcode, error) {
	i, err := os.Stat(path) // opening a pipe would wait for its other end
	if err == nil && !i.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", path)
	}
	if err != nil {
		return nil, 0, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if !perhapsText {
		return f, client.OpBinary, nil
	}
	op := client.OpBinary
	if isText(f) {
		op = client.OpText
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		_ = f.Close()
		return nil, 0, err
	}
	return f, op, nil
}

// isText reads all of r.
func isText(r io.Reader) bool {
	for b := bufio.NewReader(r); ; {
		c, n, err := b.ReadRune()
		switch {
		case err != nil:
			return err == io.EOF
		case c == utf8.RuneError && n == 1:
			return false
		}
	}
}

func (d *dialogue) sendClose(_ context.Context, args string) error {
	code, reason, _ := strings.Cut(args, " ")
	n := uint64(client.StatusNormalClosure)
	if code != "" {
		var err error
		if n, err = strconv.ParseUint(code, 10, 16); err != nil || !client.StatusCode(n).Sendable() {
			return fmt.Errorf("%q is no close code that may be sent: 1000 to 1003, 1007 to 1014, 3000 to 4999", code)
		}
	}
	obj := d.conn.Client()
	if obj == nil {
		return client.ErrClosed
	}
	return obj.Close(client.StatusCode(n), strings.TrimSpace(reason))
}

func (d *dialogue) setPretty(_ context.Context, args string) error {
	switch {
	case d.talk == nil:
		return fmt.Errorf("with --json messages are printed on one line each")
	case args != "on" && args != "off":
		return fmt.Errorf("/json on, or /json off")
	}
	d.talk.pretty.Store(args == "on")
	return nil
}
