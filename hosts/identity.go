package hosts

import (
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	ticketRotation = 24 * time.Hour     // a key makes tickets that long
	ticketLife     = 7 * 24 * time.Hour // and reads them that long (RFC 8446 section 4.6.1)
)

// identity is what a host shows in TLS handshakes: one tls.Config for all its
// connections, so that sessions resume, a certificate and session-ticket keys.
//
// The keys are set explicitly. Without that crypto/tls takes those of the
// configuration that GetConfigForClient belongs to, which all hosts share, and a
// ticket of one host would resume at another. The price is that we rotate them.
type identity struct {
	config      *tls.Config
	certificate atomic.Pointer[tls.Certificate]
	temporary   []name // what a temporary certificate is for; nil if it is a loaded one
	now         func() time.Time
	log         *slog.Logger

	due  atomic.Int64 // when renewLocked has something to do, in Unix nanoseconds
	mu   sync.Mutex   // held by who renews, guards keys
	keys []ticketKey  // newest first
}

type ticketKey struct {
	secret  [32]byte
	created time.Time
}

func newIdentity(b *builder, cert *tls.Certificate, temporary []name) *identity {
	id := &identity{config: b.base.Clone(), temporary: temporary, now: b.now, log: b.log}
	id.certificate.Store(cert)
	id.config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		return id.certificate.Load(), nil
	}
	id.renewLocked(id.now()) // nobody else has it yet
	return id
}

// configuration returns the host's tls.Config, always the same one. Renewing
// rides on the handshakes, so that no goroutine and no timer is needed.
func (id *identity) configuration() *tls.Config {
	if now := id.now(); now.UnixNano() >= id.due.Load() && id.mu.TryLock() {
		defer id.mu.Unlock()
		id.renewLocked(now)
	}
	return id.config
}

// renewLocked replaces what is old and sets the time for the next look.
func (id *identity) renewLocked(now time.Time) {
	next := now.Add(ticketRotation)
	if !id.config.SessionTicketsDisabled {
		next = id.rotateLocked(now)
	}
	if id.temporary != nil {
		if at := id.renewTemporary(now); at.Before(next) {
			next = at
		}
	}
	id.due.Store(next.UnixNano())
}

// rotateLocked adds a ticket key when the newest is a day old, forgets those that
// no ticket needs any more, and says when the next one is due.
func (id *identity) rotateLocked(now time.Time) time.Time {
	if len(id.keys) > 0 && now.Before(id.keys[0].created.Add(ticketRotation)) {
		return id.keys[0].created.Add(ticketRotation)
	}
	fresh := ticketKey{created: now}
	rand.Read(fresh.secret[:]) // never fails
	id.keys = slices.Insert(id.keys, 0, fresh)
	id.keys = slices.DeleteFunc(id.keys, func(k ticketKey) bool {
		return now.Sub(k.created) > ticketRotation+ticketLife
	})
	secrets := make([][32]byte, len(id.keys))
	for i, k := range id.keys {
		secrets[i] = k.secret
	}
	id.config.SetSessionTicketKeys(secrets)
	return now.Add(ticketRotation)
}

// renewTemporary replaces a temporary certificate in its last day and says when
// the next one is due.
func (id *identity) renewTemporary(now time.Time) time.Time {
	leaf := id.certificate.Load().Leaf
	if at := leaf.NotAfter.Add(-temporaryRenew); now.Before(at) {
		return at
	}
	cert, err := selfSigned(now, id.temporary)
	if err != nil {
		id.log.Error("hosts: renewing a temporary certificate", "err", err)
		return now.Add(time.Hour)
	}
	id.certificate.Store(&cert)
	id.log.Warn("hosts: temporary self-signed certificate renewed, no client trusts it",
		"names", fmt.Sprint(id.temporary), "until", cert.Leaf.NotAfter)
	return cert.Leaf.NotAfter.Add(-temporaryRenew)
}
