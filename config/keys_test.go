package config

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// A new field of a struct that can be configured gets a key, or a reason why not.
func TestEachFieldHasAKeyOrAReason(t *testing.T) { // H-51
	checkFields(t, serverShape)
	checkFields(t, hostShape)
	checkFields(t, bindingShape)
	checkFields(t, bannerShape)
	checkFields(t, bannerEntry)
	checkFields(t, queueShape)
	checkFields(t, compressionShape)
	checkFields(t, compressionEntry)
	checkFields(t, keepAliveShape)
	checkFields(t, drainShape)
	checkFields(t, verifyShape)
	checkFields(t, acmeShape)
	checkFields(t, targetShape)
	checkFields(t, banShape)
}

func checkFields[C any](t *testing.T, s shape[C]) {
	t.Helper()
	var c C
	byAddress := make(map[uintptr]string)
	names := make(map[string]bool)
	for _, k := range s.keys {
		if names[k.name] {
			t.Errorf("%T: two keys are called %s", c, k.name)
		}
		names[k.name] = true
		if k.ptr != nil {
			byAddress[reflect.ValueOf(k.ptr(&c)).Pointer()] = k.name
		}
	}
	code := make(map[string]bool)
	for _, f := range s.code {
		code[f.field] = true
	}
	v := reflect.ValueOf(&c).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		key := byAddress[v.Field(i).Addr().Pointer()]
		switch {
		case !f.IsExported():
		case key == "" && !code[f.Name]:
			t.Errorf("%T.%s has neither a key nor a reason why text can not hold it", c, f.Name)
		case key != "" && key != snake(f.Name):
			t.Errorf("%T.%s has the key %s, want %s", c, f.Name, key, snake(f.Name))
		}
		delete(code, f.Name)
	}
	for name := range code {
		t.Errorf("%T has no field %s", c, name)
	}
}

var (
	wordEnd  = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	acronyms = regexp.MustCompile(`([A-Z])([A-Z][a-z])`)
)

// snake is the key of a Go name: MaxHTTPConns is max_http_conns.
func snake(name string) string {
	name = strings.ReplaceAll(strings.ReplaceAll(name, "CAs", "Cas"), "IPv", "Ipv")
	return strings.ToLower(wordEnd.ReplaceAllString(acronyms.ReplaceAllString(name, "${1}_${2}"), "${1}_${2}"))
}

// full sets everything, so that the test of saving and reading leaves nothing out.
func TestFullIsFull(t *testing.T) {
	f := full()
	checkFull(t, "", reflect.ValueOf(f.Server), serverShape.code)
	checkFull(t, "Hosts[0].", reflect.ValueOf(f.Server.Hosts[0]), hostShape.code)
	checkFull(t, "Banner.", reflect.ValueOf(f.Server.Banner), bannerShape.code)
	checkFull(t, "Bindings[0].", reflect.ValueOf(f.Server.Bindings[0]), bindingShape.code)
	checkFull(t, "SendQueue.", reflect.ValueOf(f.Server.SendQueue), queueShape.code)
	checkFull(t, "Compression.", reflect.ValueOf(f.Server.Compression), compressionShape.code)
	checkFull(t, "Drain.", reflect.ValueOf(f.Server.Drain), drainShape.code)
	checkFull(t, "KeepAlive.", reflect.ValueOf(f.Server.KeepAlive), keepAliveShape.code)
	checkFull(t, "ClientVerify.", reflect.ValueOf(f.Server.ClientVerify), verifyShape.code)
	checkFull(t, "Forward.", reflect.ValueOf(*f.Server.Forward), targetShape.code)
	checkFull(t, "AutoBan.", reflect.ValueOf(f.Server.AutoBan), banShape.code)
	checkFull(t, "ACME.", reflect.ValueOf(*f.ACME), acmeShape.code)
}

func checkFull[C any](t *testing.T, path string, v reflect.Value, code []code[C]) {
	t.Helper()
	skip := make(map[string]bool)
	for _, f := range code {
		skip[f.field] = true
	}
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if v.Field(i).IsZero() && (!skip[name] || path == "Hosts[0]." && name == "WellKnown") {
			t.Errorf("%s%s is not set", path, name)
		}
	}
}

var update = flag.Bool("update", false, "write the tables of docs/configuration.md")

const page = "../docs/configuration.md"

// The tables of the page are those of the code: go test ./config -run Page -update.
func TestPageListsEveryKey(t *testing.T) { // H-51
	data, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(data), "\r\n", "\n")
	for name, rows := range tables() {
		begin, end := "<!-- "+name+": made by go test ./config -run Page -update -->\n", "<!-- end -->"
		before, rest, found := strings.Cut(text, begin)
		have, after, ended := strings.Cut(rest, end)
		if !found || !ended {
			t.Fatalf("%s has no place for %s", page, name)
		}
		want := markdown(rows)
		if have != want && !*update {
			t.Errorf("%s: the table %s is not up to date", page, name)
		}
		text = before + begin + want + end + after
	}
	if *update {
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// tables are the keys in the groups of the page.
func tables() map[string][]row {
	groups := make(map[string][]row)
	for _, r := range rootKeys.rows("") {
		group := "server"
		switch {
		case strings.HasPrefix(r.key, "hosts[]."):
			group, r.key = "hosts", strings.TrimPrefix(r.key, "hosts[].")
		case strings.HasPrefix(r.key, "acme."):
			group, r.key = "acme", strings.TrimPrefix(r.key, "acme.")
		case strings.Contains(r.key, ".TAG."):
			continue // the page says that they are those without a tag
		}
		groups[group] = append(groups[group], r)
	}
	return groups
}

func markdown(rows []row) string {
	var b strings.Builder
	b.WriteString("\n| key | value | means |\n| --- | --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", r.key, r.form, r.doc)
	}
	return b.String() + "\n"
}
