package connect

import (
	"context"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/reach"
)

// options are the flags.
type options struct {
	flags *cli.Flags
	reach reach.Flags

	// Of what is shown.
	timestamps, timing, verbose, quiet, pretty bool
	save                                       string
	noHistory                                  bool

	// Of pipes.
	binaryLines, binary, whole, null, base64, raw bool
	wait                                          uint64
	waitTime                                      time.Duration

	reconnect   bool
	maxAttempts int
}

const long = `At a terminal each line that you type is sent as a text message, and what comes is printed above the line. Lines that begin with "/" are commands; "//" sends a line that begins with "/":

  /ping [text]             measure a round trip
  /binary HEX or @FILE     send a binary message
  /file PATH               send a file: as text if it is UTF-8, else as binary
  /close [code [reason]]   close, and see what the server answers
  /stats                   counters, round trip, compression
  /json on or off          print JSON messages over several lines
  /help, /quit

Arrow keys recall earlier lines. They are kept in a file of the user's state folder, save those that begin with a blank.

If stdin or stdout is no terminal, each line of stdin is a text message, and each message one line of stdout: control characters of text are escaped (\n, \x1b), binary is in hex. What else happens is told on stderr. At the end of stdin the connection is closed, when --wait messages have come, or when none has come for --wait-time.

No control character that a peer has sent reaches a terminal as it is.

The exit code is 5 if the server refuses, or closes with a code that is an error, 4 if something did not come in time, 3 if there is no connection, 1 if it is lost or is closed before the end of stdin.`

// Command returns "connect".
func Command() *cli.Command {
	return &cli.Command{
		Name: "connect", Args: "URL", Min: 1, Max: 1,
		Short: "talk to a WebSocket server: by hand, or in a pipe",
		Long:  long,
		Examples: []cli.Example{
			{Text: "By hand", Line: "icsws connect wss://chat.example/ws"},
			{Text: "With a token, a sub-protocol and compression", Line: "icsws connect -H 'Authorization: Bearer TOKEN' --protocol chat --compression context wss://chat.example/ws"},
			{Text: "Ask one question, and print the answer", Line: "echo '{\"get\":\"time\"}' | icsws connect --wait 1 wss://api.example/ws"},
			{Text: "Send a file, and keep the answer as it is", Line: "icsws connect --whole --binary --raw --wait 1 wss://api.example/ws < photo.jpg > answer.bin"},
			{Text: "Listen for events, for a program, and come back after a loss", Line: "icsws connect --json --reconnect --wait-time -1s wss://api.example/events < /dev/null"},
			{Text: "A server that is not in the DNS yet", Line: "icsws connect --resolve chat.example:443:10.0.0.5 --timing wss://chat.example/ws"},
		},
		Setup: func(f *cli.Flags) cli.RunFunc {
			o := &options{flags: f}
			o.declare(f)
			return o.run
		},
	}
}

func (o *options) declare(f *cli.Flags) {
	o.reach.Declare(f, "off")
	o.reach.DeclarePing(f)
	f.BoolVar(&o.timestamps, "timestamps", false, "print the time before each line")
	f.BoolVar(&o.timing, "timing", false, "tell how long the name, the connection, TLS and the handshake took, and each ping")
	f.BoolVar(&o.verbose, "verbose", false, "tell of the header lines of the answer, and of pings of the server, too")
	f.Short("v", "verbose")
	f.BoolVar(&o.quiet, "quiet", false, "tell of messages and errors only")
	f.Short("q", "quiet")
	f.BoolVar(&o.pretty, "json-pretty", false, "at a terminal, print messages that are JSON over several lines")
	f.StringVar(&o.save, "save", "", "`folder` that each binary message is written to, as a file")
	f.BoolVar(&o.noHistory, "no-history", false, "neither read nor write the file of earlier lines")

	f.BoolVar(&o.binaryLines, "binary-lines", false, "each line of stdin is a binary message, in hex")
	f.BoolVar(&o.binary, "binary", false, "send what stdin has as binary messages, not text")
	f.BoolVar(&o.whole, "whole", false, "stdin as a whole is one message; with --raw, put nothing between messages")
	f.BoolVar(&o.null, "null", false, "messages end with a NUL byte, not with a newline: those of stdin, and those of stdout with --raw")
	f.Short("0", "null")
	f.BoolVar(&o.base64, "base64", false, "print each message in base64")
	f.BoolVar(&o.raw, "raw", false, "print messages as they are; not to a terminal")
	f.Uint64Var(&o.wait, "wait", 0, "`number` of messages to wait for, and then close; at a terminal as well")
	f.DurationVar(&o.waitTime, "wait-time", 0, "`time` after the end of stdin: without a message before it is over (1s); with --wait, for all of them (30s); negative: any")

	f.BoolVar(&o.reconnect, "reconnect", false, "connect again when there is no connection, or it is lost")
	f.IntVar(&o.maxAttempts, "max-attempts", 0, "`number` of failures in a row that end --reconnect, 0 for any")
}

// check finds flags that do not go together.
func (o *options) check(env *cli.Env) error {
	given := o.flags.Given
	switch {
	case o.binaryLines && (o.whole || o.null || o.binary):
		return cli.BadUsage("--binary-lines excludes --binary, --whole and --null")
	case o.whole && o.null:
		return cli.BadUsage("--whole and --null exclude each other")
	case o.base64 && o.raw, env.JSON && (o.base64 || o.raw):
		return cli.BadUsage("--json, --base64 and --raw exclude each other")
	case env.JSON && (o.save != "" || o.pretty):
		return cli.BadUsage("--json excludes --save and --json-pretty: it has all of a message")
	case o.raw && cli.IsTerminal(env.Stdout):
		return cli.BadUsage("--raw: stdout is a terminal, which would obey what the peer sends")
	case o.maxAttempts < 0 || given("max-attempts") && !o.reconnect:
		return cli.BadUsage("--max-attempts: want a number from 0 on, and --reconnect")
	}
	if o.interactive(env) {
		for _, name := range []string{"binary-lines", "binary", "whole", "null", "base64", "wait-time"} {
			if given(name) {
				return cli.BadUsage("--%s is for pipes: stdin and stdout are terminals", name)
			}
		}
	}
	return nil
}

// interactive tells whether there is a person at both ends.
func (o *options) interactive(env *cli.Env) bool {
	return cli.IsTerminal(env.Stdin) && cli.IsTerminal(env.Stdout)
}

func (o *options) run(ctx context.Context, env *cli.Env, args []string) error {
	if err := o.check(env); err != nil {
		return err
	}
	d, err := o.reach.Options(env, args[0])
	if err != nil {
		return err
	}
	d.NoReconnect, d.MaxAttempts = !o.reconnect, o.maxAttempts
	if o.interactive(env) {
		return o.talk(ctx, env, d)
	}
	return o.pipe(ctx, env, d)
}
