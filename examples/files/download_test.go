package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/icsws/icsws/client"
)

func TestDownloadInPieces(t *testing.T) {
	files := map[string][]byte{"empty": nil, "one": {1}, "piece": noise(piece), "more": noise(piece + 1), "large": noise(3 << 20)}
	s := serve(t, files)
	ada, list := s.visit(t)
	if len(list) != len(files) {
		t.Errorf("the list is %+v", list)
	}
	for name, data := range files {
		if got := ada.download(name); !bytes.Equal(got, data) {
			t.Errorf("%s came as %d other bytes", name, len(got))
		}
		if got := ada.gets("verified", len(data)); got.SHA256 != sum(data) || got.Name != name {
			t.Errorf("%s ends with %+v", name, got)
		}
	}
}

func TestDownloadAsOneMessage(t *testing.T) { // S-03
	files := map[string][]byte{"empty": nil, "large": noise(3 << 20)}
	s := serve(t, files)
	ada, _ := s.visit(t)
	for name, data := range files {
		ada.say(Note{Kind: "download", Name: name, Whole: true})
		if begin := ada.gets("begin", len(data)); begin.SHA256 != sum(data) {
			t.Errorf("%s begins with %+v", name, begin)
		}
		got := ada.data()
		if !bytes.Equal(got, data) {
			t.Errorf("%s came as %d other bytes", name, len(got))
		}
		ada.say(Note{Kind: "done", SHA256: sum(got)})
		ada.gets("verified", len(data))
	}
}

func TestNoMoreThanTheWindowIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, map[string][]byte{"a": noise((window + 5) * piece)})
		ada, _ := s.visit(t)
		ada.say(Note{Kind: "download", Name: "a"})
		ada.gets("begin", (window+5)*piece)
		synctest.Wait()
		if got := len(ada.Received()); got != window {
			t.Fatalf("%d pieces came without an answer, want %d", got, window)
		}
		for range 3 {
			ada.say(Note{Kind: "got"})
		}
		synctest.Wait()
		if got := len(ada.Received()); got != 3 {
			t.Errorf("%d pieces came for three answers", got)
		}
		for range 100 { // more than are due
			ada.say(Note{Kind: "got"})
		}
		synctest.Wait()
		if got := len(ada.Received()); got != 2 {
			t.Errorf("%d pieces came at the end", got)
		}
	})
}

func TestCancelledDownloadLeavesTheConnection(t *testing.T) {
	s := serve(t, map[string][]byte{"large": noise((window + 5) * piece), "small": []byte("small")})
	ada, _ := s.visit(t)
	ada.say(Note{Kind: "download", Name: "large"})
	ada.gets("begin", (window+5)*piece)
	for range window {
		ada.data()
	}
	ada.say(Note{Kind: "cancel"})
	ada.gets("cancelled", 0)
	if got := string(ada.download("small")); got != "small" {
		t.Errorf("then %q came", got)
	}
	ada.gets("verified", 5)

	ada.say(Note{Kind: "download", Name: "small"})
	ada.gets("begin", 5)
	ada.data()
	ada.say(Note{Kind: "cancel"}) // it has all, and does not say so
	ada.gets("cancelled", 0)
}

func TestCancelledMessageEndsTheConnection(t *testing.T) { // S-14
	synctest.Test(t, func(t *testing.T) {
		s := serve(t, map[string][]byte{"large": noise(testLimit)})
		ada, _ := s.visit(t)
		ada.Pause() // so that it can not become whole
		ada.say(Note{Kind: "download", Name: "large", Whole: true})
		synctest.Wait()
		ada.say(Note{Kind: "cancel"})
		synctest.Wait()
		ada.Resume()
		if got := ada.CloseCode(); got != client.StatusInternalError {
			t.Errorf("closed with %v", got)
		}
	})
}

func TestDownloadOfWhatIsNotThere(t *testing.T) {
	s := serve(t, map[string][]byte{"a": []byte("a"), "gone": []byte("gone"), ".hidden": []byte("x")})
	if err := os.Symlink("/etc/hostname", filepath.Join(s.dir, "link")); err != nil {
		t.Logf("without a link: %v", err)
	}
	if err := os.Remove(filepath.Join(s.dir, "gone")); err != nil {
		t.Fatal(err)
	}
	ada, _ := s.visit(t)
	for _, name := range []string{"b", "", ".", "..", "../a", "./a", "/etc/hostname", ".hidden", "link", "a\x00", "gone"} {
		ada.say(Note{Kind: "download", Name: name})
		ada.fails("refused", ErrGone)
	}
}

func TestDownloadOfAFileThatHasChangedFails(t *testing.T) {
	s := serve(t, map[string][]byte{"shorter": noise(2*piece + 5), "another": []byte("one")})
	for name, data := range map[string][]byte{"shorter": noise(piece + 5), "another": []byte("two")} {
		if err := os.WriteFile(filepath.Join(s.dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ada, _ := s.visit(t)
	ada.say(Note{Kind: "download", Name: "shorter"})
	ada.gets("begin", 2*piece+5)
	ada.data()
	ada.data()
	if got := ada.gets("failed", 0); got.Why == "" {
		t.Error("it fails without a reason")
	}
	ada.download("another")
	ada.fails("failed", ErrMismatch)
}

func TestTwoAtOnceDoNotDisturbEachOther(t *testing.T) {
	theirs := noise(5 * piece)
	s := serve(t, map[string][]byte{"theirs": theirs})
	ada, _ := s.visit(t)
	bob, _ := s.visit(t)
	mine := noise(5*piece - 1)
	ada.say(Note{Kind: "upload", Name: "mine", Size: int64(len(mine))})
	bob.say(Note{Kind: "download", Name: "theirs"})
	ada.gets("begin", len(mine))
	bob.gets("begin", len(theirs))
	var got []byte
	for at := 0; at < len(mine); at += piece {
		ada.SendBinary(mine[at:min(at+piece, len(mine))])
		got = append(got, bob.data()...)
		bob.say(Note{Kind: "got", Size: int64(len(got))})
		ada.gets("got", min(at+piece, len(mine)))
	}
	ada.say(Note{Kind: "done", SHA256: sum(mine)})
	bob.say(Note{Kind: "done", SHA256: sum(got)})
	ada.gets("verified", len(mine))
	bob.gets("verified", len(theirs))
	s.holds(t, map[string][]byte{"mine": mine, "theirs": theirs})
}
