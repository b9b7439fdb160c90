//go:build unix && !linux

package transport

import "syscall"

// writev writes the first piece of src that is not empty: writing vectors is not
// portable. The caller comes back for the others.
func writev(fd int, src *[3][]byte) (int, error) {
	for _, p := range src {
		if len(p) > 0 {
			return syscall.Write(fd, p)
		}
	}
	return 0, nil
}
