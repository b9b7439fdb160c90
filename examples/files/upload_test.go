package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
)

func TestUploadIsKeptAndShown(t *testing.T) {
	for _, size := range []int{0, 1, piece, piece + 1, testLimit} {
		s := serve(t, nil)
		ada, files := s.visit(t)
		bob, _ := s.visit(t)
		if len(files) != 0 {
			t.Fatalf("an empty folder shows %v", files)
		}
		data := noise(size)
		ada.upload("a.bin", data)
		if got := ada.gets("verified", size); got.Name != "a.bin" || got.SHA256 != sum(data) {
			t.Errorf("%d bytes end with %+v", size, got)
		}
		s.holds(t, map[string][]byte{"a.bin": data})
		if n := len(s.shelf.taken); n != 0 { // the server has said its last word
			t.Errorf("%d names are still taken", n)
		}
		if files = bob.list(); len(files) != 1 || files[0].Name != "a.bin" || files[0].Size != int64(size) || files[0].SHA256 != sum(data) {
			t.Errorf("the list is %+v", files)
		}
	}
}

func TestUploadAsOneMessage(t *testing.T) {
	s := serve(t, nil)
	ada, _ := s.visit(t)
	data := noise(3 << 20)
	ada.say(Note{Kind: "upload", Name: "a.bin", Size: 3 << 20})
	ada.gets("begin", 3<<20)
	ada.SendFragments(client.Binary(data), 1, 0, 100_000, 1<<20)
	ada.gets("got", 3<<20)
	ada.say(Note{Kind: "done", SHA256: sum(data)})
	ada.gets("verified", 3<<20)
	s.holds(t, map[string][]byte{"a.bin": data})
}

func TestUploadNeverLeavesTheFolder(t *testing.T) {
	s := serve(t, map[string][]byte{"Taken.txt": []byte("old")})
	ada, _ := s.visit(t)
	outside, err := os.ReadDir(filepath.Dir(s.dir))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]byte{"Taken.txt": []byte("old")}
	for wish, name := range map[string]string{
		"../out.txt":             "_.._out.txt",
		"/tmp/absolute.txt":      "_tmp_absolute.txt",
		"nul\x00byte":            "nul_byte",
		"CON.txt":                "_CON.txt",
		strings.Repeat("n", 400): strings.Repeat("n", maxName),
		"Taken.txt":              "Taken (2).txt",
		"":                       "_",
	} {
		data := []byte(wish)
		if got := ada.upload(wish, data); strings.TrimPrefix(got, "_") != strings.TrimPrefix(name, "_") {
			t.Errorf("%q is called %q, want %q", wish, got, name)
		} else {
			want[got] = data
		}
		ada.gets("verified", len(data))
	}
	s.holds(t, want)
	if after, err := os.ReadDir(filepath.Dir(s.dir)); err != nil || len(after) != len(outside) {
		t.Errorf("beside the folder there are now %v, %v", after, err)
	}
}

func TestUploadsOfOneNameGetTwo(t *testing.T) {
	s := serve(t, nil)
	ada, _ := s.visit(t)
	bob, _ := s.visit(t)
	ada.say(Note{Kind: "upload", Name: "a.txt", Size: 3})
	ada.gets("begin", 3)
	if name := bob.upload("A.txt", []byte("bob")); name != "A (2).txt" { // systems differ on whether that is another one
		t.Errorf("the second is called %q", name)
	}
	bob.gets("verified", 3)
	ada.SendBinary([]byte("ada"))
	ada.gets("got", 3)
	ada.say(Note{Kind: "done", SHA256: sum([]byte("ada"))})
	ada.gets("verified", 3)
	s.holds(t, map[string][]byte{"a.txt": []byte("ada"), "A (2).txt": []byte("bob")})
}

func TestUploadThatFailsLeavesNothing(t *testing.T) {
	for _, tt := range []struct {
		name string
		size int64  // announced
		data string // sent
		sha  string
		kind string
		want error
	}{
		{"too large", testLimit + 1, "", "", "refused", ErrTooBig},
		{"more than announced", 3, "four", "", "failed", ErrTooMuch},
		{"less than announced", 5, "four", sum([]byte("four")), "failed", ErrTooFew},
		{"another SHA-256", 4, "four", sum([]byte("five")), "failed", ErrMismatch},
		{"no SHA-256", 4, "four", "", "failed", ErrMismatch},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, nil)
			ada, _ := s.visit(t)
			ada.say(Note{Kind: "upload", Name: "a.txt", Size: tt.size})
			if tt.kind == "failed" {
				ada.gets("begin", int(tt.size))
				ada.SendBinary([]byte(tt.data))
				if tt.want != ErrTooMuch {
					ada.gets("got", len(tt.data))
					ada.say(Note{Kind: "done", SHA256: tt.sha})
				}
			}
			ada.fails(tt.kind, tt.want)
			s.holds(t, nil)

			ada.SendBinary([]byte("what was still under way"))
			ada.upload("a.txt", []byte("again"))
			ada.gets("verified", 5)
			s.holds(t, map[string][]byte{"a.txt": []byte("again")})
		})
	}
}

