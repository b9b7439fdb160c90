package connect

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync/atomic"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// What is shown at most of a message at a terminal, in bytes.
const (
	mostText   = 64 << 10
	mostBinary = 256
)

// talk is the view of a person at a terminal.
type talk struct {
	*status
	pretty atomic.Bool
	save   *folder // nil: none
}

func (t *talk) message(m client.Message) error {
	var text string
	switch {
	case m.Op == client.OpText:
		text = t.text(m.Data)
	case t.save != nil:
		name, err := t.save.write(m.Data)
		if err != nil {
			return err
		}
		text = t.paint(cli.Cyan, fmt.Sprintf("binary, %s, in %s", count(len(m.Data), "byte"), cli.Printable(name)))
	default:
		text = t.paint(cli.Cyan, "binary, "+count(len(m.Data), "byte")) + dump(m.Data)
	}
	_, err := io.WriteString(t.w, t.stamp()+t.paint(cli.Green, "< ")+text+"\n")
	return err
}

// text is a message as it is shown: lines behind the first are indented, so that none
// looks like one of ours.
func (t *talk) text(data []byte) string {
	if t.pretty.Load() {
		var b bytes.Buffer
		if json.Indent(&b, data, "", "  ") == nil {
			data = b.Bytes()
		}
	}
	more := ""
	if n := len(data); n > mostText {
		data, more = data[:mostText], fmt.Sprintf("\n... and %s", count(n-mostText, "byte"))
	}
	s := cli.Escape(strings.ToValidUTF8(string(data), ""), "\n\t")
	return strings.ReplaceAll(s, "\n", "\n  ") + more
}

// dump is the beginning of binary data, in hex and in ASCII.
func dump(data []byte) string {
	if len(data) == 0 {
		return ""
	}
	s := "\n" + strings.TrimSuffix(hex.Dump(data[:min(len(data), mostBinary)]), "\n")
	if n := len(data); n > mostBinary {
		s += fmt.Sprintf("\n... and %s; --save has all", count(n-mostBinary, "byte"))
	}
	return strings.ReplaceAll(s, "\n", "\n  ")
}

func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
