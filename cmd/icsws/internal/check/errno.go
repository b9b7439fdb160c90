//go:build !windows

package check

// On Unix package syscall has the numbers themselves.
func isRefused(error) bool     { return false }
func isUnreachable(error) bool { return false }
