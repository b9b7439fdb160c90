package connect

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync/atomic"

	"golang.org/x/term"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// mostLine is how many characters the editor takes; it drops what is typed behind them.
const mostLine = 4096

// screen is a terminal with a line editor: what is written to it goes above the line that
// is being typed.
type screen struct {
	in, out *os.File
	edit    *term.Terminal
	restore func()
	plain   atomic.Bool // the editor is gone
	ctrlC   atomic.Bool // Ctrl-C was typed
}

func openScreen(env *cli.Env) (*screen, error) {
	s := &screen{in: env.Stdin.(*os.File), out: env.Stdout.(*os.File)}
	undo, err := obey(s.out)
	if err != nil {
		return nil, err
	}
	before, err := term.MakeRaw(int(s.in.Fd()))
	if err != nil {
		undo()
		return nil, err
	}
	s.restore = func() {
		_ = term.Restore(int(s.in.Fd()), before)
		undo()
	}
	s.edit = term.NewTerminal(keyboard{s}, "> ")
	s.edit.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		return line, pos, key >= 0x7f && key < 0xa0 // control characters of C1 are dropped
	}
	s.size()
	return s, nil
}

// size tells the editor how large the terminal is.
func (s *screen) size() {
	if w, h, err := term.GetSize(int(s.out.Fd())); err == nil && w > 0 {
		_ = s.edit.SetSize(w, h)
	}
}

// Write prints text, which ends with a newline.
func (s *screen) Write(p []byte) (int, error) {
	if s.plain.Load() {
		return s.out.Write(p)
	}
	return s.edit.Write(p)
}

// close clears the line that is being typed, and makes the terminal what it was.
func (s *screen) close() {
	if !s.plain.Swap(true) {
		_, _ = io.WriteString(s.out, "\r\x1b[J")
		s.restore()
	}
}

// logger is l with its lines above the one that is being typed.
func (s *screen) logger(l *slog.Logger) *slog.Logger {
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		if l.Enabled(context.Background(), level) {
			return slog.New(slog.NewTextHandler(s, &slog.HandlerOptions{Level: level}))
		}
	}
	return l
}

// keyboard is what the editor reads from and writes to. The editor takes Ctrl-C for the
// end of input; here it is seen before.
type keyboard struct{ s *screen }

func (k keyboard) Read(p []byte) (int, error) {
	n, err := k.s.in.Read(p)
	for _, b := range p[:n] {
		if b == 3 {
			k.s.ctrlC.Store(true)
		}
	}
	return n, err
}

func (k keyboard) Write(p []byte) (int, error) { return k.s.out.Write(p) }

// lines reads lines until the end of input, which closes the channel. It ends with the
// process, if the input does not end before: a read of a terminal can not be interrupted.
func (s *screen) lines(done <-chan struct{}) <-chan string {
	c := make(chan string)
	go func() {
		defer close(c)
		for {
			line, err := s.edit.ReadLine()
			if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
				return
			}
			select {
			case c <- line:
			case <-done:
				return
			}
		}
	}()
	return c
}

// dialogue is a run at a terminal.
type dialogue struct {
	*session
	o      *options
	screen *screen
	tell   *status
	talk   *talk // nil with --json

	files   chan struct{} // has one for each file that is on its way
	quitted bool
}

func (o *options) talk(ctx context.Context, env *cli.Env, opts dial.Options) error {
	folder, err := openFolder(o.save)
	if err != nil {
		return err
	}
	defer folder.close()
	path := historyPath(env)
	if o.noHistory {
		path = ""
	}
	h, err := openHistory(path)
	if err != nil {
		env.Logger.Warn("history", "err", err)
	}
	defer h.close()
	s, err := openScreen(env)
	if err != nil {
		return err
	}
	defer s.close()
	s.edit.History = h
	d := &dialogue{o: o, screen: s, tell: &status{w: s, env: env, o: o, own: true}, files: make(chan struct{}, mostFiles)}
	opts.Logger = s.logger(opts.Logger)
	d.session = newSession(opts, d.view(env, folder))
	if err := d.conn.Start(); err != nil {
		return err
	}
	return d.loop(ctx)
}

func (d *dialogue) view(env *cli.Env, f *folder) view {
	if env.JSON {
		return objects{d.screen}
	}
	d.talk = &talk{status: d.tell, save: f}
	d.talk.pretty.Store(d.o.pretty)
	return d.talk
}

// loop waits for lines, and for the end of the connection.
func (d *dialogue) loop(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	changed, stop := resizes()
	defer stop()
	lines := d.screen.lines(ctx.Done())
	d.tell.note("/help tells of the commands, Ctrl-D ends")
	for !d.quitted && !d.enough() {
		select {
		case line, ok := <-lines:
			if !ok {
				return d.end(ctx)
			}
			d.line(ctx, line)
		case <-changed:
			d.screen.size()
		case <-d.arrived:
		case <-d.gone:
			d.screen.close()
			return d.verdict()
		case <-ctx.Done():
			d.screen.close()
			return d.interrupted(ctx)
		}
	}
	d.quitted = true
	return d.end(ctx)
}

// enough tells that the messages of --wait are there.
func (d *dialogue) enough() bool { return d.o.wait > 0 && d.messages.Load() >= d.o.wait }

// end takes leave: after Ctrl-C, Ctrl-D or /quit. The terminal is what it was before, so
// that another Ctrl-C is a signal.
func (d *dialogue) end(ctx context.Context) error {
	d.screen.close()
	if d.screen.ctrlC.Load() && !d.quitted {
		_ = d.close(ctx, client.StatusGoingAway, "")
		return cli.Silent(cli.Interrupted)
	}
	if err := d.close(ctx, client.StatusNormalClosure, ""); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return d.verdict()
}
