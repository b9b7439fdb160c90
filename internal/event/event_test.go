package event

import (
	"errors"
	"io"
	"testing"
)

func TestDoReturnsErrorOrPanic(t *testing.T) {
	if err := Do(Func(func() error { return io.EOF })); err != io.EOF {
		t.Errorf("Do = %v, want EOF", err)
	}
	err := Call(func() { panic("boom") })
	var p *Panic
	if !errors.As(err, &p) || p.Value != "boom" || len(p.Stack) == 0 || p.Error() != "panic: boom" {
		t.Errorf("Call = %#v, want a *Panic with value and stack", err)
	}
}

func TestInsideFindsTheFrameHoweverDeep(t *testing.T) {
	if Inside() {
		t.Error("Inside = true outside of an event")
	}
	var deep func(n int) bool
	deep = func(n int) bool {
		if n == 0 {
			return Inside()
		}
		return deep(n-1) && n > 0
	}
	_ = Call(func() {
		if !deep(0) || !deep(500) {
			t.Error("Inside = false in an event")
		}
		other := make(chan bool)
		go func() { other <- Inside() }()
		if <-other {
			t.Error("Inside = true on another goroutine that an event started")
		}
	})
}

type counter int

func (c *counter) Run() error { *c++; return nil }

func TestDoDoesNotAllocate(t *testing.T) {
	var c counter
	if n := testing.AllocsPerRun(100, func() { _ = Do(&c) }); n != 0 {
		t.Errorf("Do allocates %v times a call", n)
	}
}

func BenchmarkDo(b *testing.B) {
	var c counter
	b.ReportAllocs()
	for b.Loop() {
		_ = Do(&c)
	}
}
