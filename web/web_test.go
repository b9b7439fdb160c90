package web

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(method, ifNoneMatch string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/any/where.js", nil)
	if ifNoneMatch != "" {
		r.Header.Set("If-None-Match", ifNoneMatch)
	}
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func TestScriptIsServed(t *testing.T) {
	w := ask(http.MethodGet, "")
	if w.Code != http.StatusOK || w.Body.String() != Script() {
		t.Fatalf("got %d with %d bytes, want the script's %d", w.Code, w.Body.Len(), len(Script()))
	}
	for name, want := range map[string]string{
		"Content-Type":           "text/javascript; charset=utf-8",
		"Cache-Control":          "no-cache",
		"X-Content-Type-Options": "nosniff",
	} {
		if got := w.Header().Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestScriptIsFetchedOnce(t *testing.T) {
	tag := ask(http.MethodGet, "").Header().Get("ETag")
	if len(tag) != 34 || strings.Trim(tag, `"`) == tag {
		t.Fatalf("ETag %s", tag)
	}
	if w := ask(http.MethodGet, tag); w.Code != http.StatusNotModified || w.Body.Len() != 0 {
		t.Errorf("with its ETag: %d, %d bytes", w.Code, w.Body.Len())
	}
	if w := ask(http.MethodGet, `"other"`); w.Code != http.StatusOK {
		t.Errorf("with another ETag: %d", w.Code)
	}
}

func TestMethods(t *testing.T) {
	if w := ask(http.MethodHead, ""); w.Code != http.StatusOK || w.Body.Len() != 0 || w.Header().Get("ETag") == "" {
		t.Errorf("HEAD: %d, %d bytes", w.Code, w.Body.Len())
	}
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
		w := ask(method, "")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
}

// What docs/browser.md promises; ci/browser.sh measures what gzip -9 of zlib makes.
func TestScriptIsSmallAndComplete(t *testing.T) {
	var packed bytes.Buffer
	z, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	_, _ = z.Write([]byte(Script()))
	_ = z.Close()
	if packed.Len() >= 4096 {
		t.Errorf("%d bytes after gzip", packed.Len())
	}
	for _, name := range []string{"Socket", "Backoff", "returnHint"} {
		if !strings.Contains(Script(), " as "+name) {
			t.Errorf("%s is not exported", name)
		}
	}
	for _, outside := range []string{"http:", "https:", "import", "eval"} {
		if strings.Contains(Script(), outside) {
			t.Errorf("it has %q", outside)
		}
	}
}

// The types that stand beside the script are of the same make.
func TestTypesAreThere(t *testing.T) {
	b, err := os.ReadFile("dist/icsws.d.ts")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"class Socket ", "class Backoff ", "function returnHint("} {
		if !bytes.Contains(b, []byte("export declare "+name)) {
			t.Errorf("no %s", name)
		}
	}
}
