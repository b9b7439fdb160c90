package wsserver

import (
	"math"
	"testing"
	"testing/fstest"
)

// The limits of control groups of both versions, and of those above them, count.
func TestLimitsOfTheMachineAreRead(t *testing.T) {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	const meminfo = "MemTotal:        1024 kB\nMemFree: 1 kB\n"
	for _, tt := range []struct {
		name string
		root fstest.MapFS
		want limits
	}{
		{"nothing", fstest.MapFS{}, limits{}},
		{"version 2", fstest.MapFS{
			"proc/meminfo": file(meminfo), "proc/self/cgroup": file("0::/a/b\n"),
			"sys/fs/cgroup/a/b/memory.max": file("max\n"), "sys/fs/cgroup/a/memory.max": file("5000\n"), "sys/fs/cgroup/memory.max": file("9000\n"),
		}, limits{machine: 1 << 20, container: 5000}},
		{"version 1", fstest.MapFS{
			"proc/self/cgroup": file("7:cpu:/\n3:memory:/c\n"),
			"sys/fs/cgroup/memory/c/memory.limit_in_bytes":     file("7000"),
			"sys/fs/cgroup/memory/memory.limit_in_bytes":       file("9223372036854771712"),
			"sys/fs/cgroup/memory/other/memory.limit_in_bytes": file("1"),
		}, limits{container: 7000}},
		{"nonsense", fstest.MapFS{
			"proc/meminfo": file("MemTotal: many kB\nMemTotal:"), "proc/self/cgroup": file("x\n0::/../..\n::\n"), "sys/fs/cgroup/memory.max": file("-5"),
		}, limits{}},
		{"a number that overflows", fstest.MapFS{"proc/meminfo": file("MemTotal: 9223372036854775807 kB\n")}, limits{machine: math.MaxInt64 >> 10 << 10}},
	} {
		if got := readFiles(tt.root); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	if l := readLimits(); l.files == 0 {
		t.Errorf("this process has %+v", l)
	}
}
