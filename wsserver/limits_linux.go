package wsserver

import (
	"io/fs"
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
)

// readLimits asks the system.
func readLimits() limits {
	l := readFiles(os.DirFS("/"))
	var files syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files) == nil && files.Cur < math.MaxInt64 {
		l.files = files.Cur
	}
	if n := debug.SetMemoryLimit(-1); n < math.MaxInt64 {
		l.runtime = n
	}
	return l
}

// readFiles reads what the kernel says below /proc and /sys. What can not be read is not
// known.
func readFiles(root fs.FS) (l limits) {
	for line := range strings.Lines(readText(root, "proc/meminfo")) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			l.machine = max(0, min(kib, math.MaxInt64>>10)) << 10
		}
	}
	for line := range strings.Lines(readText(root, "proc/self/cgroup")) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3)
		switch {
		case len(part) < 3:
		case part[1] == "": // version 2
			l.container = least(l.container, groupLimit(root, "sys/fs/cgroup", part[2], "memory.max"))
		case part[1] == "memory":
			l.container = least(l.container, groupLimit(root, "sys/fs/cgroup/memory", part[2], "memory.limit_in_bytes"))
		}
	}
	return l
}

// groupLimit is the least limit of a control group and of those above it.
func groupLimit(root fs.FS, top, group, file string) (limit int64) {
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		text := strings.TrimSpace(readText(root, path.Join(top, group, file)))
		// Version 1 says no limit with a number near the largest.
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 && n < math.MaxInt64/2 {
			limit = least(limit, n)
		}
		if group == "/" {
			return limit
		}
	}
}

func least(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// maxLimitFile bounds what is read of a file of the kernel's.
const maxLimitFile = 64 << 10

func readText(root fs.FS, name string) string {
	f, err := root.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b := make([]byte, maxLimitFile)
	n := 0
	for n < len(b) {
		k, err := f.Read(b[n:])
		if n += k; err != nil || k == 0 {
			break
		}
	}
	return string(b[:n])
}
