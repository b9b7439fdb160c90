package main

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"time"
)

// Facts are what the page shows of a connection.
type Facts struct {
	Host Host  `json:"host"`
	Cert *Cert `json:"cert"` // nil without TLS
	TLS  *TLS  `json:"tls"`  // likewise
}

// Host is the virtual host that answered.
type Host struct {
	Tag   string   `json:"tag"`
	Descr string   `json:"descr"`
	Names []string `json:"names"`
	Asked string   `json:"asked"` // the Host header
	At    string   `json:"at"`    // our address
	From  string   `json:"from"`  // the guest's
}

// Cert is the certificate that the host shows.
type Cert struct {
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names"`
	Key       string    `json:"key"`
	Serial    string    `json:"serial"`
	From      time.Time `json:"from"`
	Until     time.Time `json:"until"`
	Temporary bool      `json:"temporary"`
}

// TLS is what was negotiated.
type TLS struct {
	Version string `json:"version"`
	Suite   string `json:"suite"`
	Group   string `json:"group"`
	Name    string `json:"name"` // that the client asked for
	Resumed bool   `json:"resumed"`
	Client  string `json:"client"` // subject of its certificate; empty without one
}

func (g *Guest) facts() Facts {
	e := g.house.entry(g.HostTag())
	f := Facts{Host: Host{
		Tag: g.HostTag(), Descr: g.house.descr[g.HostTag()], Names: e.Names(), Asked: g.HostHeader(), At: g.Local().String(), From: g.Remote().String(),
	}}
	if g.TLS() == nil {
		return f
	}
	i := g.TLSInfo()
	f.TLS = &TLS{Version: i.Version, Suite: i.Suite, Group: i.KeyExchange, Name: i.ServerName, Resumed: i.Resumed, Client: i.ClientCert}
	if leaf := e.Leaf(); leaf != nil {
		f.Cert = describe(leaf, e.Temporary())
	}
	return f
}

func describe(leaf *x509.Certificate, temporary bool) *Cert {
	names := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return &Cert{
		Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Names: names, Key: keyOf(leaf),
		Serial: fmt.Sprintf("%X", leaf.SerialNumber), From: leaf.NotBefore, Until: leaf.NotAfter, Temporary: temporary,
	}
}

func keyOf(leaf *x509.Certificate) string {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return "ECDSA " + key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return leaf.PublicKeyAlgorithm.String()
}
