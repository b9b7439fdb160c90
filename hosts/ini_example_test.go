package hosts_test

import (
	"fmt"
	"os"
	"strings"

	"github.com/icsws/icsws/hosts"
)

func ExampleLoadINI() {
	list, warnings, err := hosts.LoadINI(strings.NewReader(`
[IcsHost1]
Hosts=chat.example, www.chat.example
HostTag=chat
HostEnabled=True
BindSslPort=443
SslCert=chat.pfx
SslPassword=env:CHAT_PASSWORD
SslSecLevel=sslSrvSecHigh
DHParams=dh.pem
`), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range warnings {
		fmt.Println(w)
	}
	fmt.Println(list[0].Names, list[0].TLSPort, list[0].KeyPasswordEnv)

	_, _, err = hosts.LoadINI(strings.NewReader("[IcsHost1]\nHosts=chat.example\nBindSslProt=443\nBindNonPort=http\n"), "")
	fmt.Println(err)
	// Output:
	// line 10: [IcsHost1] DHParams: has no meaning: Go has no suites with finite-field Diffie-Hellman; SslCryptoGroups chooses the curves
	// [chat.example www.chat.example] 443 CHAT_PASSWORD
	// hosts: line 3: [IcsHost1] BindSslProt: key unknown; did you mean BindSslPort?
	// hosts: line 4: [IcsHost1] BindNonPort: wrong value: "http", want a number from -1 to 65535
}

func ExampleSave() {
	err := hosts.Save(os.Stdout, []hosts.Host{{
		Tag: "chat", Names: []string{"chat.example"}, Port: 80, TLSPort: 443, Cert: "chat.pfx", KeyPasswordEnv: "CHAT_PASSWORD",
	}})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// [IcsHost1]
	// Hosts=chat.example
	// HostTag=chat
	// HostEnabled=True
	// BindNonPort=80
	// BindSslPort=443
	// SslCert=chat.pfx
	// SslPasswordEnv=CHAT_PASSWORD
}
