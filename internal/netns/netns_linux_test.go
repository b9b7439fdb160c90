package netns

import (
	"net"
	"os"
	"testing"
)

func TestEveryAddressAndPortIsThere(t *testing.T) {
	if !Enter(t, "192.0.2.1/24", "192.0.2.7/24", "2001:db8::1/64", "2001:db8:0:1::7/64") {
		if os.Getenv(inside) != "" {
			t.Fatal("the test does not know where it is")
		}
		return
	}
	for _, pair := range [][2]string{
		{"192.0.2.1:80", "192.0.2.7"}, {"[2001:db8::1]:443", "2001:db8:0:1::7"}, {"127.0.0.1:1", "127.9.9.9"},
	} {
		l, err := net.Listen("tcp", pair[0])
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(pair[1])}}
		conn, err := d.Dial("tcp", pair[0])
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		other, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		if host, _, _ := net.SplitHostPort(other.RemoteAddr().String()); host != pair[1] {
			t.Errorf("the peer is %s, want %s", host, pair[1])
		}
	}
}
