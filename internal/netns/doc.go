//go:build !linux

// Package netns runs tests in network namespaces, which only Linux has.
package netns
