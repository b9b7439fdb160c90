package handshake_test

import (
	"fmt"
	"strings"

	"github.com/icsws/icsws/internal/handshake"
)

func Example() {
	conn := strings.NewReader("GET /chat HTTP/1.1\r\n" +
		"Host: server.example\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: keep-alive, Upgrade\r\n" +
		"Origin: http://server.example\r\n" +
		"Sec-WebSocket-Protocol: chat.v1, chat.v2\r\n" +
		"Sec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")

	req, err := handshake.Read(conn, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	var sameHost *handshake.Origins
	if e := req.Check(); e != nil {
		fmt.Println(e)
	}
	if e := sameHost.Check(req, false); e != nil {
		fmt.Println(e)
	}
	offered, _ := handshake.OfferedProtocols(req.Raw)
	chosen := handshake.Select([]string{"chat.v2", "chat.v1"}, offered)
	answer, _ := handshake.AppendSwitching(nil, req.Key(), chosen, "", nil)
	fmt.Print(strings.ReplaceAll(string(answer), "\r", ""))
	// Output:
	// HTTP/1.1 101 Switching Protocols
	// Upgrade: websocket
	// Connection: Upgrade
	// Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
	// Sec-WebSocket-Protocol: chat.v2
}

func ExampleRequest_Check() {
	req, err := handshake.Read(strings.NewReader("GET / HTTP/1.1\r\n"+
		"Host: server.example\r\n"+
		"Upgrade: websocket\r\n"+
		"Connection: Upgrade\r\n"+
		"Sec-WebSocket-Version: 8\r\n"+
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"), 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	e := req.Check()
	fmt.Println(e)
	fmt.Println(e.Header)
	// Output:
	// handshake: 426: version "8" of WebSocket is not spoken here, use 13
	// map[Sec-Websocket-Version:[13] Upgrade:[websocket]]
}
