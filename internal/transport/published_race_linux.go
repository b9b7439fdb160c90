//go:build race

package transport

import "syscall"

// published tells the race detector that whoever reads what is written next comes behind
// what was done before, as it knows of syscall.Write: the tests of programs rely on it.
func published() { _, _ = syscall.Write(-1, nil) }
