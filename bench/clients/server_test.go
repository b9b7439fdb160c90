package clients

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/wsserver"
	"go.uber.org/goleak"
)

// child makes a process of this test the server.
const child = "ICSWS_BENCH_CLIENTS_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		if err := serve(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

type echo struct{ client.Base }

func (e *echo) OnMessage(m client.Message) error { return e.Send(m) }

func newServer() (*wsserver.Server[*echo], error) {
	srv, err := wsserver.New(wsserver.Factory[*echo]{New: func(*client.OpenRequest) (*echo, error) { return &echo{}, nil }},
		wsserver.Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		err = srv.Listen(context.Background())
	}
	return srv, err
}

// serve prints the address, and ends with its input.
func serve(in io.Reader, out io.Writer) error {
	srv, err := newServer()
	if err != nil {
		return err
	}
	fmt.Fprintln(out, srv.Addrs()[0])
	_, _ = io.Copy(io.Discard, in)
	return nil
}

// process starts the server as a process of its own.
func process(tb testing.TB) (url string) {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env, cmd.Stderr = append(os.Environ(), child+"=1"), os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return "ws://" + strings.TrimSpace(line)
}
