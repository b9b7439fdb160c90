package wsserver

import (
	"fmt"
	"net/netip"
	"runtime"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/internal/logkey"
	"github.com/icsws/icsws/multilisten"
)

// otherFiles are the descriptors that a process needs besides connections.
const otherFiles = 64

// clientMemory is what a client takes without queues, windows and buffers, roughly.
const clientMemory = 4 << 10

// warning is one contradiction between the configuration and the machine.
type warning struct {
	code string
	text string
}

// Warnings says where the configuration and the machine do not fit: descriptors, memory,
// plain text on a public address. Each is a sentence with the setting and what to do. The
// first Listen logs them. On other systems than Linux the limits of the machine are not
// known.
func (s *Server[T]) Warnings() []string {
	bindings, _, _ := s.core.bindings()
	var list []string
	cfg := s.core.config()
	for _, w := range cfg.warnings(readLimits(), bindings) {
		e, _ := Explain(w.code)
		list = append(list, fmt.Sprintf("%s: %s %s", e.Setting, w.text, e.Advice))
	}
	return list
}

// tellStart logs what the server runs with, once.
func (s *core) tellStart(bindings []multilisten.Binding) {
	s.started.Do(func() {
		c, l := s.config(), readLimits()
		memory, _ := l.memory()
		s.log.Info("starting", logkey.Go, runtime.Version(), logkey.Procs, runtime.GOMAXPROCS(0), logkey.Driver, c.Driver.String(),
			logkey.Hosts, len(c.Hosts), logkey.MaxClients, c.Banner.MaxClients, logkey.MaxPending, c.MaxPending,
			logkey.MaxHTTPConns, c.MaxHTTPConns, logkey.MaxMessageSize, c.wholeLimit(), logkey.QueueBytes, c.SendQueue.MaxBytes,
			logkey.Budget, c.budget(), logkey.Descriptors, l.files, logkey.Memory, memory)
		for _, w := range c.warnings(l, bindings) {
			e, _ := Explain(w.code)
			s.log.Warn("configuration", logkey.Code, w.code, logkey.Setting, e.Setting, logkey.Text, w.text, logkey.Advice, e.Advice)
		}
	})
}

func (c *Config) budget() int64 {
	if c.MemoryBudget == nil {
		return 0
	}
	return c.MemoryBudget.Limit()
}

// warnings compares c, which has its defaults, with what the machine allows.
func (c *Config) warnings(l limits, bindings []multilisten.Binding) (list []warning) {
	warn := func(code, format string, args ...any) {
		list = append(list, warning{"warning/" + code, fmt.Sprintf(format, args...)})
	}
	clients := int64(c.Banner.MaxClients)
	each, targets := uint64(1), ""
	if c.Forward != nil || len(c.ForwardByHost) > 0 {
		each, targets = 2, " with their targets"
	}
	if need := each*uint64(clients) + uint64(c.MaxPending) + uint64(c.MaxHTTPConns) + otherFiles; l.files > 0 && need > l.files {
		warn("descriptors", "%d clients%s, %d connections in handshake (MaxPending), %d for pages (MaxHTTPConns) and %d others need %d open files, but the process may have %d.",
			clients, targets, c.MaxPending, c.MaxHTTPConns, otherFiles, need, l.files)
	}
	if l.runtime > 0 && l.container > 0 && l.runtime > l.container {
		warn("memory-limit", "GOMEMLIMIT is %s, the limit of the container %s.", inUnits(l.runtime), inUnits(l.container))
	}
	for _, b := range bindings {
		if a, err := netip.ParseAddrPort(b.Addr); err == nil && !b.TLS && isPublic(a.Addr()) {
			warn("plain", "%s is a public address and speaks plain text.", b.Addr)
		}
	}
	if memory, by := l.memory(); memory > 0 {
		c.memoryWarnings(memory, by, clients, warn)
	}
	return list
}

func (c *Config) memoryWarnings(memory int64, by string, clients int64, warn func(code, format string, args ...any)) {
	budget := c.budget()
	queues := product(clients, int64(c.SendQueue.MaxBytes))
	switch need := product(clients, clientMemory); {
	case budget > memory:
		warn("budget", "the budget is %s, but there are %s by %s.", inUnits(budget), inUnits(memory), by)
	case budget == 0 && clients > 0 && sum(need, queues) > memory:
		warn("memory", "%d clients with queues of %s (SendQueue.MaxBytes) may need %s, but there are %s by %s.",
			clients, inUnits(int64(c.SendQueue.MaxBytes)), inUnits(sum(need, queues)), inUnits(memory), by)
	case budget > 0 && sum(need, budget+budget/8) > memory:
		warn("memory", "%d clients and a budget of %s for their queues need %s, but there are %s by %s.",
			clients, inUnits(budget), inUnits(sum(need, budget+budget/8)), inUnits(memory), by)
	}
	if m := c.wholeLimit(); product(m, 4) > memory {
		warn("message", "four messages of %s need more than the %s by %s.", inUnits(m), inUnits(memory), by)
	}
	if zip := product(clients, c.windowMemory()); zip > memory/4 {
		warn("compression", "the windows of %d clients may take %s of the %s by %s.", clients, inUnits(zip), inUnits(memory), by)
	}
}

// windowMemory is the most that compression keeps for a client: what it has sent, which
// may be 32 KiB, and what was sent to it.
func (c *Config) windowMemory() int64 {
	context := c.Compression.Mode == client.CompressionContext
	for _, z := range c.CompressionByHost {
		context = context || z.Mode == client.CompressionContext
	}
	if !context {
		return 0
	}
	return 32<<10 + 8<<10
}

func isPublic(a netip.Addr) bool {
	return a.IsGlobalUnicast() && !a.IsPrivate() && !sharedSpace.Contains(a.Unmap())
}

// sharedSpace are the addresses behind the address translation of a provider (RFC 6598).
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// product and sum stop at the largest number.
func product(a, b int64) int64 {
	if a > 0 && b > (1<<62)/a {
		return 1 << 62
	}
	return a * b
}

func sum(a, b int64) int64 { return min(a, 1<<62) + min(b, 1<<62-1) }

// inUnits is a size for people.
func inUnits(n int64) string {
	for _, u := range []struct {
		name  string
		bytes int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.bytes {
			return fmt.Sprintf("%.4g %s", float64(n)/float64(u.bytes), u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
