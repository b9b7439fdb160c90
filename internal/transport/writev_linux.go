package transport

import (
	"syscall"
	"unsafe"
)

// writev writes the pieces of src with one system call.
func writev(fd int, src *[3][]byte) (int, error) {
	var vec [3]syscall.Iovec
	n := 0
	for _, p := range src {
		if len(p) > 0 {
			vec[n].Base = &p[0]
			vec[n].SetLen(len(p))
			n++
		}
	}
	if n == 1 {
		return syscall.Write(fd, unsafe.Slice(vec[0].Base, int(vec[0].Len)))
	}
	published()
	r, _, errno := syscall.Syscall(syscall.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(&vec[0])), uintptr(n))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}
