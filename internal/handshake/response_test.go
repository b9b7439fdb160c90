package handshake

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
)

//
func TestRefusalIsWrittenLineByLine(t *testing.T) {
	const date = "Date: Sat, 01 Jan 2000 00:00:00 GMT\r\n" // the bubble's
	const plain = "Content-Type: text/plain; charset=utf-8\r\n"
	const sniff = "X-Content-Type-Options: nosniff\r\n"
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		head   bool
		want   string
	}{
		{
			name: "plain", status: 400, body: "no",
			want: "HTTP/1.1 400 Bad Request\r\n" + date + plain + "Content-Length: 2\r\n" + sniff + "Connection: close\r\n\r\nno",
		},
		{
			name: "no body for HEAD", status: 404, body: "no", head: true,
			want: "HTTP/1.1 404 Not Found\r\n" + date + plain + "Content-Length: 2\r\n" + sniff + "Connection: close\r\n\r\n",
		},
		{
			name: "given headers win (A-20)", status: 401, body: "{}",
			header: http.Header{"content-type": {"application/json"}, "Www-Authenticate": {"Basic", "Digest"}, "Date": {"today"}, "X-Content-Type-Options": {"x"}},
			want: "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\nDate: today\r\n" +
				"Www-Authenticate: Basic\r\nWww-Authenticate: Digest\r\nX-Content-Type-Options: x\r\ncontent-type: application/json\r\n\r\n{}",
		},
		{
			name: "Upgrade is a connection option", status: 426,
			header: http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}},
			want: "HTTP/1.1 426 Upgrade Required\r\n" + date + plain + "Content-Length: 0\r\n" + sniff +
				"Connection: Upgrade, close\r\nSec-WebSocket-Version: 13\r\nUpgrade: websocket\r\n\r\n",
		},
		{
			name: "framing and broken fields are left out", status: 302, body: "x",
			header: http.Header{
				"Location": {"/a"}, "Content-Length": {"99"}, "Transfer-Encoding": {"chunked"}, "Connection": {"keep-alive"},
				"X": {"a\r\nY: b"}, "X\r\nY": {"z"}, "Date": {"\n"},
			},
			want: "HTTP/1.1 302 Found\r\n" + date + plain + "Content-Length: 1\r\n" + sniff + "Connection: close\r\nLocation: /a\r\n\r\nx",
		},
		{
			name: "304 is bare", status: 304, body: "x",
			want: "HTTP/1.1 304 Not Modified\r\n" + date + sniff + "Connection: close\r\n\r\n",
		},
		{
			name: "status without a phrase", status: 599,
			want: "HTTP/1.1 599 \r\n" + date + plain + "Content-Length: 0\r\n" + sniff + "Connection: close\r\n\r\n",
		},
		{
			name: "status that is no refusal", status: 200,
			want: "HTTP/1.1 500 Internal Server Error\r\n" + date + plain + "Content-Length: 0\r\n" + sniff + "Connection: close\r\n\r\n",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := string(AppendResponse([]byte("before"), tt.status, tt.header, tt.body, tt.head))
				if got != "before"+tt.want {
					t.Errorf("got  %q\nwant %q", got, tt.want)
				}
			})
		})
	}
}

func TestStatusIsARefusalAlways(t *testing.T) {
	for status := -1; status < 1001; status++ {
		want := status
		if status < 300 || status > 599 {
			want = 500
		}
		raw := AppendResponse(nil, status, nil, "b", false)
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(raw)), nil)
		if err != nil || res.StatusCode != want || !res.Close {
			t.Fatalf("status %d: %v, %v", status, res, err)
		}
	}
}

func TestErrorWritesItselfAndNamesTheSetting(t *testing.T) {
	e := &Error{Status: 408, Body: "too slow", Setting: "HandshakeTimeout", Err: os.ErrDeadlineExceeded}
	if got := e.Error(); got != "handshake: 408: too slow (HandshakeTimeout)" {
		t.Errorf("Error = %q", got)
	}
	if !errors.Is(e, os.ErrDeadlineExceeded) {
		t.Error("the cause is lost")
	}
	res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(e.Append(nil, false))), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 408 || string(body) != "too slow" || strings.Contains(string(body), e.Setting) {
		t.Errorf("answer %v %q", res.Status, body)
	}
}
