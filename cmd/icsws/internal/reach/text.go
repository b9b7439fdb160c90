package reach

import "github.com/icsws/icsws/cmd/icsws/internal/cli"

// Harmless, Escape and Printable are those of package cli.
func Harmless(r rune) bool         { return cli.Harmless(r) }
func Escape(s, keep string) string { return cli.Escape(s, keep) }
func Printable(s string) string    { return cli.Printable(s) }
