package clienttest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"

	"github.com/icsws/icsws/client/clienttest"
)

// A Listener serves whatever takes a net.Listener.
func ExampleListener() {
	l := clienttest.NewListener()
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "no port was opened for "+r.Host)
	})}
	go srv.Serve(l)
	defer srv.Close()

	conn, err := l.Dial(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	fmt.Println(get(conn))
	// Output: no port was opened for a.example
}

// get asks for the front page of a.example.
func get(conn net.Conn) string {
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return string(body)
}
