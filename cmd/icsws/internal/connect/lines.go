package connect

import (
	"encoding/base64"
	"encoding/hex"
	"io"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// lines is the view of a pipe: a message is a line of stdout.
type lines struct {
	*status // on stderr
	w       io.Writer
	format  func(client.Message) []byte
	save    *folder // nil: none
}

func (l *lines) message(m client.Message) error {
	if l.save != nil && m.Op == client.OpBinary {
		name, err := l.save.write(m.Data)
		if err == nil {
			l.note("binary, %s, in %s", count(len(m.Data), "byte"), cli.Printable(name))
		}
		return err
	}
	_, err := l.w.Write(l.format(m))
	return err
}

// format is how --base64, --raw, --null and --whole print a message.
func (o *options) format() func(client.Message) []byte {
	end := "\n"
	switch {
	case o.raw && o.whole:
		end = ""
	case o.raw && o.null:
		end = "\x00"
	}
	return func(m client.Message) []byte {
		switch {
		case o.raw:
			return append(append(make([]byte, 0, len(m.Data)+1), m.Data...), end...)
		case o.base64:
			return append(base64.StdEncoding.AppendEncode(nil, m.Data), end...)
		case m.Op == client.OpBinary:
			return append(hex.AppendEncode(nil, m.Data), end...)
		}
		return []byte(cli.Escape(string(m.Data), "\t") + end)
	}
}
