package hosts

import (
	"crypto/rand"
	"crypto/tls"
	"slices"
	"time"
)

const (
	ticketRotation = 24 * time.Hour     // a key makes tickets that long
	ticketLife     = 7 * 24 * time.Hour // and reads them that long (RFC 8446 section 4.6.1)
)

// tickets are the session-ticket keys of one host.
//
// They are set explicitly. Without that crypto/tls takes those of the configuration
// that GetConfigForClient belongs to, which all hosts share, and a ticket of one
// host would resume at another, past its rule for client certificates. The price is
// that we rotate them.
type tickets struct {
	keys []ticketKey // newest first
}

type ticketKey struct {
	secret  [32]byte
	created time.Time
}

// rotate gives c a new key when the newest is a day old, forgets those that no
// ticket needs any more, and says when the next one is due.
func (t *tickets) rotate(c *tls.Config, now time.Time) time.Time {
	if len(t.keys) > 0 && now.Before(t.keys[0].created.Add(ticketRotation)) {
		return t.keys[0].created.Add(ticketRotation)
	}
	fresh := ticketKey{created: now}
	rand.Read(fresh.secret[:]) // never fails
	t.keys = slices.Insert(t.keys, 0, fresh)
	t.keys = slices.DeleteFunc(t.keys, func(k ticketKey) bool {
		return now.Sub(k.created) > ticketRotation+ticketLife
	})
	secrets := make([][32]byte, len(t.keys))
	for i, k := range t.keys {
		secrets[i] = k.secret
	}
	c.SetSessionTicketKeys(secrets)
	return now.Add(ticketRotation)
}
