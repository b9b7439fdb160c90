package config_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/icsws/icsws/config"
	"github.com/icsws/icsws/wsserver"
)

func ExampleRead() {
	f, err := config.Read(strings.NewReader(`
ping_interval = "15s"
banner = { welcome = "hello", max_clients = 100 }

[[hosts]]
tag = "chat"
names = ["chat.example"]
tls_port = 443
allow_temporary = true
`), config.TOML)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(f.Server.PingInterval, f.Server.Banner.MaxClients, f.Server.Hosts[0].Names)

	_, err = config.Read(strings.NewReader("ping_intervall: 15s\nbanner:\n  max_clients: many\n"), config.YAML)
	fmt.Println(err)
	// Output:
	// 15s 100 [chat.example]
	// config: line 1:1: key "ping_intervall" unknown; did you mean ping_interval?
	// config: line 3:16: banner.max_clients: wrong type: text, want a number from 0 to 2147483647
}

// A program's own defaults as a file to begin with.
func ExampleSave() {
	f := &config.File{Server: wsserver.Config{Addr: ":8080", MaxMessageSize: 64 << 10, SubProtocols: []string{"chat.v1"}}}
	f.Server.Banner.Welcome = "hello"
	if err := config.Save(os.Stdout, f, config.TOML); err != nil {
		fmt.Println(err)
	}
	// Output:
	// addr = ":8080"
	// sub_protocols = ["chat.v1"]
	// max_message_size = "64KiB"
	//
	// [banner]
	// welcome = "hello"
}
