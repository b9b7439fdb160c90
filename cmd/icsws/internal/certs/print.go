package certs

import (
	"fmt"
	"strings"
	"time"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/show"
)

func (r *report) print(env *cli.Env) {
	head := r.Format
	if r.TLS != nil && r.Address != r.Target {
		head = r.Address
	}
	if head != "" {
		head = "  " + head
	}
	env.Printf("%s%s\n", env.Paint(cli.Bold, r.Target), env.Paint(cli.Dim, head))
	for i, c := range r.Chain {
		env.Printf("\n")
		c.Print(env, i)
	}
	env.Printf("\n")
	show.Print(env, r.Findings)
}

// left is the time that is left, in words.
func (c Cert) left() string {
	if c.DaysLeft < 0 {
		return "expired"
	}
	return fmt.Sprintf("%d days left", c.DaysLeft)
}

// Print writes one certificate, the more the earlier it is in the chain.
func (c Cert) Print(env *cli.Env, index int) {
	env.Printf("%s\n", env.Paint(cli.Bold, fmt.Sprintf("%d  %s", index+1, cli.Printable(c.Subject))))
	line := func(key, value string) {
		if value != "" {
			env.Printf("%s", cli.Indent(fmt.Sprintf("   %-12s", key), value, 15, env.Width))
		}
	}
	line("names", strings.Join(c.Names, ", "))
	line("issuer", c.Issuer)
	line("valid", fmt.Sprintf("%s to %s (%s)", c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), c.left()))
	line("key", c.Key+", signed with "+c.Signature)
	line("sha256", c.SHA256)
	if index == 0 {
		line("spki sha256", c.Pin)
		line("serial", c.Serial)
	}
}
