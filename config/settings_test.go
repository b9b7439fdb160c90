package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/icsws/icsws/wsserver"
)

// O-02: wsserver.ParseConfig knows every key of a file that is a single value of the
// server, and takes the same words for it.
func TestSettingsAsTextHaveTheKeysOfFiles(t *testing.T) {
	values := map[string]string{
		"true or false": "true", "time": "15s", "size": "64KiB", "text": "x", "path": "x", "path, or PEM text": "x", "list of texts": "a, b",
		`rate, such as 20/1m or "20/1m burst 5"`: "20/1m",
	}
	seen := 0
	for _, r := range rootKeys.rows("") {
		if strings.Contains(r.key, "[]") || strings.Contains(r.key, "TAG") || strings.HasPrefix(r.key, "acme") || r.form == "table of numbers" {
			continue
		}
		value, ok := values[r.form]
		words := []string{value}
		switch {
		case ok:
		case strings.HasPrefix(r.form, "number"):
			words = []string{"1"}
		case strings.HasPrefix(r.form, "a security level"):
			words = []string{"high", "high128"}
		default:
			words = strings.FieldsFunc(strings.ReplaceAll(r.form, " or ", ","), func(c rune) bool { return c == ',' || c == ' ' })
		}
		for _, word := range words {
			if r.key == "addr" {
				word = "127.0.0.1:80"
			}
			if _, err := wsserver.ParseConfig(map[string]string{r.key: word}); err != nil {
				if errors.Is(err, wsserver.ErrUnknownSetting) && strings.Contains(r.form, "network") {
					continue
				}
				t.Errorf("%s = %q (%s): %v", r.key, word, r.form, err)
			}
			seen++
		}
	}
	if seen < 80 {
		t.Errorf("only %d values were tried", seen)
	}
}
