package client

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// MaxReturnHint is the longest time of a return hint.
const MaxReturnHint = 24 * time.Hour

// hintKey begins a return hint; hintSeparator is between it and the text before it.
const (
	hintKey       = "retry-after="
	hintSeparator = "; "
)

// WithReturnHint returns a close reason that ends with a hint when to come back, for a
// server that sends its clients away for a while:
//
//	server restarts; retry-after=12.5
//
// d is written in seconds with up to three decimals, rounded to milliseconds. More than
// [MaxReturnHint] is that; less than zero leaves the hint out. A hint that reason has is
// replaced. The text before it is cut on a rune boundary, so that the result has at most
// [MaxReason] bytes. [ReturnHint] reads it.
func WithReturnHint(reason string, d time.Duration) string {
	text := withoutHint(reason)
	if d < 0 {
		return withoutHint(CutReason(text)) // the cut may have made one
	}
	hint := hintKey + seconds(min(d.Round(time.Millisecond), MaxReturnHint))
	if text == "" {
		return hint
	}
	return cutTo(text, MaxReason-len(hintSeparator)-len(hint)) + hintSeparator + hint
}

// ReturnHint reads the hint at the end of a close reason: so long after the close the
// client is welcome again. It is strict. The hint is the whole reason or follows "; ";
// it is "retry-after=", whole seconds without leading zeros, and perhaps a point and one
// to three digits; from 0 to [MaxReturnHint]. Whatever else is no hint, and ok is false.
func ReturnHint(reason string) (d time.Duration, ok bool) {
	_, d, ok = cutHint(reason)
	return d, ok
}

func withoutHint(reason string) string {
	for {
		text, _, ok := cutHint(reason)
		if !ok {
			return reason
		}
		reason = text
	}
}

// cutTo shortens s to n bytes, on a rune boundary.
func cutTo(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// cutHint takes the hint off.
func cutHint(reason string) (text string, d time.Duration, ok bool) {
	i := strings.LastIndex(reason, hintKey)
	if i < 0 {
		return "", 0, false
	}
	text, ok = reason[:i], true
	if i > 0 {
		text, ok = strings.CutSuffix(text, hintSeparator)
	}
	if !ok {
		return "", 0, false
	}
	d, ok = parseSeconds(reason[i+len(hintKey):])
	return text, d, ok
}

// parseSeconds reads 1*5DIGIT [ "." 1*3DIGIT ].
func parseSeconds(s string) (time.Duration, bool) {
	whole, fraction, point := strings.Cut(s, ".")
	if len(whole) > 1 && whole[0] == '0' || point && fraction == "" {
		return 0, false
	}
	sec, ok := digits(whole, 5)
	if !ok {
		return 0, false
	}
	ms := 0
	if point {
		if ms, ok = digits(fraction, 3); !ok {
			return 0, false
		}
		for range 3 - len(fraction) {
			ms *= 10
		}
	}
	d := time.Duration(sec)*time.Second + time.Duration(ms)*time.Millisecond
	if d > MaxReturnHint {
		return 0, false
	}
	return d, true
}

// digits reads one to most digits.
func digits(s string, most int) (n int, ok bool) {
	if s == "" || len(s) > most {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = 10*n + int(s[i]-'0')
	}
	return n, true
}

// seconds writes whole milliseconds as seconds, without zeros at the end.
func seconds(d time.Duration) string {
	b := strconv.AppendInt(make([]byte, 0, 9), int64(d/time.Second), 10)
	if ms := int(d % time.Second / time.Millisecond); ms > 0 {
		b = append(b, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return string(b)
}
