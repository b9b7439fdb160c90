package serve

import (
	"context"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/wsserver"
)

// Commands returns the commands of this package.
func Commands() []*cli.Command { return []*cli.Command{echoCommand(), chatCommand(), staticCommand()} }

const common = "It tells where it listens, and ends with SIGINT or SIGTERM: clients are sent a close frame. " +
	"With --verbose it tells of every client too. With --json all of it is one JSON object a line: listening, " +
	"connected, disconnected, refused, stopping, stopped.\n\n" +
	"Pages of other origins may not connect unless --origin lets them in."

func echoCommand() *cli.Command {
	return &cli.Command{
		Name: "serve echo", Short: "run a server that sends every message back",
		Long: common,
		Examples: []cli.Example{
			{Text: "On port 8080 of this machine", Line: "icsws serve echo"},
			{Text: "For pages of any origin, telling of every client", Line: "icsws serve echo --origin '*' -v"},
			{Text: "With TLS on a free port, for a test", Line: "icsws serve echo --addr 127.0.0.1:0 --self-signed --json"},
			{Text: "As a configuration file says", Line: "icsws serve echo --config server.toml"},
		},
		Setup: func(f *cli.Flags) cli.RunFunc {
			o := new(options)
			o.declare(f)
			return func(ctx context.Context, env *cli.Env, _ []string) error {
				return serve(ctx, env, o, wsserver.Class[echo](), false, patient)
			}
		},
	}
}

// patient makes Send wait for a peer that reads slowly, so that no more is read from it.
func patient(c *wsserver.Config) { c.SendQueue.Policy = client.QueueBlock }

// echo is the class of the echo server.
type echo struct{ client.Base }

func (c *echo) OnMessage(m client.Message) error { return c.Send(m) }
