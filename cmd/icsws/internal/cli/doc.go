// Package cli is the frame of the command-line tool: a table of commands, their flags,
// help, exit codes, and what is made of the table: completion scripts, the manual page and
// the reference in docs/cli.md.
//
//	app := &cli.App{Name: "icsws", Commands: []*cli.Command{check.Command()}}
//	os.Exit(app.Run(ctx, os.Args[1:], cli.System()))
//
// Flags are those of package flag, written as GNU has them: "--name value" and
// "--name=value", short ones as "-n value", before and after the arguments. Each run makes
// its flags anew, so nothing is shared between two of them.
package cli
