package config

import (
	"maps"
	"slices"
	"time"

	"github.com/icsws/icsws/forward"
)

var targetShape = shape[forward.Target]{keys: table[forward.Target]{
	at("url", func(t *forward.Target) *string { return &t.URL }, plain, "tcp://host:port, tls://…, ws://… or wss://…"),
	at("host", func(t *forward.Target) *string { return &t.Host }, plain, "of a TCP service, in place of url"),
	at("port", func(t *forward.Target) *int { return &t.Port }, whole[int](0, 65535), "of that host"),
	at("tls", func(t *forward.Target) *bool { return &t.TLS }, onOff, "speaks TLS to that host"),
	at("text", func(t *forward.Target) *bool { return &t.Text }, onOff, "what it sends becomes text messages"),
	at("chunk_size", func(t *forward.Target) *int { return &t.ChunkSize }, octets, "the longest message of what it sends; 32KiB unless set"),
	at("proxy_protocol", func(t *forward.Target) *bool { return &t.ProxyProtocol }, onOff, "it gets a PROXY header with the client's address"),
	at("header_names", func(t *forward.Target) *[]string { return &t.HeaderNames }, words, "headers that a ws target gets besides the usual ones"),
	at("dial_timeout", func(t *forward.Target) *time.Duration { return &t.DialTimeout }, duration, "to reach it; 5s unless set"),
	at("write_timeout", func(t *forward.Target) *time.Duration { return &t.WriteTimeout }, duration, "for a target that takes nothing; 1m unless set"),
	at("idle_timeout", func(t *forward.Target) *time.Duration { return &t.IdleTimeout }, duration, "of silence on both sides; none unless set"),
}, code: []code[forward.Target]{
	{"TLSConfig", func(t *forward.Target) bool { return t.TLSConfig != nil }, "a tls.Config"},
	{"Dial", func(t *forward.Target) bool { return t.Dial != nil }, "a function"},
}}

// target is a table, or the URL alone.
var target = func() codec[*forward.Target] {
	c := optional(targetShape)
	inside := c.read
	c.form = "URL or table"
	c.read = func(r *reader, v value) (*forward.Target, bool) {
		if !isText(v) {
			return inside(r, v)
		}
		s, ok := plain.read(r, v)
		if !ok || s == "" {
			return nil, ok
		}
		t, err := forward.ParseTarget(s)
		if err != nil {
			r.fail(v.at, asBadValue(err))
			return nil, false
		}
		return t, true
	}
	return c
}()

// targets are those of hosts, by tag. An empty text is none.
var targets = codec[map[string]*forward.Target]{form: "table of tables", rows: targetShape.keys.rows(".TAG."),
	read: func(r *reader, v value) (map[string]*forward.Target, bool) {
		if v.kind != dict {
			r.mistyped(v, "a table of tables")
			return nil, false
		}
		out := make(map[string]*forward.Target)
		for _, e := range v.keys {
			r.within(keyName(e.name), func() {
				if t, ok := target.read(r, e.value); ok {
					out[e.name] = t
				}
			})
		}
		return out, true
	},
	write: func(w *writer, m map[string]*forward.Target) (value, bool) {
		v := value{kind: dict}
		for _, tag := range slices.Sorted(maps.Keys(m)) {
			w.within(keyName(tag), func() {
				x, ok := target.write(w, m[tag])
				if !ok {
					x = w.text("")
				}
				v.keys = append(v.keys, entry{name: w.text(tag).text, value: x})
			})
		}
		return v, len(m) > 0
	},
}
