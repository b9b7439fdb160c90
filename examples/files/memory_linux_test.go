package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// The program holds no file in memory, not even one that is one message (R-02, S-03).
func TestMemoryStaysFlat(t *testing.T) {
	const size, most = 64 << 20, 32 << 20
	p := start(t)
	ada := p.visit()
	before := p.peak()
	data := noise(size)
	ada.say(Note{Kind: "upload", Name: "a", Size: size})
	ada.gets("begin", size)
	ada.SendBinary(data)
	ada.gets("got", size)
	ada.say(Note{Kind: "done", SHA256: sum(data)})
	ada.gets("verified", size)
	ada.say(Note{Kind: "download", Name: "a", Whole: true})
	ada.gets("begin", size)
	if got := ada.data(); !bytes.Equal(got, data) {
		t.Error("another file came as one message")
	}
	ada.say(Note{Kind: "done", SHA256: sum(data)})
	ada.gets("verified", size)
	if got := ada.download("a"); !bytes.Equal(got, data) {
		t.Error("another file came in pieces")
	}
	ada.gets("verified", size)
	if grown := p.peak() - before; grown > most {
		t.Errorf("three times %d MiB, and memory has grown by %d MiB, more than %d", size>>20, grown>>20, most>>20)
	} else {
		t.Logf("memory has grown by %d KiB", grown>>10)
	}
}

// peak is the most memory that the program has had, in bytes.
func (p *program) peak() (bytes int64) {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(line, &bytes); err != nil {
		p.t.Fatal(err)
	}
	return bytes << 10
}
