package acme_test

import (
	"context"
	"errors"
	"log"
	"strings"

	"github.com/icsws/icsws/hosts"
	"github.com/icsws/icsws/hosts/acme"
)

// Two hosts: one whose names are known, one that has a name for every tenant.
func ExampleNew() {
	issuer, err := acme.New(acme.Config{
		Directory: acme.LetsEncryptStaging, // trusted by nobody; LetsEncrypt when it works
		Email:     "admin@example.com",
		AgreedTOS: true,
		Storage:   acme.DirStorage("/var/lib/chat/acme"),
		Allow: func(_ context.Context, name string) error {
			if !strings.HasPrefix(name, "tenant-") { // a look into the database
				return errors.New("no such tenant")
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	set, err := hosts.New([]hosts.Host{
		{
			Tag:   "chat",
			Names: []string{"chat.example.com", "www.chat.example.com"},
			Port:  80, TLSPort: 443,
			AutoOrder: true, AllowTemporary: true,
		},
		{
			Tag:   "tenants",
			Names: []string{"*.tenant.example.com"},
			Port:  80, TLSPort: 443,
			AutoOrder: true, OnDemand: true,
			Challenge: hosts.ChallengeTLSALPN01,
		},
	}, hosts.Options{Issuer: issuer})
	if err != nil {
		log.Fatal(err)
	}
	_ = set // goes to the server, which runs the issuer as long as it listens
}

// Wildcards are proved with a TXT record.
func ExampleDNSSolver() {
	_, err := acme.New(acme.Config{
		AgreedTOS: true,
		Storage:   acme.DirStorage("/var/lib/chat/acme"),
		DNS:       zone{},
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
}

// zone stands for a client of a name server.
type zone struct{}

func (zone) Present(ctx context.Context, name, value string) error {
	// Add the record, then wait until the zone's servers have it or ctx ends.
	return nil
}

func (zone) CleanUp(ctx context.Context, name, value string) error {
	// Remove the record with this name and this value.
	return nil
}
