//go:build unix

// melody serves the two paths with github.com/olahol/melody as it comes; only its
// message limit of 512 bytes is raised. It has no context takeover.
package main

import (
	"log"
	"net/http"

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
	o.Serve(peer.Mux(handler(echo), handler(hub)))
}
