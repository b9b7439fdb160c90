//go:build unix

// melody serves the paths with github.com/olahol/melody as it comes; only its
// message limit of 512 bytes is raised. Rooms are BroadcastFilter by path, as in its
// example with several rooms, and a tick writes to each of Sessions. It has every message in memory as a whole,
// a file too, and no context takeover.
package main

import (
	"bytes"
	"log"
	"net/http"
	"os"
	"strconv"

	"github.com/olahol/melody"

	"github.com/icsws/icsws/bench/internal/peer"
)

func newMelody(o peer.Options) *melody.Melody {
	m := melody.New()
	m.Config.MaxMessageSize = peer.MaxMessage
	m.Upgrader.CheckOrigin = func(*http.Request) bool { return true }
	m.Upgrader.EnableCompression = o.Compress == peer.Message
	return m
}

func handler(m *melody.Melody) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { _ = m.HandleRequest(w, r) }
}

func main() {
	o := peer.Parse()
	if o.Compress == peer.Context {
		log.Fatal("melody has no context takeover")
	}
	echo, hub := newMelody(o), newMelody(o)
	echo.HandleMessage(func(s *melody.Session, p []byte) { _ = s.Write(p) })
	echo.HandleMessageBinary(func(s *melody.Session, p []byte) { _ = s.WriteBinary(p) })
	hub.HandleMessage(func(_ *melody.Session, p []byte) { _ = hub.Broadcast(p) })
	hub.HandleMessageBinary(func(_ *melody.Session, p []byte) { _ = hub.BroadcastBinary(p) })
	rooms, game := newMelody(o), newMelody(o)
	rooms.HandleMessage(func(s *melody.Session, p []byte) {
		_ = rooms.BroadcastFilter(p, func(to *melody.Session) bool {
			return to.Request.URL.Path == s.Request.URL.Path
		})
	})
	go peer.RunTicks(func(w *peer.TickWriter) { tick(game, w) })
	download, upload := newMelody(o), newMelody(o)
	download.HandleMessage(func(s *melody.Session, _ []byte) {
		p, err := os.ReadFile(o.Sends)
		if err != nil {
			log.Print(err)
			return
		}
		_ = s.WriteBinary(p)
	})
	upload.Config.MaxMessageSize = peer.MaxReceive
	upload.HandleMessageBinary(func(s *melody.Session, p []byte) { _ = s.Write(strconv.AppendInt(nil, int64(len(p)), 10)) })
	o.Serve(peer.Handlers{
		Echo: handler(echo), Broadcast: handler(hub), Room: handler(rooms), Tick: handler(game),
		File: handler(download), Receive: handler(upload),
	}.Mux())
}

func tick(game *melody.Melody, w *peer.TickWriter) {
	players, err := game.Sessions()
	if err != nil {
		return
	}
	for _, s := range players {
		for range peer.TickMessages {
			_ = s.Write(bytes.Clone(w.Next())) // it keeps what it is given
		}
	}
}
