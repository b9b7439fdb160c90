package main

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
)

// Guest is what the classes of all hosts have in common. A class embeds it as it would
// client.Base, which is inside.
type Guest struct {
	client.Base
	house *house
}

// atWS accepts WebSockets at /ws.
func atWS(r *client.OpenRequest) error {
	if r.URI.Path != "/ws" {
		return r.Reject(http.StatusNotFound, "the WebSocket is at /ws")
	}
	return nil
}

// present tells the guest about its connection.
func (g *Guest) present() error { return g.SendText(message("facts", g.facts())) }

// Clock is the class of the clock: it only listens.
type Clock struct{ Guest }

func (c *Clock) welcome() error { return c.present() }

// OnMessage refuses to talk.
func (c *Clock) OnMessage(client.Message) error {
	return &client.CloseError{Code: client.StatusPolicyViolation, Reason: "a clock does not listen"}
}

// Dice is the class of the dice.
type Dice struct {
	Guest
	rolls int
}

func (d *Dice) welcome() error { return d.present() }

// OnMessage rolls, whatever is said.
func (d *Dice) OnMessage(client.Message) error {
	d.rolls++
	return d.SendText(message("roll", []int{d.rolls, 1 + rand.IntN(6), 1 + rand.IntN(6)}))
}

// Vault is the class of the vault: it keeps one note as long as its guest stays.
type Vault struct {
	Guest
	note string
}

func (v *Vault) welcome() error { return v.present() }

// OnMessage keeps the note, and tells how long it is.
func (v *Vault) OnMessage(m client.Message) error {
	if m.Op != client.OpText {
		return &client.CloseError{Code: client.StatusUnsupportedData, Reason: "a note is text"}
	}
	v.note = strings.TrimSpace(string(m.Data))
	return v.SendText(message("kept", utf8.RuneCountInString(v.note)))
}
