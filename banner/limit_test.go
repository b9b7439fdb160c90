package banner

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// busy returns a handler whose gate is full.
func busy(t *testing.T, p Policy) http.Handler {
	t.Helper()
	p.MaxClients = 1
	g := newGate(t, p)
	enter(t, g, 1)
	return g.Limit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a client over the limit reached the handler")
	}))
}

func TestLimitHoldsAPlaceWhileServing(t *testing.T) {
	g := newGate(t, Policy{MaxClients: 1})
	var inner *httptest.ResponseRecorder
	var h http.Handler
	h = g.Limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if g.Count() != 1 {
			t.Errorf("Count inside = %d, want 1", g.Count())
		}
		inner = httptest.NewRecorder()
		h.ServeHTTP(inner, r) // a second one meanwhile
	}))
	outer := httptest.NewRecorder()
	h.ServeHTTP(outer, httptest.NewRequest("GET", "/", nil))
	if outer.Code != 200 || inner.Code != 503 {
		t.Errorf("first = %d, second = %d; want 200, 503", outer.Code, inner.Code)
	}
	if g.Count() != 0 {
		t.Errorf("Count = %d, want 0", g.Count())
	}
}

func TestLimitGivesThePlaceBackAfterAPanic(t *testing.T) {
	g := newGate(t, Policy{MaxClients: 1})
	h := g.Limit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("handler") }))
	func() {
		defer func() {
			if recover() != "handler" {
				t.Error("the panic did not reach the server")
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
	if g.Count() != 0 {
		t.Errorf("Count = %d, want 0", g.Count())
	}
}

func TestLimitAnswersInHTTP(t *testing.T) {
	for _, mode := range []Mode{HTTP503, UpgradeThenClose} {
		w := httptest.NewRecorder()
		busy(t, Policy{Mode: mode, TooBusy: "try later"}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 503 || w.Body.String() != "try later" {
			t.Errorf("%v: answer = %d %q", mode, w.Code, w.Body)
		}
	}
}

func TestLimitDropsWithoutAWord(t *testing.T) {
	srv := httptest.NewServer(busy(t, Policy{Mode: Drop, TooBusy: "try later"}))
	defer srv.Close()
	defer srv.Client().CloseIdleConnections()
	resp, err := srv.Client().Get(srv.URL)
	if err == nil {
		resp.Body.Close()
		t.Errorf("answer = %s, want none", resp.Status)
	}
}
