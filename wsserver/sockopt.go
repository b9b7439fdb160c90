package wsserver

import (
	"crypto/tls"
	"errors"
	"math"
	"net"
	"sync/atomic"

	"github.com/icsws/icsws/internal/logkey"
)

// optionsTold notes of which options of the kernel a listener has been warned. Each is
// told once, as the next connection has the same trouble.
type optionsTold struct{ nagle, in, out, keepAlive atomic.Bool }

// setOptions sets the options of the kernel on an accepted connection. What has not
// the methods of a socket is left alone: pipes, and wrappers that hide theirs.
func (s *core) setOptions(conn net.Conn, binding string, told *optionsTold) {
	if t, ok := conn.(*tls.Conn); ok { // of somebody else
		conn = t.NetConn()
	}
	c := &s.cfg
	if t, ok := conn.(interface{ SetNoDelay(bool) error }); ok && c.Nagle {
		s.optionSet("Nagle", binding, &told.nagle, t.SetNoDelay(false))
	}
	if t, ok := conn.(interface{ SetReadBuffer(int) error }); ok && c.InBufferSize > 0 {
		s.optionSet("InBufferSize", binding, &told.in, t.SetReadBuffer(c.InBufferSize))
	}
	if t, ok := conn.(interface{ SetWriteBuffer(int) error }); ok && c.OutBufferSize > 0 {
		s.optionSet("OutBufferSize", binding, &told.out, t.SetWriteBuffer(c.OutBufferSize))
	}
	probes, set := c.keepAlive()
	if t, ok := conn.(prober); ok && set {
		s.optionSet("KeepAlive", binding, &told.keepAlive, t.SetKeepAliveConfig(probes))
	}
}

type prober interface {
	SetKeepAliveConfig(net.KeepAliveConfig) error
}

// optionSet warns of an option that the system refused. The connection works without.
func (s *core) optionSet(setting, binding string, told *atomic.Bool, err error) {
	if err == nil || errors.Is(err, net.ErrClosed) || told.Swap(true) {
		return
	}
	s.log.Warn("socket option refused", logkey.Setting, setting, logkey.Binding, binding, logkey.Err, err)
}

// keepAlive returns what to set on each connection; false leaves it as it came.
func (c *Config) keepAlive() (probes net.KeepAliveConfig, set bool) {
	switch {
	case c.NoKeepAlive: // negative: as they are
		return net.KeepAliveConfig{Idle: -1, Interval: -1, Count: -1}, true
	case c.KeepAlive == probes:
		return probes, false
	}
	probes = c.KeepAlive
	probes.Enable = true
	return probes, true
}

func (c *Config) checkOptions() error {
	both := error(nil)
	if c.NoKeepAlive && c.KeepAlive != (net.KeepAliveConfig{}) {
		both = configError("NoKeepAlive", "set, together with Config.KeepAlive")
	}
	return errors.Join(
		bufferSize("InBufferSize", c.InBufferSize),
		bufferSize("OutBufferSize", c.OutBufferSize),
		positive("KeepAlive.Idle", c.KeepAlive.Idle),
		positive("KeepAlive.Interval", c.KeepAlive.Interval),
		positive("KeepAlive.Count", c.KeepAlive.Count),
		both,
	)
}

// bufferSize holds n against what setsockopt takes: an int of 32 bits.
func bufferSize(field string, n int) error {
	if n < 0 || n > math.MaxInt32 {
		return configError(field, "%d is not from 0 to %d", n, math.MaxInt32)
	}
	return nil
}
