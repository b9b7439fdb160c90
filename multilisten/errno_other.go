//go:build !unix && !windows

package multilisten

func isInUse(error) bool   { return false }
func isDenied(error) bool  { return false }
func isNotHere(error) bool { return false }
func isRefused(error) bool { return false }
