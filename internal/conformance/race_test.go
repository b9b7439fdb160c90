//go:build race

package conformance

func init() { buildFlags = append(buildFlags, "-race") }
