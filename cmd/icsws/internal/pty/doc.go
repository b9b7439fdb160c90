// Package pty runs programs in a pseudo-terminal, for tests on Linux.
//
//	term := pty.Start(t, exec.Command("icsws", "help"))
//	term.Expect("Usage")
//	term.Type("\x03") // Ctrl-C
//	code := term.Wait()
package pty
