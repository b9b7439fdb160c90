package load

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/dial"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/reach"
)

// options are the flags.
type options struct {
	flags *cli.Flags
	reach reach.Flags

	connections, depth int
	rate, ramp         float64
	size               int
	sizeRange          string
	duration           time.Duration
	binary, text       bool
	verify, quiet      bool
	mode               *string
	svg                string

	least, most int // bytes of a message
}

// What a run may be, so that a slip of the finger does not take the machine down.
const (
	mostConnections = 1 << 20
	mostDepth       = 1 << 16
	mostSize        = 64 << 20
	mostInFlight    = 256 << 20 // bytes of unanswered messages of one connection
	mostRing        = 1 << 26   // unanswered messages of all connections
)

const long = `It opens connections, keeps --depth messages unanswered on each, and counts how long each answer takes. The server has to send every message back, as that of icsws serve echo does; with --mode listen it sends by itself what is counted.

With --rate the messages are sent by a clock, whether earlier ones were answered or not, and the latency counts from the time at which a message should have been sent by that clock. A server that stalls for a second is thus charged for all that was held up in that second, and not for one message only (coordinated omission). If a connection has --depth messages unanswered the next one waits, and the clock runs. Without --rate a message is sent when one was answered: that finds out how much the server can do, and says little about how long its users wait.

Latencies are counted in buckets of less than 2 % width. While it runs, progress is told on stderr; Ctrl-C ends early, with the result so far. Messages are random letters, or random bytes with --binary; random letters shrink by a quarter when they are compressed.

Each connection takes an open file: the limit of the process is raised if it can be. From one address to one port of a server there can be no more connections than there are local ports, which are often 28,000.

The exit code is 1 if a connection failed or was lost, or a message was wrong or was not answered; if no connection could be opened, that of the most frequent reason: 3, 4 or 5.`

