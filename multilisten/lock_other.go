//go:build !darwin && !dragonfly && !freebsd && !linux && !netbsd && !openbsd

package multilisten

import "context"

// lockFolder does nothing: there is no flock(2).
func lockFolder(context.Context, string) (unlock func(), err error) { return func() {}, nil }
