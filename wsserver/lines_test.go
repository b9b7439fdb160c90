package wsserver_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/icsws/icsws/client"
	"github.com/icsws/icsws/client/clienttest"
	"github.com/icsws/icsws/wsserver"
)

// stable are the keys of the lines of a server, by message. A change of them is a change
// of behaviour.
var stable = map[string]string{
	"starting":         "go procs driver hosts max_clients max_pending max_http_conns max_message_size queue_bytes memory_budget descriptors memory",
	"configuration":    "code setting text advice",
	"listening":        "binding addr tls",
	"refused":          "code reason status text setting remote binding host err left_out",
	"handshake failed": "event code err left_out",
	"event failed":     "code conn remote host event err left_out",
	"panic":            "code event conn value stack left_out",
	"messages dropped": "code conn remote host reason messages bytes since left_out",
	"disconnected":     "code conn remote host status text remote_close cause unsent left_out",
	"server error":     "code op binding addr err left_out",
	"http":             "err left_out",
}

// jsonLines reads what a JSON handler has written.
func jsonLines(t *testing.T, b *logbook) (lines []map[string]any, keys [][]string) {
	t.Helper()
	order := regexp.MustCompile(`"([a-z_]+)":`)
	for _, text := range b.lines() {
		var line map[string]any
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		var own []string
		for _, m := range order.FindAllStringSubmatch(text, -1) {
			if _, top := line[m[1]]; top && m[1] != "time" && m[1] != "level" && m[1] != "msg" {
				own = append(own, m[1])
			}
		}
		lines, keys = append(lines, line), append(keys, own)
	}
	return lines, keys
}

// O-01: whatever happens, a line has the keys of its message, and a code that is
// explained.
func TestEveryLineHasItsStableKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := &desk{}, logbook{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			switch r.URI.Path {
			case "/reject":
				return nil, &client.RejectError{Status: 401}
			case "/fail":
				return nil, errors.New("no database")
			case "/panic":
				panic("in NewClient")
			}
			return d.guest(), nil
		}
		d.message = func(g *guest, m client.Message) error {
			switch string(m.Data) {
			case "fail":
				return errors.New("disk full")
			case "panic":
				panic("in OnMessage")
			case "flood":
				_ = g.SetSendQueue(client.SendQueue{MaxBytes: 1000, Policy: client.QueueDropNewest})
				for range 200 {
					_ = g.SendBinary(make([]byte, 900))
				}
			}
			return nil
		}
		srv := newServer(t, d, wsserver.Config{
			Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Events: wsserver.Events{OnBgException: func(wsserver.PanicInfo) bool { panic("once more") }},
		})
		failing := newFailing()
		serveOn(t, srv, failing, srv.Serve)
		l := failing.Listener
		failing.errs <- tooMany()
		for _, path := range []string{"/reject", "/fail", "/panic"} {
			clienttest.TryDial(t, l, path)
		}
		clienttest.TryDial(t, l, "/", clienttest.DialOptions{Origin: "https://evil.example"})
		for _, text := range []string{"fail", "panic", "flood"} {
			p := clienttest.Dial(t, l, "/")
			if text == "flood" {
				p.Pause()
			}
			p.SendText(text)
			time.Sleep(time.Second)
			p.Drop()
		}
		time.Sleep(time.Minute)
		synctest.Wait()

		lines, keys := jsonLines(t, &log)
		seen := make(map[string]int)
		for i, line := range lines {
			msg := fmt.Sprint(line["msg"])
			seen[msg]++
			if want, ok := stable[msg]; !ok || strings.Join(keys[i], " ") != want {
				t.Errorf("the line %q has the keys %q, want %q", msg, keys[i], want)
			}
			if code, ok := line["code"].(string); ok {
				if _, known := wsserver.Explain(code); !known {
					t.Errorf("the line %q has the code %q, which is not explained", msg, code)
				}
			}
		}
		for _, msg := range []string{"refused", "handshake failed", "event failed", "panic", "messages dropped", "disconnected", "server error"} {
			if seen[msg] == 0 {
				t.Errorf("there is no line %q among %v", msg, seen)
			}
		}
	})
}

