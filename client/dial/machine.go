package dial

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/icsws/icsws/client"
)

// Why there is no further attempt, in [StopInfo].
var (
	// ErrNotAgain: the rule says no: Options.StopCodes, Options.StopStatuses, or
	// Options.ShouldReconnect.
	ErrNotAgain = errors.New("dial: the rule forbids another attempt")
	// ErrAttempts: Options.MaxAttempts were made in a row.
	ErrAttempts = errors.New("dial: too many failed attempts")
	// ErrNoReconnect: Options.NoReconnect is set.
	ErrNoReconnect = errors.New("dial: reconnection is off")
)

// machine decides whether and when to come back. One goroutine uses it at a time. The
// vectors of testdata/reconnect.json hold it and its twin in web/ to the same answers.
type machine struct {
	o        *Options
	ask      func(info client.CloseInfo) (again, ok bool) // Options.ShouldReconnect; nil without one
	anew     bool                                         // the next attempt may have another token
	refused  bool                                         // 401 since the last connection, under anew
	tries    int                                          // attempts since the last stable connection
	failures int                                          // of them that failed, and connections that were not stable
}

// verdict is what the machine says: wait so long, or stop for good.
type verdict struct {
	wait time.Duration
	stop error // nil: go on
}

// failed is told of an attempt that failed. random is from [0, 1).
func (m *machine) failed(e *DialError, random float64) verdict {
	info := client.CloseInfo{Code: client.StatusAbnormal, Remote: e.HTTPStatus != 0, Cause: e}
	final := e.Stage != StageProxy && slices.Contains(m.o.StopStatuses, e.HTTPStatus)
	if final && m.anew && !m.refused && e.HTTPStatus == http.StatusUnauthorized {
		m.refused, final = true, false
	}
	return m.judge(info, final, e.RetryAfter, random)
}

// closed is told of the end of a connection that was open for so long.
func (m *machine) closed(info client.CloseInfo, open time.Duration, random float64) verdict {
	m.refused = false
	if open >= m.o.StableAfter {
		m.failures, m.tries = 0, 0
	}
	hint := time.Duration(0)
	if info.Remote {
		hint, _ = client.ReturnHint(info.Reason)
	}
	return m.judge(info, info.Remote && slices.Contains(m.o.StopCodes, info.Code), hint, random)
}

// judge decides. final is what the lists say, which the hook replaces.
func (m *machine) judge(info client.CloseInfo, final bool, hint time.Duration, random float64) verdict {
	if m.o.NoReconnect {
		return verdict{stop: ErrNoReconnect}
	}
	if m.ask != nil {
		if again, ok := m.ask(info); ok {
			final = !again
		}
	}
	if final {
		return verdict{stop: ErrNotAgain}
	}
	failures := m.failures
	if m.failures++; m.o.MaxAttempts > 0 && m.failures >= m.o.MaxAttempts {
		return verdict{stop: ErrAttempts}
	}
	return verdict{wait: max(min(hint, m.o.MaxHint), 0) + m.backoff(failures, random)}
}

// backoff is the wait behind so many failures: exponential, and of that the share Jitter is
// random. It is whole milliseconds, reckoned as in web/.
func (m *machine) backoff(failures int, random float64) time.Duration {
	base := min(m.o.MinWait, m.o.MaxWait)
	for range failures {
		if base >= m.o.MaxWait {
			break
		}
		base = min(2*base, m.o.MaxWait)
	}
	ms, share := float64(base.Milliseconds()), max(m.o.Jitter, 0)
	wait := time.Duration(ms*(1-share) + ms*share*random)
	return max(wait, 1) * time.Millisecond
}
