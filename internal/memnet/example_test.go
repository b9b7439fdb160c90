package memnet_test

import (
	"context"
	"fmt"
	"io"

	"github.com/icsws/icsws/internal/memnet"
)

func Example() {
	l := memnet.Listen()
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "hello")
	}()
	conn, err := l.Dial(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer conn.Close()
	text, err := io.ReadAll(conn)
	fmt.Printf("%s %v\n", text, err)
	// Output: hello <nil>
}
