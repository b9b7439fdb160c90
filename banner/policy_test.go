package banner

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"testing"
)

func TestZeroPolicyIsValidAndSilent(t *testing.T) {
	var p Policy
	if err := p.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	if p.Mode != HTTP503 {
		t.Errorf("Mode = %v, want HTTP503", p.Mode)
	}
	if text, _, _ := p.BusyClose(); p.Welcome != "" || text != "" {
		t.Errorf("Welcome = %q, busy text = %q; want none", p.Welcome, text)
	}
}

func TestWrongFieldsAreNamed(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy Policy
		fields []string
	}{
		{"welcome is not UTF-8", Policy{Welcome: "\xff"}, []string{"Welcome"}},
		{"too busy is not UTF-8", Policy{TooBusy: "a\xc3"}, []string{"TooBusy"}},
		{"mode unknown", Policy{Mode: 3}, []string{"Mode"}},
		{"limit negative", Policy{MaxClients: -1}, []string{"MaxClients"}},
		{"events without upgrade", Policy{NotifyHandlers: true}, []string{"NotifyHandlers", "Mode"}},
		{"events of a dropped client", Policy{NotifyHandlers: true, Mode: Drop}, []string{"NotifyHandlers", "Mode"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.policy.Validate()
			pe, ok := errors.AsType[*PolicyError](err)
			if !ok || !slices.Equal(pe.Fields, tt.fields) {
				t.Fatalf("Validate = %v, want the fields %v", err, tt.fields)
			}
			if g, err := NewGate(tt.policy); g != nil || err == nil {
				t.Errorf("NewGate = %v, %v; want the same error", g, err)
			}
		})
	}
}

func TestPolicyErrorReadsWell(t *testing.T) {
	err := Policy{NotifyHandlers: true}.Validate()
	want := "banner: NotifyHandlers, Mode: a client refused with mode http has no events"
	if err == nil || err.Error() != want {
		t.Errorf("Validate = %v, want %s", err, want)
	}
}

func TestEventsOfARefusedClientNeedTheUpgrade(t *testing.T) {
	p := Policy{NotifyHandlers: true, Mode: UpgradeThenClose, MaxClients: 1}
	if err := p.Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
}

func TestLimitBeyond31BitsIsRefused(t *testing.T) {
	if strconv.IntSize == 32 {
		t.Skip("an int has no more bits")
	}
	limit := math.MaxInt32
	if err := (Policy{MaxClients: limit}).Validate(); err != nil {
		t.Errorf("Validate = %v", err)
	}
	limit++
	if err := (Policy{MaxClients: limit}).Validate(); err == nil {
		t.Error("Validate = nil, want an error")
	}
}

func TestCloseCodesThatMayBeSent(t *testing.T) {
	valid := func(code int) bool {
		return code == 0 || code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 ||
			code >= 3000 && code <= 4999
	}
	for code := 0; code <= math.MaxUint16; code++ {
		err := Policy{Mode: UpgradeThenClose, CloseCode: uint16(code)}.Validate()
		if (err == nil) != valid(code) {
			t.Errorf("code %d: Validate = %v", code, err)
		}
	}
}

func TestModesHaveNames(t *testing.T) {
	for m, name := range map[Mode]string{HTTP503: "http", UpgradeThenClose: "close", Drop: "drop"} {
		if m.String() != name {
			t.Errorf("String = %q, want %q", m, name)
		}
		if got, err := ParseMode(name); got != m || err != nil {
			t.Errorf("ParseMode(%q) = %v, %v; want %v", name, got, err, m)
		}
	}
	if got := Mode(9).String(); got != "Mode(9)" {
		t.Errorf("String = %q", got)
	}
	for _, s := range []string{"", "HTTP", "503", "http "} {
		if _, err := ParseMode(s); err == nil {
			t.Errorf("ParseMode(%q) = nil, want an error", s)
		} else if pe, ok := errors.AsType[*PolicyError](err); !ok || !slices.Equal(pe.Fields, []string{"Mode"}) {
			t.Errorf("ParseMode(%q) = %v, want a *PolicyError of Mode", s, err)
		}
	}
}
