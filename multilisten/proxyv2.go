package multilisten

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"net"
	"net/netip"
	"slices"
)

// Version 2 is binary, numbers are big-endian:
//
//	12  signature
//	 1  4 bits version, which is 2; 4 bits command: 0 LOCAL, 1 PROXY
//	 1  4 bits family: 0 unknown, 1 IPv4, 2 IPv6, 3 Unix; 4 bits: 0 unknown, 1 stream, 2 datagram
//	 2  length of the rest
//	    source and destination: 2x4, 2x16 or 2x108 bytes; for IP two ports of 2 bytes
//	    fields: type 1, length 2, value

// Types of fields.
const (
	pp2ALPN      = 0x01
	pp2Authority = 0x02
	pp2CRC32C    = 0x03
	pp2UniqueID  = 0x05
	pp2TLS       = 0x20

	pp2TLSVersion    = 0x21
	pp2TLSCommonName = 0x22
	pp2TLSCipher     = 0x23
	pp2TLSSigAlg     = 0x24
	pp2TLSKeyAlg     = 0x25
	pp2TLSClientCert = 0x28
)

// parseProxyV2 takes a whole header.
func parseProxyV2(b []byte) (*ProxyHeader, error) {
	version, command, kind, body := b[12]>>4, b[12]&15, b[13], b[proxyV2Min:]
	h := &ProxyHeader{Version: 2, Local: command == 0}
	switch {
	case version != 2:
		return nil, badProxyHeader("version %d", version)
	case h.Local:
		return h, nil // what it says of addresses is to be ignored
	case command != 1:
		return nil, badProxyHeader("command %d", command)
	}
	var err error
	switch kind {
	case 0x00: // the same
	case 0x11:
		err = h.parse(b, body, 4, 2)
	case 0x21:
		err = h.parse(b, body, 16, 2)
	case 0x31:
		err = h.parse(b, body, 108, 0)
	default:
		err = badProxyHeader("family and transport %#02x", kind)
	}
	return h, err
}

// parse reads two addresses of addr bytes, two ports of port bytes, and the fields.
func (h *ProxyHeader) parse(whole, body []byte, addr, port int) error {
	if len(body) < 2*(addr+port) {
		return badProxyHeader("%d bytes are too few for its addresses", len(body))
	}
	from, to, ports := body[:addr], body[addr:2*addr], body[2*addr:]
	if port == 0 {
		h.Source, h.Destination = unixAddr(from), unixAddr(to)
	} else {
		h.Source, h.Destination = ipAddr(from, ports), ipAddr(to, ports[port:])
	}
	var err error
	if h.TLVs, err = splitTLVs(body[2*(addr+port):]); err != nil {
		return err
	}
	if err := checkCRC(whole, body[2*(addr+port):], h.TLVs); err != nil {
		return err
	}
	return h.name()
}

func ipAddr(ip, port []byte) net.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return tcpAddr(a, binary.BigEndian.Uint16(port))
}

// unixAddr takes a path that ends at the first NUL; one that begins with a NUL is an
// abstract name and ends with the last byte that is none.
func unixAddr(b []byte) net.Addr {
	name := ""
	if b[0] != 0 {
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
		name = string(b)
	} else if b = bytes.TrimRight(b, "\x00"); len(b) > 0 {
		name = "@" + string(b[1:])
	}
	return &net.UnixAddr{Name: name, Net: "unix"}
}

func splitTLVs(b []byte) ([]ProxyTLV, error) {
	var list []ProxyTLV
	for len(b) > 0 {
		if len(b) < 3 || len(b)-3 < int(binary.BigEndian.Uint16(b[1:])) {
			return nil, badProxyHeader("a field is cut off")
		}
		end := 3 + int(binary.BigEndian.Uint16(b[1:]))
		list = append(list, ProxyTLV{Type: b[0], Value: slices.Clone(b[3:end])})
		b = b[end:]
	}
	return list, nil
}

// find returns the first value of a type.
func find(list []ProxyTLV, kind byte) ([]byte, bool) {
	for _, t := range list {
		if t.Type == kind {
			return t.Value, true
		}
	}
	return nil, false
}

// checkCRC holds the header against its checksum, if it has one; that was made with
// zeros in its place. fields is the end of whole, list its parts.
func checkCRC(whole, fields []byte, list []ProxyTLV) error {
	at := len(whole) - len(fields)
	for _, t := range list {
		at += 3
		if t.Type != pp2CRC32C {
			at += len(t.Value)
			continue
		}
		if len(t.Value) != 4 {
			return badProxyHeader("a checksum of %d bytes", len(t.Value))
		}
		table := crc32.MakeTable(crc32.Castagnoli)
		sum := crc32.Checksum(whole[:at], table)
		sum = crc32.Update(sum, table, make([]byte, 4))
		sum = crc32.Update(sum, table, whole[at+4:])
		if sum != binary.BigEndian.Uint32(t.Value) {
			return badProxyHeader("the checksum is wrong")
		}
		return nil
	}
	return nil
}

// name fills in the fields that have a name.
func (h *ProxyHeader) name() error {
	authority, _ := find(h.TLVs, pp2Authority)
	alpn, _ := find(h.TLVs, pp2ALPN)
	h.Authority, h.ALPN = string(authority), string(alpn)
	h.UniqueID, _ = find(h.TLVs, pp2UniqueID)
	if len(h.UniqueID) > 128 {
		return badProxyHeader("a unique id of %d bytes", len(h.UniqueID))
	}
	value, ok := find(h.TLVs, pp2TLS)
	if !ok {
		return nil
	}
	return h.nameTLS(value)
}

// nameTLS reads: client 1 byte (1 TLS, 2 certificate on this connection, 4 in this
// session), verify 4 bytes (0 if the certificate is valid), fields.
func (h *ProxyHeader) nameTLS(b []byte) error {
	if len(b) < 5 {
		return badProxyHeader("a TLS field of %d bytes", len(b))
	}
	list, err := splitTLVs(b[5:])
	if err != nil || b[0]&1 == 0 {
		return err
	}
	text := func(kind byte) string {
		v, _ := find(list, kind)
		return string(v)
	}
	conn, session := b[0]&2 != 0, b[0]&4 != 0
	h.TLS = &ProxyTLS{
		Version: text(pp2TLSVersion), Cipher: text(pp2TLSCipher), CommonName: text(pp2TLSCommonName),
		SigAlg: text(pp2TLSSigAlg), KeyAlg: text(pp2TLSKeyAlg),
		CertOnConn: conn, CertInSession: session,
		Verified: (conn || session) && binary.BigEndian.Uint32(b[1:]) == 0,
	}
	h.TLS.ClientCert, _ = find(list, pp2TLSClientCert)
	return nil
}
