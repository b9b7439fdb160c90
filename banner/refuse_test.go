package banner

import (
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestRefusalTellsWhenToComeBack(t *testing.T) {
	for _, tt := range []struct {
		retryAfter time.Duration
		want       string // "" = no header
	}{
		{0, "30"},
		{-1, ""},
		{-time.Hour, ""},
		{1, "1"},
		{time.Second, "1"},
		{time.Second + 1, "2"},
		{90*time.Second - 1, "90"},
		{time.Hour, "3600"},
		{math.MaxInt64, "9223372037"},
	} {
		_, h, _ := Policy{RetryAfter: tt.retryAfter}.Refusal()
		if got := h.Get("Retry-After"); got != tt.want {
			t.Errorf("RetryAfter %v: header %q, want %q", tt.retryAfter, got, tt.want)
		}
		if _, ok := h["Retry-After"]; ok != (tt.want != "") {
			t.Errorf("RetryAfter %v: header there = %v", tt.retryAfter, ok)
		}
	}
}

func TestRefusalIsPlainText(t *testing.T) {
	status, h, body := Policy{}.Refusal()
	if status != http.StatusServiceUnavailable || body != busyBody {
		t.Errorf("Refusal = %d, %q", status, body)
	}
	if h.Get("Content-Type") != "text/plain; charset=utf-8" || h.Get("Cache-Control") != "no-store" || len(h) != 3 {
		t.Errorf("header = %v", h)
	}
	h.Set("Retry-After", "changed")
	if _, again, _ := (Policy{}).Refusal(); again.Get("Retry-After") != "30" {
		t.Error("two refusals share a header")
	}
	if _, _, body := (Policy{TooBusy: "später"}).Refusal(); body != "später" {
		t.Errorf("body = %q, want TooBusy", body)
	}
}

func TestRefuseHTTPWritesTheRefusal(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Server", "icsws")
	w.Header().Set("Content-Type", "application/json")
	p := Policy{TooBusy: "try later", RetryAfter: 5 * time.Second}
	p.RefuseHTTP(w)
	got := w.Result()
	if got.StatusCode != 503 || w.Body.String() != "try later" {
		t.Errorf("answer = %d %q", got.StatusCode, w.Body)
	}
	for name, want := range map[string]string{
		"Retry-After":   "5",
		"Content-Type":  "text/plain; charset=utf-8",
		"Cache-Control": "no-store",
		"Server":        "icsws",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s = %q, want %q", name, got.Header.Get(name), want)
		}
	}
}

func TestBusyCloseSaysTextCodeAndReason(t *testing.T) {
	for _, tt := range []struct {
		policy Policy
		text   string
		code   uint16
	}{
		{Policy{}, "", 1013},
		{Policy{TooBusy: "try later"}, "try later", 1013},
		{Policy{TooBusy: "try later", CloseCode: 4001}, "try later", 4001},
	} {
		text, code, reason := tt.policy.BusyClose()
		if text != tt.text || code != tt.code || reason != "too many clients" {
			t.Errorf("%+v: BusyClose = %q, %d, %q", tt.policy, text, code, reason)
		}
	}
}
