package admit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrRate: a text is not a [Rate].
var ErrRate = errors.New(`admit: want a rate such as "20/1m" or "20/1m burst 5"`)

// ParseRate reads what Rate.String writes, and shorter forms: "20/1m", "20/s",
// "20/1m burst 5", "none"; the empty text is none too. The error wraps [ErrRate].
func ParseRate(s string) (Rate, error) {
	if s == "" || s == "none" {
		return Rate{}, nil
	}
	text, burst, hasBurst := strings.Cut(s, " burst ")
	count, per, _ := strings.Cut(text, "/")
	var r Rate
	var err error
	if r.Count, err = strconv.Atoi(count); err != nil || r.Count <= 0 {
		return Rate{}, badRate(s)
	}
	if per != "" && (per[0] < '0' || per[0] > '9') && per[0] != '.' {
		per = "1" + per
	}
	if r.Per, err = time.ParseDuration(per); err != nil || r.Per <= 0 {
		return Rate{}, badRate(s)
	}
	if hasBurst {
		if r.Burst, err = strconv.Atoi(burst); err != nil || r.Burst <= 0 {
			return Rate{}, badRate(s)
		}
	}
	if err := r.check(); err != nil {
		return Rate{}, fmt.Errorf("%w: %q: %w", ErrRate, s, err)
	}
	return r, nil
}

func badRate(s string) error { return fmt.Errorf("%w: %q", ErrRate, s[:min(len(s), 100)]) }
