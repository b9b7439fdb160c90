//go:build !linux && !darwin

package soak

import "errors"

// files is how many descriptors this process may have.
func files() int { return 1 << 14 }

// readable is not known here: a write will tell.
func readable(uintptr) bool { return false }

// runChild is not wanted here: no test starts one.
func runChild(string) error { return errors.New("soak: no child on this system") }
