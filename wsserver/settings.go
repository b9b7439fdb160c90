package wsserver

import (
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/icsws/icsws/admit"
	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/forward"
	"github.com/icsws/icsws/hosts"
)

// setting is a field of Config that text can hold.
type setting struct {
	key   string // as in files: "banner.max_clients"
	index []int
	form  string // of the value, for the table
	read  func(v reflect.Value, text string) error
}

// settingTable has them all: they are read off Config itself, so that none is forgotten.
var settingTable = sync.OnceValue(func() *settingIndex {
	t := &settingIndex{settings: make(map[string]setting), aliases: make(map[string]alias), code: make(map[string]bool)}
	t.collect("", nil, reflect.TypeFor[Config]())
	for _, a := range aliases {
		t.aliases[plainName(a.name)] = a
	}
	return t
})

func (t *settingIndex) collect(prefix string, index []int, typ reflect.Type) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		if !f.IsExported() {
			continue
		}
		at := append(append([]int(nil), index...), i)
		key := prefix + snakeName(f.Name)
		if form, read := codec(f); read != nil {
			t.settings[plainName(key)] = setting{key, at, form, read}
			if f.Type == reflect.TypeFor[*forward.Target]() {
				t.collect(key+".", at, f.Type.Elem())
			}
			continue
		}
		if f.Type.Kind() == reflect.Struct && f.Type != reflect.TypeFor[Events]() {
			t.collect(key+".", at, f.Type)
			continue
		}
		t.code[plainName(key)] = true
	}
}

