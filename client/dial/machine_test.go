package dial

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/icsws/icsws/client"
)

// vector is one client of testdata/reconnect.json.
type vector struct {
	Name    string
	Options struct {
		MinWaitMs, MaxWaitMs, StableAfterMs, MaxHintMs int64
		Jitter                                         float64
		MaxAttempts                                    int
		StopCodes                                      *[]client.StatusCode
		StopStatuses                                   *[]int
		Reconnect                                      *bool
		HeaderFunc                                     bool
	}
	Steps []struct {
		Event        string
		Status       int
		RetryAfterMs int64
		Code         client.StatusCode
		Reason       string
		Remote       bool
		OpenMs       int64
		Random       float64
		Go           bool
		Want         struct {
			WaitMs int64
			Stop   string
		}
	}
}

func (v *vector) options() Options {
	ms := func(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
	o := Options{
		URL: "ws://server.example", MinWait: ms(v.Options.MinWaitMs), MaxWait: ms(v.Options.MaxWaitMs), Jitter: v.Options.Jitter,
		StableAfter: ms(v.Options.StableAfterMs), MaxHint: ms(v.Options.MaxHintMs), MaxAttempts: v.Options.MaxAttempts,
		NoReconnect: v.Options.Reconnect != nil && !*v.Options.Reconnect,
	}
	if v.Options.HeaderFunc {
		o.HeaderFunc = func(context.Context) (http.Header, error) { return nil, nil }
	}
	if l := v.Options.StopCodes; l != nil {
		o.StopCodes = *l
	}
	if l := v.Options.StopStatuses; l != nil {
		o.StopStatuses = *l
	}
	return o
}

// TestMachineFollowsTheVectors that the client for browsers is held to as well (D-05,
// D-08): when to come back, and when not.
func TestMachineFollowsTheVectors(t *testing.T) {
	b, err := os.ReadFile("../../testdata/reconnect.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Comment []string
		Vectors []vector
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		t.Fatal(err)
	}
	if len(file.Vectors) < 30 {
		t.Fatalf("%d vectors", len(file.Vectors))
	}
	stops := map[string]error{"disabled": ErrNoReconnect, "code": ErrNotAgain, "status": ErrNotAgain, "attempts": ErrAttempts}
	for _, v := range file.Vectors {
		t.Run(v.Name, func(t *testing.T) {
			o := v.options()
			if err := o.Validate(); err != nil {
				t.Fatal(err)
			}
			anew := o.anew()
			o = o.withDefaults()
			m := machine{o: &o, anew: anew}
			for i, s := range v.Steps {
				var got verdict
				switch s.Event {
				case "failed":
					got = m.failed(&DialError{HTTPStatus: s.Status, RetryAfter: time.Duration(s.RetryAfterMs) * time.Millisecond}, s.Random)
				case "closed":
					info := client.CloseInfo{Code: s.Code, Reason: s.Reason, Remote: s.Remote}
					got = m.closed(info, time.Duration(s.OpenMs)*time.Millisecond, s.Random)
				default:
					t.Fatalf("step %d: event %q", i, s.Event)
				}
				if want := (verdict{time.Duration(s.Want.WaitMs) * time.Millisecond, stops[s.Want.Stop]}); got != want {
					t.Errorf("step %d: %+v, want %+v", i, got, want)
				}
			}
		})
	}
}

// TestMachineAsksTheHook in place of the lists (D-05).
func TestMachineAsksTheHook(t *testing.T) {
	o := Options{URL: "ws://server.example", Jitter: -1}.withDefaults()
	var asked []client.CloseInfo
	again, works := true, true
	m := machine{o: &o, ask: func(i client.CloseInfo) (bool, bool) { asked = append(asked, i); return again, works }}
	if v := m.closed(client.CloseInfo{Code: 1008, Remote: true}, 0, 0); v.stop != nil {
		t.Errorf("1008 with a hook that wants more: %v", v.stop)
	}
	e := &DialError{HTTPStatus: 401}
	if v := m.failed(e, 0); v.stop != nil || v.wait != 200*time.Millisecond {
		t.Errorf("401 with a hook that wants more: %+v", v)
	}
	again = false
	if v := m.closed(client.CloseInfo{Code: 1000, Remote: true}, 0, 0); v.stop != ErrNotAgain {
		t.Errorf("a hook that wants no more: %v", v.stop)
	}
	if got, ok := errors.AsType[*DialError](asked[1].Cause); !ok || got != e || asked[1].Code != client.StatusAbnormal {
		t.Errorf("of the failed attempt it was told %v", asked[1])
	}
	works = false
	if v := m.closed(client.CloseInfo{Code: 1008, Remote: true}, 0, 0); v.stop != ErrNotAgain {
		t.Errorf("1008 with a hook that panics: %v", v.stop)
	}
	if v := m.closed(client.CloseInfo{Code: 1000, Remote: true}, 0, 0); v.stop != nil {
		t.Errorf("1000 with a hook that panics: %v", v.stop)
	}
}

// TestBackoffStaysWithinItsBounds whatever the options are (D-08).
func TestBackoffStaysWithinItsBounds(t *testing.T) {
	for _, w := range [][2]time.Duration{{time.Millisecond, time.Millisecond}, {time.Hour, 1 << 62}, {1, time.Second}, {time.Second, 24 * time.Hour}} {
		for _, jitter := range []float64{-1, 0.2, 1} {
			o := Options{URL: "ws://server.example", MinWait: w[0], MaxWait: w[1], Jitter: jitter}.withDefaults()
			m := machine{o: &o}
			last := time.Duration(0)
			for n := range 100 {
				low, high := m.backoff(n, 0), m.backoff(n, math.Nextafter(1, 0))
				if low < time.Millisecond || high > max(w[1], time.Millisecond) || low > high || high < last {
					t.Fatalf("%v, jitter %v: wait %d is from %v to %v after %v", w, jitter, n, low, high, last)
				}
				last = high
			}
		}
	}
}

// D-03, D-05: a token that had expired on its way is no reason to stop, one that is refused
// again is.
func TestFreshTokenAfter401(t *testing.T) {
	bubble(t, func(t *testing.T) {
		tokens, refuse := 0, 1
		var finals []bool
		var stop *StopInfo
		c := New(Options{URL: "ws://x", Proxy: NoProxy, Logger: quiet, Jitter: -1,
			HeaderFunc: func(context.Context) (http.Header, error) {
				tokens++
				return http.Header{"Authorization": {"Bearer t"}}, nil
			},
			Dial: func(context.Context, string, string) (net.Conn, error) {
				near, far := memPipe()
				text := switching()
				if tokens <= refuse {
					text = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
				}
				go func() { defer far.Close(); answer(far, text, nil) }()
				return near, nil
			},
		}, Handler{
			OnError: func(_ *Conn, e *DialError) { finals = append(finals, e.Final) },
			OnStop:  func(_ *Conn, s StopInfo) { stop = &s },
		})
		start(t, c)
		pass(time.Second)
		if c.State() != Open || tokens != 2 || len(finals) != 1 || finals[0] {
			t.Fatalf("after one 401 it is %v, tokens %d, %v", c.State(), tokens, finals)
		}
		_ = c.Stop(t.Context(), 0, "")
		tokens, refuse, finals = 0, 10, nil
		start(t, c)
		pass(time.Minute)
		if tokens != 2 || len(finals) != 2 || !finals[1] || stop.Local || !errors.Is(stop.Err, ErrNotAgain) {
			t.Errorf("after the second it has asked for %d tokens, %v, %+v", tokens, finals, stop)
		}
		<-c.Done()
	})
}
