// Package netns runs a test in a network namespace of its own, where it may have any
// address and any port: the test calls itself again in a new process.
//
//	func TestLowPort(t *testing.T) {
//		if !netns.Enter(t, "192.0.2.1/24", "2001:db8::1/64") {
//			return // it ran in there
//		}
//		… // lo is up and has these addresses too
//	}
package netns

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

const inside = "ICSWS_NETNS"

// Enter reports whether the test runs inside of the namespace. Outside it runs the test in
// there first, and fails when that does, or when there can be no namespace.
func Enter(t *testing.T, addrs ...string) bool {
	t.Helper()
	if os.Getenv(inside) != "" {
		if err := up(addrs); err != nil {
			t.Fatal(err)
		}
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.v", "-test.timeout=2m")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET,
		UidMappings: []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	if len(out) == 0 && err != nil && os.Getuid() == 0 { // user namespaces are forbidden here
		again := exec.CommandContext(t.Context(), cmd.Path, cmd.Args[1:]...)
		again.Env, again.SysProcAttr = cmd.Env, &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
		out, err = again.CombinedOutput()
	}
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Fatalf("in a network namespace: %v\n%s", err, out)
	}
	return false
}

// up brings lo up and gives it the addresses.
func up(addrs []string) error {
	if err := ioctl(syscall.AF_INET, syscall.SIOCSIFFLAGS, named("lo", func(r *ifreq) {
		*(*uint16)(unsafe.Pointer(&r.data)) = syscall.IFF_UP | syscall.IFF_RUNNING
	})); err != nil {
		return fmt.Errorf("lo up: %w", err)
	}
	for i, text := range addrs {
		p, err := netip.ParsePrefix(text)
		if err == nil && p.Addr().Is4() {
			err = add4(i, p)
		} else if err == nil {
			err = add6(p)
		}
		if err != nil {
			return fmt.Errorf("address %s: %w", text, err)
		}
	}
	return nil
}

// ifreq is struct ifreq of the kernel, in6 its struct in6_ifreq.
type (
	ifreq struct {
		name [16]byte
		data [24]byte
	}
	in6 struct {
		addr   [16]byte
		prefix uint32
		index  int32
	}
)

func named(name string, fill func(*ifreq)) unsafe.Pointer {
	r := new(ifreq)
	copy(r.name[:], name)
	fill(r)
	return unsafe.Pointer(r)
}

// add4 gives lo an alias, as it has one address for each name.
func add4(i int, p netip.Prefix) error {
	alias := fmt.Sprintf("lo:%d", i+1)
	set := func(request uintptr, a [4]byte) error {
		return ioctl(syscall.AF_INET, request, named(alias, func(r *ifreq) {
			sa := (*syscall.RawSockaddrInet4)(unsafe.Pointer(&r.data))
			sa.Family, sa.Addr = syscall.AF_INET, a
		}))
	}
	if err := set(syscall.SIOCSIFADDR, p.Addr().As4()); err != nil {
		return err
	}
	mask := ^uint32(0) << (32 - p.Bits())
	return set(syscall.SIOCSIFNETMASK, [4]byte{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)})
}

func add6(p netip.Prefix) error {
	r := &in6{addr: p.Addr().As16(), prefix: uint32(p.Bits()), index: 1} // lo is the first
	if err := ioctl(syscall.AF_INET6, syscall.SIOCSIFADDR, unsafe.Pointer(r)); err != nil {
		return err
	}
	return usable(p.Addr())
}

// usable waits until the kernel takes an address for ours: on a busy machine a moment
// after it was added.
func usable(a netip.Addr) (err error) {
	for range 500 {
		var l net.Listener
		if l, err = net.Listen("tcp", netip.AddrPortFrom(a, 0).String()); err == nil {
			return l.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

func ioctl(family int, request uintptr, arg unsafe.Pointer) error {
	fd, err := syscall.Socket(family, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(fd)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}
