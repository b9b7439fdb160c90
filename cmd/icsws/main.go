// Icsws is a tool for people who work with WebSockets: it looks into what is wrong with a
// server, its certificates and its configuration, and serves where one is needed.
//
//	go install github.com/icsws/icsws/cmd/icsws@latest
//	icsws help
package main

import (
	"os"
	"slices"

	"github.com/icsws/icsws/cmd/icsws/internal/certs"
	"github.com/icsws/icsws/cmd/icsws/internal/check"
	"github.com/icsws/icsws/cmd/icsws/internal/cli"
	"github.com/icsws/icsws/cmd/icsws/internal/connect"
	"github.com/icsws/icsws/cmd/icsws/internal/explain"
	"github.com/icsws/icsws/cmd/icsws/internal/load"
	"github.com/icsws/icsws/cmd/icsws/internal/serve"
)

func main() { os.Exit(app().Main()) }

// app is the table of commands.
func app() *cli.App {
	return &cli.App{
		Name:  "icsws",
		Short: "a tool for WebSocket servers and clients",
		Long: "It looks into what is wrong with a server, its certificates and its configuration, and runs a server " +
			"where one is needed. Flags may stand before and behind the arguments, as --name value or --name=value; " +
			"behind -- everything is an argument.",
		Date: "2026-11-22",
		Commands: slices.Concat([]*cli.Command{
			connect.Command(),
			load.Command(),
			check.Command(),
			certs.Command(),
			explain.Command(),
			certs.HostsCommand(),
		}, serve.Commands()),
	}
}
