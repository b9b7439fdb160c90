package multilisten

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"testing"
)

// Of linux/sock_diag.h, inet_diag.h and unix_diag.h.
const (
	netlinkSockDiag  = 4
	sockDiagByFamily = 20
	unixShowQueue    = 0x10
	unixAttrQueue    = 4
	allStates        = ^uint32(0)
)

// queue is what the kernel says of the accept queue of a listening socket.
type queue struct{ waiting, backlog int }

// queueOf asks the kernel (sock_diag(7)), as ss(8) does.
func queueOf(t testing.TB, l *Listener) queue {
	t.Helper()
	raw, err := l.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var st syscall.Stat_t
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = syscall.Fstat(int(fd), &st) }); err != nil || failed != nil {
		t.Fatal(errors.Join(err, failed))
	}
	families := []byte{syscall.AF_INET, syscall.AF_INET6}
	if l.Addr().Network() == "unix" {
		families = []byte{syscall.AF_UNIX}
	}
	for _, family := range families {
		for _, m := range diagnose(t, diagRequest(family)) {
			if q, ok := diagQueue(family, m, uint32(st.Ino)); ok {
				return q
			}
		}
	}
	t.Fatalf("the kernel knows no socket of %v", l.Addr())
	return queue{}
}

// diagRequest is an inet_diag_req_v2 or a unix_diag_req.
func diagRequest(family byte) []byte {
	if family == syscall.AF_UNIX {
		b := make([]byte, 24)
		b[0] = family
		binary.NativeEndian.PutUint32(b[4:], allStates)
		binary.NativeEndian.PutUint32(b[12:], unixShowQueue)
		return b
	}
	b := make([]byte, 56)
	b[0], b[1] = family, syscall.IPPROTO_TCP
	binary.NativeEndian.PutUint32(b[4:], allStates)
	return b
}

// diagQueue reads an inet_diag_msg or a unix_diag_msg, if it is about the inode.
func diagQueue(family byte, b []byte, inode uint32) (queue, bool) {
	word := func(at int) int { return int(binary.NativeEndian.Uint32(b[at:])) }
	if family != syscall.AF_UNIX {
		return queue{word(56), word(60)}, uint32(word(68)) == inode
	}
	if uint32(word(4)) != inode {
		return queue{}, false
	}
	for at := 16; at+4 <= len(b); { // attributes: length 2, type 2, value, filled up to 4
		size := int(binary.NativeEndian.Uint16(b[at:]))
		if binary.NativeEndian.Uint16(b[at+2:]) == unixAttrQueue {
			return queue{word(at + 4), word(at + 8)}, true
		}
		at += (size + 3) &^ 3
	}
	return queue{}, false
}

// diagnose returns the answers to a request for a dump.
func diagnose(t testing.TB, request []byte) (answers [][]byte) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_NETLINK, syscall.SOCK_RAW|syscall.SOCK_CLOEXEC, netlinkSockDiag)
	if err != nil {
		t.Fatal(os.NewSyscallError("socket", err))
	}
	defer syscall.Close(fd)
	head := make([]byte, syscall.NLMSG_HDRLEN)
	binary.NativeEndian.PutUint32(head, uint32(len(head)+len(request)))
	binary.NativeEndian.PutUint16(head[4:], sockDiagByFamily)
	binary.NativeEndian.PutUint16(head[6:], syscall.NLM_F_REQUEST|syscall.NLM_F_DUMP)
	to := &syscall.SockaddrNetlink{Family: syscall.AF_NETLINK}
	if err := syscall.Sendto(fd, append(head, request...), 0, to); err != nil {
		t.Fatal(os.NewSyscallError("sendto", err))
	}
	buf := make([]byte, 1<<16)
	for {
		n, _, err := syscall.Recvfrom(fd, buf, 0)
		if err != nil {
			t.Fatal(os.NewSyscallError("recvfrom", err))
		}
		list, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			switch m.Header.Type {
			case syscall.NLMSG_DONE:
				return answers
			case syscall.NLMSG_ERROR:
				t.Fatalf("sock_diag: error %d", -int32(binary.NativeEndian.Uint32(m.Data)))
			}
			answers = append(answers, append([]byte(nil), m.Data...))
		}
	}
}