func TestUploadIsCancelled(t *testing.T) {
	s := serve(t, nil)
	ada, _ := s.visit(t)
	ada.say(Note{Kind: "upload", Name: "a.txt", Size: 100})
	ada.gets("begin", 100)
	ada.SendBinary(noise(40))
	ada.gets("got", 40)
	ada.say(Note{Kind: "cancel"})
	ada.gets("cancelled", 0)
	s.holds(t, nil)
	ada.say(Note{Kind: "cancel"}) // too late: it has crossed the end
	if name := ada.upload("a.txt", []byte("again")); name != "a.txt" {
		t.Errorf("the name is still taken: %s", name)
	}
	ada.gets("verified", 5)
}

func TestUploadEndsWithItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, nil)
		ada, _ := s.visit(t)
		ada.say(Note{Kind: "upload", Name: "a.txt", Size: 100})
		ada.gets("begin", 100)
		ada.SendBinary(noise(40))
		ada.gets("got", 40)
		ada.Drop()
		synctest.Wait()
		s.holds(t, nil)
		bob, _ := s.visit(t)
		if name := bob.upload("a.txt", []byte("bob")); name != "a.txt" {
			t.Errorf("the name is still taken: %s", name)
		}
		bob.gets("verified", 3)
	})
}

func TestOneTransferAtATime(t *testing.T) {
	s := serve(t, map[string][]byte{"b.txt": []byte("b")})
	ada, _ := s.visit(t)
	ada.say(Note{Kind: "upload", Name: "a.txt", Size: 4})
	ada.gets("begin", 4)
	ada.say(Note{Kind: "upload", Name: "c.txt", Size: 4})
	ada.fails("refused", errBusy)
	ada.say(Note{Kind: "download", Name: "b.txt"})
	ada.fails("refused", errBusy)
	ada.SendBinary([]byte("four"))
	ada.gets("got", 4)
	ada.say(Note{Kind: "done", SHA256: sum([]byte("four"))})
	ada.gets("verified", 4)

	ada.say(Note{Kind: "download", Name: "b.txt"})
	ada.gets("begin", 1)
	ada.data()
	ada.say(Note{Kind: "upload", Name: "c.txt", Size: 4})
	ada.fails("refused", errBusy)
	ada.say(Note{Kind: "done", SHA256: sum([]byte("b"))})
	ada.gets("verified", 1)
}

// badDisk is a file that takes so many bytes and fails then, or does so at the end.
type badDisk struct {
	sink
	room int
	err  error // nil: a short write without one
	sync error
}

func (d *badDisk) Write(b []byte) (int, error) {
	if len(b) <= d.room {
		d.room -= len(b)
		return d.sink.Write(b)
	}
	n, _ := d.sink.Write(b[:d.room])
	return n, d.err
}

func (d *badDisk) Sync() error { return d.sync }

func TestTroubleWithTheDiskIsShown(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "/secret/place", Err: syscall.ENOSPC}
	for _, tt := range []struct {
		name string
		disk badDisk
		open error
		want string
	}{
		{"full while writing", badDisk{room: 3, err: full}, nil, syscall.ENOSPC.Error()},
		{"full at the end", badDisk{room: 100, sync: full}, nil, syscall.ENOSPC.Error()},
		{"short write", badDisk{room: 3}, nil, "trouble with the file"},
		{"no file at all", badDisk{}, &fs.PathError{Op: "open", Path: "/secret/place", Err: syscall.EACCES}, syscall.EACCES.Error()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, nil)
			good := s.shelf.create
			s.shelf.create = func(name string) (sink, error) {
				f, err := good(name)
				if tt.open != nil {
					f.Close()
					s.shelf.root.Remove(name)
					return nil, tt.open
				}
				tt.disk.sink = f
				return &tt.disk, err
			}
			ada, _ := s.visit(t)
			ada.say(Note{Kind: "upload", Name: "a.txt", Size: 5})
			kind := "refused"
			if tt.open == nil {
				kind = "failed"
				ada.gets("begin", 5)
				ada.SendBinary([]byte("hello"))
				if tt.disk.sync != nil {
					ada.gets("got", 5)
					ada.say(Note{Kind: "done", SHA256: sum([]byte("hello"))})
				}
			}
			got := ada.gets(kind, 0)
			if !strings.Contains(got.Why, tt.want) || strings.Contains(got.Why, "secret") {
				t.Errorf("the reason is %q, want %q", got.Why, tt.want)
			}
			s.holds(t, nil)
		})
	}
}

func TestNonsenseEndsTheConnection(t *testing.T) {
	s := serve(t, nil)
	for _, tt := range []struct {
		name, text string
		want       client.StatusCode
	}{
		{"not JSON", "upload a.txt", client.StatusPolicyViolation},
		{"another kind", `{"kind":"delete"}`, client.StatusPolicyViolation},
		{"a negative size", `{"kind":"upload","name":"a","size":-1}`, client.StatusPolicyViolation},
		{"too long", `{"kind":"upload","name":"` + strings.Repeat("a", maxNote) + `"}`, client.StatusMessageTooBig},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ada, _ := s.visit(t)
			ada.SendText(tt.text)
			if got := ada.CloseCode(); got != tt.want {
				t.Errorf("closed with %v, want %v", got, tt.want)
			}
		})
	}
	ada, _ := s.visit(t)
	for _, kind := range []string{"got", "done", "cancel"} { // out of place, but no harm
		ada.say(Note{Kind: kind})
	}
	note := Note{Kind: "upload", Name: "a.txt", Size: 0}.text()
	ada.SendFragments(client.Text(note), 1, 2, 3)
	ada.gets("begin", 0)
}