// O-01: the start says what the server runs with, once.
func TestStartIsToldOnce(t *testing.T) {
	var log logbook
	srv := newServer(t, &desk{}, wsserver.Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.NewJSONHandler(&log, nil)), MaxMessageSize: 1 << 29})
	for range 2 {
		if err := srv.Listen(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := srv.StopListening(); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(log.lines(`"msg":"starting"`, `"max_message_size":536870912`)); n != 1 {
		t.Errorf("%d lines in\n%s", n, log.lines())
	}
	if told, listed := len(log.lines(`"msg":"configuration"`)), len(srv.Warnings()); told != listed {
		t.Errorf("%d warnings are logged, %d listed", told, listed)
	}
	_, keys := jsonLines(t, &log)
	if got := strings.Join(keys[0], " "); got != stable["starting"] {
		t.Errorf("the keys are %q", got)
	}
}

// O-01: what a peer can cause again and again does not fill the log, and what was left
// out is told.
func TestFloodsOfEveryKindAreSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := &desk{}, logbook{}
		d.newClient = func(r *client.OpenRequest) (*guest, error) {
			switch r.URI.Path {
			case "/fail":
				return nil, errors.New("no database")
			case "/panic":
				panic("in NewClient")
			}
			return d.guest(), nil
		}
		d.message = func(*guest, client.Message) error { return errors.New("disk full") }
		srv := newServer(t, d, wsserver.Config{Logger: log.logger()})
		l := serve(t, srv)
		const flood = 150
		for range flood {
			clienttest.TryDial(t, l, "/fail")
			clienttest.TryDial(t, l, "/panic")
			p := clienttest.Dial(t, l, "/")
			p.SendText("x")
			p.ReceiveClose()
			p.WaitEnd()
		}
		synctest.Wait()
		for msg, most := range map[string]int{"handshake failed": 100, "event failed": 100, "msg=panic": 10, "msg=disconnected": 100} {
			before := len(log.lines(msg))
			if before > most || before == 0 {
				t.Errorf("%d lines of %q in a moment, want at most %d", before, msg, most)
			}
		}
		time.Sleep(2 * time.Second)
		clienttest.TryDial(t, l, "/fail")
		clienttest.TryDial(t, l, "/panic")
		p := clienttest.Dial(t, l, "/")
		p.SendText("x")
		p.WaitEnd()
		synctest.Wait()
		for msg, left := range map[string]int{"handshake failed": flood - 100, "event failed": flood - 100, "msg=panic": flood - 10, "msg=disconnected": flood - 100} {
			if n := len(log.lines(msg, fmt.Sprintf("left_out=%d\n", left))); n != 1 {
				t.Errorf("%d lines of %q tell of %d that were left out", n, msg, left)
			}
		}
		if st := srv.Stats(); st.Panics != flood+1 || st.Errors != 2*flood+2 || st.Closed["close/event-error"] != flood+1 {
			t.Errorf("counted are %d panics, %d errors, %v", st.Panics, st.Errors, st.Closed)
		}
	})
}

// O-01: what net/http has to say of its peers is in the log, at the level of details.
func TestLinesOfTheHTTPSideAreSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log logbook
		srv := newServer(t, &desk{}, wsserver.Config{Logger: log.logger(), HTTP: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			w.WriteHeader(200) // about which net/http complains
		})})
		l := serve(t, srv)
		for range 120 {
			conn, err := l.Dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
			for b := make([]byte, 1024); err == nil; {
				_, err = conn.Read(b)
			}
			conn.Close()
		}
		synctest.Wait()
		if n := len(log.lines("level=DEBUG", "msg=http ", "superfluous")); n != 100 {
			t.Errorf("%d lines of the HTTP side, want 100", n)
		}
	})
}
