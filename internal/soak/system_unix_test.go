//go:build linux || darwin

package soak

import "syscall"

// files is how many descriptors this process may have.
func files() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	if l.Cur < l.Max { // the runtime has done that already, where it can
		l.Cur = l.Max
		_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l)
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l)
	}
	return int(min(uint64(l.Cur), 1<<20))
}

// readable reports whether something is there to be read, the end of the stream
// included.
func readable(fd uintptr) bool {
	n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
	return n > 0 || err == nil || err != syscall.EAGAIN && err != syscall.EINTR
}
