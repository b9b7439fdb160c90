package wsserver

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/icsws/icsws/client"
)

var updateCodes = flag.Bool("update", false, "write the generated pages and tables: docs/codes.md and those of docs/operation.md, configuration.md and admission.md")

// O-01: every reason and every drop has a code, and each code one explanation.
func TestEveryReasonHasItsCode(t *testing.T) {
	valid := regexp.MustCompile(`^(reject|drop|close|error|warning)/[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := make(map[string]bool)
	for _, e := range Explanations() {
		kind, _, _ := strings.Cut(e.Code, "/")
		if !valid.MatchString(e.Code) || seen[e.Code] || string(e.Kind) != kind {
			t.Errorf("the code %q of kind %q is malformed, or there twice", e.Code, e.Kind)
		}
		seen[e.Code] = true
		if !strings.HasSuffix(e.Sentence, ".") || e.Advice != "" && !strings.HasSuffix(e.Advice, ".") {
			t.Errorf("%s: %q and %q are not sentences", e.Code, e.Sentence, e.Advice)
		}
		if got, ok := Explain(e.Code); !ok || got != e {
			t.Errorf("Explain(%q) = %+v, %v", e.Code, got, ok)
		}
	}
	for r := range reasons {
		if e, ok := Explain(r.Code()); !ok || e.Name != r.String() || (RejectInfo{Reason: r}).Code() != e.Code {
			t.Errorf("%v has the code %q, which is explained as %+v", r, r.Code(), e)
		}
	}
	for r := range client.DropReason(client.DropReasons) {
		if e, ok := Explain(r.Code()); !ok || e.Name != r.String() || (client.Drop{Reason: r}).Code() != e.Code {
			t.Errorf("%v has the code %q, which is explained as %+v", r, r.Code(), e)
		}
	}
	if _, ok := Explain("reject/nothing"); ok || Reason(200).Code() != "reject/other" || client.DropReason(200).Code() != "drop/other" {
		t.Error("what is no code is explained")
	}
	if n := len(closeExplanations); n > len(counters{}.closed) {
		t.Errorf("%d ways to end, more than are counted", n)
	}
}

// errorValues are the errors of package client with their codes: as an error, and as the
// cause of an end.
var errorValues = map[string]struct {
	err       error
	code, why string
}{
	"ErrClosed":         {client.ErrClosed, "error/closed", "close/not-opened"},
	"ErrQueueFull":      {client.ErrQueueFull, "error/queue-full", "close/queue-full"},
	"ErrInvalidUTF8":    {client.ErrInvalidUTF8, "error/utf8", "close/utf8"},
	"ErrBadCloseCode":   {client.ErrBadCloseCode, "error/close-code", "close/other"},
	"ErrBadOpcode":      {client.ErrBadOpcode, "error/opcode", "close/other"},
	"ErrTooLong":        {client.ErrTooLong, "error/control-too-long", "close/other"},
	"ErrCompression":    {client.ErrCompression, "error/compression", "close/other"},
	"ErrConnected":      {client.ErrConnected, "error/connected", "close/other"},
	"ErrWouldBlock":     {client.ErrWouldBlock, "error/would-block", "close/other"},
	"ErrInterrupted":    {client.ErrInterrupted, "error/interrupted", "close/other"},
	"ErrMessageLength":  {client.ErrMessageLength, "error/message-length", "close/other"},
	"ErrRecordLength":   {client.ErrRecordLength, "error/record-length", "close/other"},
	"ErrOptions":        {client.ErrOptions, "error/options", "close/other"},
	"ErrNotOffered":     {client.ErrNotOffered, "error/not-offered", "close/other"},
	"ErrNoLoop":         {client.ErrNoLoop, "error/no-loop", "close/other"},
	"ErrNoClient":       {client.ErrNoClient, "error/no-client", "close/other"},
	"ErrForwardURL":     {client.ErrForwardURL, "error/forward-url", "close/other"},
	"ErrCloseCalled":    {client.ErrCloseCalled, "close/program", "close/program"},
	"ErrAborted":        {client.ErrAborted, "close/aborted", "close/aborted"},
	"ErrServerShutdown": {client.ErrServerShutdown, "close/shutdown", "close/shutdown"},
	"ErrTooBusy":        {client.ErrTooBusy, "close/too-busy", "close/too-busy"},
	"ErrPingTimeout":    {client.ErrPingTimeout, "close/ping-timeout", "close/ping-timeout"},
	"ErrIdleTimeout":    {client.ErrIdleTimeout, "close/idle", "close/idle"},
	"ErrLifetime":       {client.ErrLifetime, "close/lifetime", "close/lifetime"},
	"ErrWriteTimeout":   {client.ErrWriteTimeout, "close/write-timeout", "close/write-timeout"},
	"ErrBudget":         {client.ErrBudget, "close/budget", "close/budget"},
	"ErrLoopClosed":     {client.ErrLoopClosed, "close/loop-closed", "close/loop-closed"},
	"ErrCloseTimeout":   {client.ErrCloseTimeout, "close/not-answered", "close/not-answered"},

	"CloseError":    {&client.CloseError{Code: 4000}, "close/event-close", "close/event-close"},
	"RejectError":   {&client.RejectError{Status: 401}, "reject/rejected", "close/other"},
	"ProtocolError": {&client.ProtocolError{Code: 1002}, "close/protocol", "close/protocol"},
	"EventError":    {&client.EventError{Event: "OnMessage", Err: client.ErrQueueFull}, "close/event-error", "close/event-error"},
	"PanicError":    {&client.PanicError{Value: client.ErrIdleTimeout}, "close/panic", "close/panic"},
	"StreamError":   {&client.StreamError{Err: client.ErrInterrupted}, "close/stream", "close/stream"},
	"QueueError":    {&client.QueueError{Field: "LowWater"}, "error/send-queue", "close/other"},
	"timeoutError":  {client.ErrIdleTimeout, "close/idle", "close/idle"},
}

// O-05: every error of package client has a code, wrapped and joined too. A new one that
// has none fails here.
func TestEveryErrorOfClientHasItsCode(t *testing.T) {
	for _, name := range declaredErrors(t, "../client") {
		v, ok := errorValues[name]
		if !ok {
			t.Errorf("client.%s has no code: add it to errorCodes or to the causes, and here", name)
			continue
		}
		for _, err := range []error{v.err, fmt.Errorf("wrapped: %w", v.err), errors.Join(v.err, client.ErrCloseTimeout)} {
			if got := CodeOf(err); got != v.code {
				t.Errorf("CodeOf(%v) = %q, want %q", err, got, v.code)
			}
			// What joins an end without a cause of ours is the first that is known.
			if why := (client.CloseInfo{Cause: err}).Why(); why != v.why && !(v.why == "close/other" && why == "close/not-answered") {
				t.Errorf("Why of %v = %q, want %q", err, why, v.why)
			}
		}
		for _, code := range []string{v.code, v.why} {
			if _, ok := Explain(code); !ok {
				t.Errorf("%s is not explained", code)
			}
		}
	}
	for name, want := range map[string]error{"ErrServerClosed": ErrServerClosed, "ErrListening": ErrListening} {
		if code := CodeOf(want); code == "error/other" || code == "" {
			t.Errorf("%s has the code %q", name, code)
		}
	}
}

// declaredErrors are the names of the error variables and of the types with a method
// Error of the package in dir.
func declaredErrors(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), dir+"/"+entry.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				for _, s := range d.Specs {
					if v, ok := s.(*ast.ValueSpec); ok && d.Tok == token.VAR {
						for _, n := range v.Names {
							if strings.HasPrefix(n.Name, "Err") {
								names = append(names, n.Name)
							}
						}
					}
				}
			case *ast.FuncDecl:
				if d.Recv != nil && d.Name.Name == "Error" {
					typ := d.Recv.List[0].Type
					if star, ok := typ.(*ast.StarExpr); ok {
						typ = star.X
					}
					names = append(names, typ.(*ast.Ident).Name)
				}
			}
		}
	}
	if len(names) < 30 {
		t.Fatalf("only %v found", names)
	}
	return names
}

// the first cause counts, also where others join it.
func TestWhyTellsTheFirstCause(t *testing.T) {
	utf8 := errors.Join(&client.ProtocolError{Code: 1007}, client.ErrInvalidUTF8)
	for _, tt := range []struct {
		info client.CloseInfo
		want string
	}{
		{client.CloseInfo{Cause: &client.CloseError{Code: 1000}, Remote: true}, "close/peer"},
		{client.CloseInfo{Cause: io.EOF, Remote: true}, "close/lost"},
		{client.CloseInfo{Cause: fs.ErrClosed, Remote: true}, "close/lost"},
		{client.CloseInfo{Cause: fs.ErrClosed}, "close/other"},
		{client.CloseInfo{Cause: &client.ProtocolError{Code: 1009}}, "close/too-big"},
		{client.CloseInfo{Cause: &client.ProtocolError{Code: 1007}}, "close/corrupt"},
		{client.CloseInfo{Cause: utf8}, "close/utf8"},
		{client.CloseInfo{Cause: errors.Join(client.ErrIdleTimeout, client.ErrServerShutdown)}, "close/idle"},
		{client.CloseInfo{}, "close/other"},
	} {
		if got := tt.info.Why(); got != tt.want {
			t.Errorf("Why of %v = %q, want %q", tt.info, got, tt.want)
		}
	}
	if CodeOf(nil) != "" || CodeOf(io.ErrNoProgress) != "error/other" {
		t.Errorf("nil is %q, a foreign error %q", CodeOf(nil), CodeOf(io.ErrNoProgress))
	}
}

// The page of the codes is the table: go test ./wsserver -run CodesPage -update.
func TestCodesPageIsTheTable(t *testing.T) {
	var b strings.Builder
	b.WriteString(codesHead)
	for _, k := range []struct {
		kind  Kind
		title string
		what  string
	}{
		{KindReject, "Refusals", "A connection did not become a client: the line `refused`, `RejectInfo.Code`, `Stats.Refused`. The status is that of the HTTP answer; where there is none it varies, or nothing is answered."},
		{KindDrop, "Drops", "Messages that a client will not get: the line `messages dropped`, `client.Drop.Code`, `Stats.Dropped`."},
		{KindClose, "Ends", "Why a client has ended: the line `disconnected`, `client.CloseInfo.Why`, `Stats.Closed`. The close code is what the peer gets, or 1006 for none; without one it varies."},
		{KindError, "Errors", "Errors of methods, `CodeOf`, and those that nobody was waiting for, `ServerError.Code`."},
		{KindWarning, "Warnings", "The configuration and the machine do not fit: the line `configuration`, `Server.Warnings`."},
	} {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| code | status | meaning | what to do | setting |\n| --- | --- | --- | --- | --- |\n", k.title, k.what)
		for _, e := range explanations {
			if e.Kind != k.kind {
				continue
			}
			status := ""
			if e.Status != 0 {
				status = fmt.Sprint(e.Status)
			} else if e.Close != 0 {
				status = fmt.Sprint(uint16(e.Close))
			}
			setting := ""
			if e.Setting != "" {
				setting = "`" + e.Setting + "`"
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", e.Code, status, e.Sentence, e.Advice, setting)
		}
	}
	samePage(t, "../docs/codes.md", b.String())
}

const codesHead = `# Codes

Every refusal, drop and end, every error and every warning has a stable code. The log has
it under the key ` + "`code`" + `, and a program has the sentence with

` + "```go" + `
if e, ok := wsserver.Explain("reject/origin"); ok {
	fmt.Println(e.Sentence, e.Advice)
}
` + "```" + `

Codes do not change their meaning; new ones may come. This page is made from the same
table: ` + "`go test ./wsserver -run CodesPage -update`" + `.
`

func samePage(t *testing.T, name, want string) {
	t.Helper()
	if *updateCodes {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ReplaceAll(string(have), "\r\n", "\n") != want {
		t.Errorf("%s is not up to date", name)
	}
}
