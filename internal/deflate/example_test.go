package deflate_test

import (
	"fmt"

	"github.com/icsws/icsws/internal/deflate"
)

func Example() {
	p, response, ok := deflate.Negotiate(deflate.Context, []string{"permessage-deflate; client_max_window_bits"})
	fmt.Println(ok, response)

	c := deflate.NewCompressor(p, 1)
	for range 2 {
		msg := []byte(`{"type":"update","symbol":"ABC","update":7,"type":"update"}`)
		wire, err := c.Append(nil, msg)
		if err != nil {
			fmt.Println(err)
			return
		}
		c.Extend(msg) // it is sent compressed
		fmt.Println(len(msg), "bytes become", len(wire))
	}
	// Output:
	// true permessage-deflate; server_max_window_bits=12; client_max_window_bits=12
	// 59 bytes become 42
	// 59 bytes become 4
}

func ExampleDecompressor_Stream() {
	d := deflate.NewDecompressor(deflate.Params{})
	emit := func(piece []byte) error {
		fmt.Printf("%q\n", piece)
		return nil
	}
	s := d.Stream()
	defer s.Release() // if it does not come to Finish
	for _, fragment := range []string{"\xf2\x48\xcd", "\xc9\xc9\x07\x00"} {
		if err := s.Write([]byte(fragment), emit); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(s.Finish())
	// Output:
	// "He"
	// "llo"
	// <nil>
}

func ExampleDecompressor_Append() {
	d := deflate.NewDecompressor(deflate.Params{})
	msg, err := d.Append(nil, []byte("\xf2\x48\xcd\xc9\xc9\x07\x00"), 1<<20)
	fmt.Printf("%s %v\n", msg, err)
	// Output: Hello <nil>
}
