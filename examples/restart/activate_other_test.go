//go:build !unix

package main

func activate() {}
