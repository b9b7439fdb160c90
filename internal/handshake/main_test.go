package handshake

import (
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// The key of RFC 6455 section 1.3, and its accept value.
	sampleKey    = "dGhlIHNhbXBsZSBub25jZQ=="
	sampleAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
)

// browserRequest is what a current browser sends.
const browserRequest = "GET /chat?room=1 HTTP/1.1\r\n" +
	"Host: server.example:8080\r\n" +
	"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
	"Accept: */*\r\n" +
	"Accept-Language: en-US,en;q=0.5\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\n" +
	"Sec-WebSocket-Version: 13\r\n" +
	"Origin: http://server.example:8080\r\n" +
	"Sec-WebSocket-Protocol: chat.v2, chat.v1\r\n" +
	"Sec-WebSocket-Extensions: permessage-deflate\r\n" +
	"Sec-WebSocket-Key: " + sampleKey + "\r\n" +
	"Connection: keep-alive, Upgrade\r\n" +
	"Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n" +
	"Sec-Fetch-Dest: empty\r\n" +
	"Sec-Fetch-Mode: websocket\r\n" +
	"Sec-Fetch-Site: same-origin\r\n" +
	"Pragma: no-cache\r\n" +
	"Cache-Control: no-cache\r\n" +
	"Upgrade: websocket\r\n" +
	"\r\n"

// upgrade is a good upgrade after edits: each replaces the line of its name,
// adds a line of a new name, or, as "-Name", removes one.
func upgrade(edits ...string) string {
	lines := []string{
		"Host: server.example", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Key: " + sampleKey, "Sec-WebSocket-Version: 13",
	}
	for _, edit := range edits {
		name, _, _ := strings.Cut(strings.TrimPrefix(edit, "-"), ":")
		var kept []string
		for _, line := range lines {
			if !strings.HasPrefix(line, name+":") {
				kept = append(kept, line)
			}
		}
		if lines = kept; edit[0] != '-' {
			lines = append(lines, edit)
		}
	}
	return "GET /chat HTTP/1.1\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
}

func mustRead(tb testing.TB, request string) *Request {
	tb.Helper()
	r, err := Read(strings.NewReader(request), 0)
	if err != nil {
		tb.Fatalf("Read(%q) = %v", request, err)
	}
	return r
}

// status is that of a refusal, 0 for none.
func status(e *Error) int {
	if e == nil {
		return 0
	}
	return e.Status
}
