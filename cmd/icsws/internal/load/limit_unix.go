//go:build unix

package load

import (
	"golang.org/x/sys/unix"

	"github.com/icsws/icsws/cmd/icsws/internal/cli"
)

// spareFiles are open besides the connections.
const spareFiles = 32

// needFiles raises the limit of open files if it is too low for so many connections.
func needFiles(connections int) error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		return err
	}
	want := uint64(connections) + spareFiles
	if uint64(l.Cur) >= want {
		return nil
	}
	if uint64(l.Max) >= want {
		raise(&l.Cur, want)
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &l) == nil {
			return nil
		}
	}
	return tooFew(connections, uint64(l.Max))
}

// raise sets a limit, which is signed on some systems.
func raise[N int64 | uint64](limit *N, to uint64) { *limit = N(to) }

// tooFew is the error when the limit of open files can not be raised.
func tooFew(connections int, limit uint64) error {
	return cli.Fail(cli.Failed, "%d connections need %d open files, and the limit of this process is %d: "+
		"raise it (ulimit -n %[2]d; LimitNOFILE= in a unit of systemd), or take fewer connections", connections, connections+spareFiles, limit)
}
