package wsserver

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/internal/link"
	"github.com/icsws/icsws/multilisten"
)

// withDefaults returns a copy of c in which no zero stands for a default.
func (c Config) withDefaults() Config {
	def(&c.MaxHeaderBytes, 16<<10)
	def(&c.MaxPending, 4096)
	def(&c.MaxHTTPConns, 1024)
	def(&c.HTTPTimeout, time.Minute)
	def(&c.HandshakeTimeout, 10*time.Second)
	def(&c.TLSHandshakeTimeout, 5*time.Second)
	def(&c.ShutdownTimeout, 10*time.Second+max(c.Drain.Window, 0))
	c.Drain.withDefaults()
	def(&c.BandwidthSampling, time.Second)
	c.SendQueue = c.SendQueue.WithDefaults()
	c.CompressionByHost = maps.Clone(c.CompressionByHost)
	c.PumpByHost = maps.Clone(c.PumpByHost)
	c.BannerByHost = maps.Clone(c.BannerByHost)
	c.copyForwards()
	c.cloneAdmission()
	def(&c.WriteTimeout, 10*time.Second)
	def(&c.CloseTimeout, 5*time.Second)
	def(&c.PingInterval, 30*time.Second)
	def(&c.PongTimeout, 10*time.Second)
	def(&c.CloseCode, client.StatusNormalClosure)
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Bindings = slices.Clone(c.Bindings)
	c.Hosts = slices.Clone(c.Hosts)
	c.AllowedOrigins = slices.Clone(c.AllowedOrigins)
	c.SubProtocols = slices.Clone(c.SubProtocols)
	c.Hooks = slices.Clone(c.Hooks)
	return c
}

func def[V comparable](p *V, v V) {
	var zero V
	if *p == zero {
		*p = v
	}
}

// check returns everything that is wrong with c, which has its defaults.
func (c *Config) check() error {
	return errors.Join(
		c.checkListen(),
		c.checkTLS(),
		positive("MaxHeaderBytes", c.MaxHeaderBytes),
		positive("MaxPending", c.MaxPending),
		positive("MaxHTTPConns", c.MaxHTTPConns),
		positive("ShutdownTimeout", c.ShutdownTimeout),
		c.checkDrain(),
		positive("MaxFrameSize", c.MaxFrameSize),
		positive("BandwidthLimit", c.BandwidthLimit),
		positive("BandwidthSampling", c.BandwidthSampling),
		c.checkQueue(),
		c.checkCompression(),
		c.checkPumps(),
		c.checkOptions(),
		c.checkClose(),
		c.checkProtocols(),
		c.checkBanners(),
		c.checkForwards(),
	)
}

func positive[V int | time.Duration](field string, v V) error {
	if v < 0 {
		return configError(field, "%v is negative", v)
	}
	return nil
}

func wrapField(field string, err error) error {
	if err == nil {
		return nil
	}
	return &ConfigError{field, err}
}

func (c *Config) checkListen() error {
	if c.ListenPolicy > multilisten.BestEffort {
		return configError("ListenPolicy", "unknown policy %d", c.ListenPolicy)
	}
	if c.Driver > DriverInline {
		return configError("Driver", "unknown driver %d", c.Driver)
	}
	if c.UnknownHost > UnknownDefault {
		return configError("UnknownHost", "unknown value %d", c.UnknownHost)
	}
	if len(c.Hosts) > 0 && c.Addr != "" {
		return configError("Addr", "%q together with Config.Hosts, which bring their own addresses", c.Addr)
	}
	return nil
}

// maxMessage is the longest message that is held as a whole. It fits into an int of 32
// bits with room for headers.
const maxMessage = 1<<30 - 16

// wholeLimit is the bound for a message that is held as a whole.
func (c *Config) wholeLimit() int64 {
	if c.MaxMessageSize == 0 {
		return 1 << 20
	}
	return min(c.MaxMessageSize, maxMessage)
}

// piecesLimit is the bound for a message that is delivered as it comes; -1 is none.
func (c *Config) piecesLimit() int64 {
	if c.MaxMessageSize == 0 {
		return -1
	}
	return c.MaxMessageSize
}

// checkMessages holds the limit against the class: one that gets whole messages can not
// have them of any size.
func (c *Config) checkMessages(pieces bool) error {
	most := int64(maxMessage)
	if pieces {
		most = math.MaxInt64
	}
	if c.MaxMessageSize < 0 || c.MaxMessageSize > most {
		return configError("MaxMessageSize", "%d is not from 1 to %d", c.MaxMessageSize, most)
	}
	return nil
}

func (c *Config) checkQueue() error {
	if c.MemoryBudget != nil && link.BudgetOf(c.MemoryBudget) == nil {
		return configError("MemoryBudget", "was not made by client.NewBudget")
	}
	if e, ok := errors.AsType[*client.QueueError](c.SendQueue.Validate()); ok {
		return configError("SendQueue."+e.Field, "%v %s", e.Value, e.Why)
	}
	return nil
}

func (c *Config) checkCompression() error {
	errs := []error{checkCompression("Compression", c.Compression)}
	for tag, z := range c.CompressionByHost {
		field := fmt.Sprintf("CompressionByHost[%q]", tag)
		errs = append(errs, c.checkTag(field, tag), checkCompression(field, z))
	}
	return errors.Join(errs...)
}

func (c *Config) checkBanners() error {
	errs := []error{wrapField("Banner", c.Banner.Validate())}
	for tag, p := range c.BannerByHost {
		field := fmt.Sprintf("BannerByHost[%q]", tag)
		errs = append(errs, c.checkTag(field, tag), wrapField(field, p.Validate()))
	}
	return errors.Join(errs...)
}

// checkTag wants a host with the tag. One that is disabled will do.
func (c *Config) checkTag(field, tag string) error {
	if !c.hasTag(tag) {
		return configError(field, "no host has that tag")
	}
	return nil
}

func (c *Config) hasTag(tag string) bool {
	return slices.ContainsFunc(c.Hosts, func(h hosts.Host) bool { return h.Tag == tag })
}

func checkCompression(field string, z client.Compression) error {
	switch {
	case z.Mode > client.CompressionContext:
		return configError(field+".Mode", "unknown mode %d", z.Mode)
	case z.Level < 0 || z.Level > 9:
		return configError(field+".Level", "%d is not from 1 to 9", z.Level)
	case z.WindowBits != 0 && (z.WindowBits < 8 || z.WindowBits > 15):
		return configError(field+".WindowBits", "%d is not from 8 to 15", z.WindowBits)
	}
	return nil
}

func (c *Config) checkClose() error {
	switch {
	case !c.CloseCode.Sendable():
		return &ConfigError{"CloseCode", errorf("%w: %d", client.ErrBadCloseCode, c.CloseCode)}
	case !utf8.ValidString(c.CloseReason):
		return &ConfigError{"CloseReason", client.ErrInvalidUTF8}
	}
	return nil
}

func (c *Config) checkProtocols() error {
	seen := map[string]bool{}
	for _, p := range c.SubProtocols {
		if !isToken(p) {
			return configError("SubProtocols", "%q is not a token (RFC 6455 section 4.1)", p)
		}
		if seen[p] {
			return configError("SubProtocols", "%q is there twice", p)
		}
		seen[p] = true
	}
	if c.RequireSubProtocol && len(c.SubProtocols) == 0 {
		return configError("RequireSubProtocol", "set, but Config.SubProtocols is empty")
	}
	return nil
}