// Command returns "bench".
func Command() *cli.Command {
	return &cli.Command{
		Name: "bench", Args: "URL", Min: 1, Max: 1,
		Short: "put load on a WebSocket server, and measure its answers",
		Long:  long,
		Examples: []cli.Example{
			{Text: "How many messages a second", Line: "icsws bench --connections 50 --depth 16 ws://127.0.0.1:8080"},
			{Text: "How long answers take under a steady load, as a picture too", Line: "icsws bench --connections 200 --rate 5000 --duration 1m --svg latency.svg ws://127.0.0.1:8080"},
			{Text: "Ten thousand connections, 500 of them a second, that are only there", Line: "icsws bench --connections 10000 --ramp 500 --mode listen --duration 5m wss://chat.example/ws"},
			{Text: "Is every byte right, in messages of many sizes", Line: "icsws bench --verify --binary --size-range 1-100000 --compression context ws://127.0.0.1:8080"},
			{Text: "For a program", Line: "icsws bench --json --quiet --duration 5s ws://127.0.0.1:8080"},
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
	f.IntVar(&o.connections, "connections", 10, "`number` of connections")
	f.Short("c", "connections")
	f.Float64Var(&o.rate, "rate", 0, "`messages` a second, of all connections together, 0 for as many as the depth allows")
	f.Short("r", "rate")
	f.IntVar(&o.depth, "depth", 1, "`number` of unanswered messages of each connection")
	f.IntVar(&o.size, "size", 128, "`bytes` of a message")
	f.StringVar(&o.sizeRange, "size-range", "", "`A-B`: sizes at random, in place of --size")
	f.Float64Var(&o.ramp, "ramp", 0, "`connections` to open a second, 0 for as fast as it goes")
	f.DurationVar(&o.duration, "duration", 10*time.Second, "`time` to measure, from when all connections were tried")
	f.Short("d", "duration")
	f.BoolVar(&o.binary, "binary", false, "send binary messages")
	f.BoolVar(&o.text, "text", false, "send text messages, which is the default")
	f.BoolVar(&o.verify, "verify", false, "compare each answer with what was sent")
	o.mode = f.Choice("mode", "echo", []string{"echo", "listen"}, "echo: send, and wait for the answer; listen: count what comes")
	f.BoolVar(&o.quiet, "quiet", false, "tell of no progress")
	f.Short("q", "quiet")
	f.StringVar(&o.svg, "svg", "", "`file` for a picture of the latencies")
}

// listens tells whether nothing is sent.
func (o *options) listens() bool { return *o.mode == "listen" }

// check reads the sizes, and finds what is out of bounds.
func (o *options) check() error {
	o.least, o.most = o.size, o.size
	if o.sizeRange != "" {
		a, b, ok := strings.Cut(o.sizeRange, "-")
		least, err1 := strconv.Atoi(a)
		most, err2 := strconv.Atoi(b)
		if !ok || err1 != nil || err2 != nil || least > most {
			return cli.BadUsage("flag --size-range: %q: want two sizes such as 100-2000", o.sizeRange)
		}
		o.least, o.most = least, most
	}
	switch {
	case o.sizeRange != "" && o.flags.Given("size"):
		return cli.BadUsage("--size and --size-range exclude each other")
	case o.binary && o.text:
		return cli.BadUsage("--binary and --text exclude each other")
	case o.connections < 1 || o.connections > mostConnections:
		return cli.BadUsage("flag --connections: want 1 to %d", mostConnections)
	case o.depth < 1 || o.depth > mostDepth:
		return cli.BadUsage("flag --depth: want 1 to %d", mostDepth)
	case o.least < 0 || o.most > mostSize:
		return cli.BadUsage("the size of a message: want 0 to %d", mostSize)
	case int64(o.depth)*int64(o.most) > mostInFlight:
		return cli.BadUsage("--depth times the size of a message: want %d bytes at most", mostInFlight)
	case int64(o.connections)*int64(o.depth) > mostRing:
		return cli.BadUsage("--connections times --depth: want %d at most", mostRing)
	case !(o.rate >= 0 && o.rate <= 1e8):
		return cli.BadUsage("flag --rate: want 0 to 100000000")
	case !(o.ramp >= 0 && o.ramp <= 1e6):
		return cli.BadUsage("flag --ramp: want 0 to 1000000")
	case o.duration <= 0:
		return cli.BadUsage("flag --duration: want more than 0")
	}
	return o.checkListen()
}

func (o *options) checkListen() error {
	if !o.listens() {
		return nil
	}
	for _, name := range []string{"rate", "depth", "size", "size-range", "verify", "binary", "text", "svg"} {
		if o.flags.Given(name) {
			return cli.BadUsage("--%s has no meaning with --mode listen, which sends nothing", name)
		}
	}
	return nil
}

// dialOptions are those of every connection.
func (o *options) dialOptions(env *cli.Env, rawURL string) (dial.Options, error) {
	d, err := o.reach.Options(env, rawURL)
	if err != nil {
		return d, err
	}
	d.NoReconnect = true
	if !o.flags.Given("max-size") {
		d.MaxMessageSize = max(1<<20, int64(o.most))
	}
	// What is unanswered always fits in.
	d.SendQueue = client.SendQueue{MaxBytes: 1<<20 + o.depth*(o.most+14)}
	return d, nil
}

func (o *options) run(ctx context.Context, env *cli.Env, args []string) error {
	if err := o.check(); err != nil {
		return err
	}
	d, err := o.dialOptions(env, args[0])
	if err != nil {
		return err
	}
	if err := needFiles(o.connections); err != nil {
		return err
	}
	var picture *os.File
	if o.svg != "" { // before the work, in case it can not be made
		if picture, err = os.Create(o.svg); err != nil {
			return err
		}
		defer picture.Close()
	}
	b := newBench(o, d)
	p := startProgress(env, b)
	b.run(ctx)
	p.end()
	r := b.result(ctx)
	if env.JSON {
		err = env.PrintJSON(r)
	} else {
		r.print(env)
	}
	if err == nil && picture != nil {
		err = r.draw(picture)
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return cli.Silent(r.Exit)
}