// snakeName is the key of a Go name: MaxHTTPConns is max_http_conns.
func snakeName(name string) string {
	var b strings.Builder
	r := []rune(name)
	for i, c := range r {
		if i > 0 && unicode.IsUpper(c) && (!unicode.IsUpper(r[i-1]) || i+1 < len(r) && unicode.IsLower(r[i+1])) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

func wrong(text, want string) error {
	return fmt.Errorf("%w: %q is not %s", ErrSettingValue, text, want)
}

// codec returns how a field is written; read is nil for those that text can not hold.
func codec(f reflect.StructField) (form string, read func(reflect.Value, string) error) {
	switch f.Type {
	case reflect.TypeFor[time.Duration]():
		return "time", readDuration
	case reflect.TypeFor[*client.Budget]():
		return "size", readBudget
	case reflect.TypeFor[UnknownHost]():
		return "reject, default", readUnknownHost
	case reflect.TypeFor[hosts.Level]():
		return words(f.Type), readLevel
	case reflect.TypeFor[admit.Rate]():
		return `rate, such as "20/1m burst 5"`, readRate
	case reflect.TypeFor[*forward.Target]():
		return "tcp://host:port, tls://…, ws://… or wss://…", readTarget
	case reflect.TypeFor[[]netip.Prefix]():
		return "list of networks", readPrefixes
	}
	switch kind := f.Type.Kind(); kind {
	case reflect.String:
		return "text", func(v reflect.Value, s string) error { v.SetString(s); return nil }
	case reflect.Bool:
		return "true, false", readBool
	case reflect.Int, reflect.Int32, reflect.Int64:
		if isSize(f.Name) {
			return "size", func(v reflect.Value, s string) error { return readInt(v, s, true) }
		}
		return "number", func(v reflect.Value, s string) error { return readInt(v, s, false) }
	case reflect.Uint8:
		if _, ok := reflect.Zero(f.Type).Interface().(fmt.Stringer); ok {
			return words(f.Type), readWord
		}
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "number", readUint
	case reflect.Slice:
		if f.Type.Elem().Kind() == reflect.String {
			return "list", readList
		}
	}
	return "", nil
}

// isSize tells the fields that are bytes by their names.
func isSize(name string) bool {
	for _, end := range []string{"Size", "Bytes", "Water", "Limit"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

func readDuration(v reflect.Value, s string) error {
	s = strings.TrimSpace(s)
	d, err := time.ParseDuration(s)
	if err != nil && s != "-1" {
		return wrong(s, `a time with its unit, such as "10s"`)
	} else if err != nil {
		d = -1
	}
	v.SetInt(int64(d))
	return nil
}

func readBool(v reflect.Value, s string) error {
	switch strings.ToLower(strings.TrimSpace(s)) {
	case "true", "yes", "on", "1":
		v.SetBool(true)
	case "false", "no", "off", "0":
		v.SetBool(false)
	default:
		return wrong(s, "true or false")
	}
	return nil
}

// readInt takes a number; one of bytes may have a unit.
func readInt(v reflect.Value, s string, bytes bool) error {
	s = strings.TrimSpace(s)
	factor := int64(1)
	if bytes {
		s, factor = unitOf(s)
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > math.MaxInt64/factor || n < math.MinInt64/factor || v.OverflowInt(n*factor) {
		return wrong(s, "a number in range")
	}
	v.SetInt(n * factor)
	return nil
}

// unitOf cuts the unit off a size.
func unitOf(s string) (rest string, factor int64) {
	for _, u := range []struct {
		name   string
		factor int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}} {
		if rest, ok := strings.CutSuffix(s, u.name); ok {
			return strings.TrimSpace(rest), u.factor
		}
	}
	return s, 1
}

func readUint(v reflect.Value, s string) error {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil || v.OverflowUint(n) {
		return wrong(s, "a number in range")
	}
	v.SetUint(n)
	return nil
}

func readBudget(v reflect.Value, s string) error {
	rest, factor := unitOf(strings.TrimSpace(s))
	n, err := strconv.ParseInt(rest, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/factor {
		return wrong(s, `a size above 0, such as "64MiB"`)
	}
	v.Set(reflect.ValueOf(client.NewBudget(n * factor)))
	return nil
}

func readRate(v reflect.Value, s string) error {
	r, err := admit.ParseRate(strings.TrimSpace(s))
	if err != nil {
		return wrong(s, `a rate, such as "20/1m"`)
	}
	v.Set(reflect.ValueOf(r))
	return nil
}

func readTarget(v reflect.Value, s string) error {
	t, err := forward.ParseTarget(strings.TrimSpace(s))
	if err != nil {
		return wrong(s, "a target: "+err.Error())
	}
	v.Set(reflect.ValueOf(t))
	return nil
}

// fieldAt is the field of a setting; what is on the way to it is made.
func fieldAt(v reflect.Value, index []int) reflect.Value {
	for _, i := range index {
		if v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(i)
	}
	return v
}

func readLevel(v reflect.Value, s string) error {
	l, err := hosts.ParseLevel(s)
	if err != nil {
		return wrong(s, "one of "+words(v.Type()))
	}
	v.SetUint(uint64(l))
	return nil
}

func readUnknownHost(v reflect.Value, s string) error {
	switch plainName(s) {
	case "reject":
		v.SetUint(uint64(UnknownReject))
	case "default":
		v.SetUint(uint64(UnknownDefault))
	default:
		return wrong(s, "reject or default")
	}
	return nil
}

func splitList(s string) (out []string) {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func readList(v reflect.Value, s string) error {
	list := reflect.MakeSlice(v.Type(), 0, 4)
	for _, part := range splitList(s) {
		list = reflect.Append(list, reflect.ValueOf(part).Convert(v.Type().Elem()))
	}
	if list.Len() > 0 {
		v.Set(list)
	}
	return nil
}

func readPrefixes(v reflect.Value, s string) error {
	var list []netip.Prefix
	for _, part := range splitList(s) {
		p, err := netip.ParsePrefix(part)
		if ip, iperr := netip.ParseAddr(part); iperr == nil {
			p, err = netip.PrefixFrom(ip.WithZone(""), ip.BitLen()), nil
		}
		if err != nil {
			return wrong(part, "a network")
		}
		list = append(list, p)
	}
	v.Set(reflect.ValueOf(list))
	return nil
}

// An enumeration is a uint8 whose String names each value, and is the same word, or has
// the number in it, for those that there are not.

// wordsOf calls yield with each value and its word, without spaces.
func wordsOf(typ reflect.Type, yield func(n uint64, word string) bool) {
	v := reflect.New(typ).Elem()
	for n := range uint64(32) {
		v.SetUint(n)
		word := strings.NewReplacer(" ", "_", "-", "_").Replace(fmt.Sprint(v.Interface()))
		if word == "unknown" || strings.ContainsAny(word, "()") || !yield(n, word) {
			return
		}
	}
}

func words(typ reflect.Type) string {
	var list []string
	wordsOf(typ, func(_ uint64, word string) bool { list = append(list, word); return true })
	return strings.Join(list, ", ")
}

func readWord(v reflect.Value, s string) error {
	found := false
	wordsOf(v.Type(), func(n uint64, word string) bool {
		if plainName(word) == plainName(strings.ReplaceAll(strings.TrimSpace(s), " ", "_")) {
			v.SetUint(n)
			found = true
		}
		return !found
	})
	if !found {
		return wrong(s, "one of "+words(v.Type()))
	}
	return nil
}
