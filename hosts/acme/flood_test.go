package acme

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/hosts"
)

// ailing is a storage that can not be read.
type ailing struct{ *memory }

func (ailing) Load(context.Context, string) ([]byte, error) { return nil, errors.New("down") }

// H-39, O-20: whoever asks for answers to checks while the storage is down does not fill the
// log.
func TestChecksDoNotFillTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		i := newIssuer(t, nil, func(c *Config) {
			c.Storage, c.Logger = ailing{newMemory()}, slog.New(slog.NewTextHandler(&out, nil))
		})
		i.orders.Store(newOrders([]hosts.Order{{Names: []string{"a.example"}}}))
		for range 1000 {
			if _, ok := ask(i, http.MethodGet, "a.example", challengePath+token); ok {
				t.Fatal("answered")
			}
		}
		time.Sleep(time.Second)
		ask(i, http.MethodGet, "a.example", challengePath+token)
		if n := strings.Count(out.String(), "\n"); n != 2 || !strings.Contains(out.String(), "left_out=999") {
			t.Errorf("%d lines:\n%.500s", n, out.String())
		}
	})
}
