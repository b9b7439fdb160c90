package deflate

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrAnswer is a server's answer to our offer that RFC 7692 or RFC 6455 section 9.1 does
// not allow. The connection has to be failed then.
var ErrAnswer = errors.New("deflate: bad answer to the offer")

// Offer is what a client sends as Sec-WebSocket-Extensions for what o wants, empty for
// [Off]. The server's answer goes to [Options.Accept].
//
// It always lets the server limit our window. [Message] excludes takeover in both
// directions. [Context] asks for a smaller window of the server if o.WindowBits is set and
// below 15, and offers to do without behind that (RFC 7692 section 5.1): a server that can
// not limit its window has to decline what asks for it (section 7.1.2.1). Zero asks for
// nothing, so the server may look back 32 KiB.
func (o Options) Offer() string {
	switch o.Mode {
	case Message:
		return extensionName + "; " + clientMaxBits + "; " + clientNoTakeover + "; " + serverNoTakeover
	case Context:
		const plain = extensionName + "; " + clientMaxBits
		if bits := o.asks(); bits < maxBits {
			// A server that takes all of it for one offer still finds the number.
			return extensionName + "; " + serverMaxBits + "=" + strconv.Itoa(int(bits)) + "; " + clientMaxBits + ", " + plain
		}
		return plain
	}
	return ""
}

// asks is the base-2 logarithm of the largest window that the server is asked to use.
func (o Options) asks() uint8 {
	if o.Mode != Context {
		return maxBits
	}
	return windowBits(o.WindowBits)
}

// Accept judges what a server has answered to the [Options.Offer] of o: the values of all
// Sec-WebSocket-Extensions lines of its answer. ok is false when there is none, then
// nothing is compressed. The error wraps [ErrAnswer] and repeats nothing of the answer.
//
// Everything in this package is written from the server's side, so the result is a mirror
// image: its Server fields are what we, the client, may do when we send, and its Client
// fields what the server may do. [NewCompressor] and [NewDecompressor] take it as it is.
// As a server does, we keep no more than o.WindowBits, or 12 bits, of what we sent
// (ServerKeeps), whatever window the server leaves us. A server that does not limit its own
// window, or less than it was asked to, has taken the second offer: ClientBits tells what
// its messages want.
func (o Options) Accept(answer []string) (p Params, ok bool, err error) {
	var list []extension
	for _, line := range answer {
		more, valid := parseExtensions(line)
		if !valid {
			return Params{}, false, badAnswer("it breaks the grammar")
		}
		list = append(list, more...)
	}
	switch {
	case len(list) == 0:
		return Params{}, false, nil
	case len(list) > 1:
		return Params{}, false, badAnswer("it has %d extensions", len(list))
	case o.Mode != Message && o.Mode != Context, !strings.EqualFold(list[0].name, extensionName):
		return Params{}, false, badAnswer("the extension was not offered")
	}
	got, valid := parseOffer(list[0].params) // an answer has the same parameters
	if !valid || bare(list[0].params) {
		return Params{}, false, badAnswer("a parameter is unknown, repeated or has a wrong value")
	}
	if o.Mode == Message && !got.serverNoTakeover {
		return Params{}, false, badAnswer("the server did not confirm %s", serverNoTakeover)
	}
	return o.mirrored(got), true, nil
}

// bare reports whether a window of the client has no value, as only an offer may have it.
func bare(params []parameter) bool {
	for _, p := range params {
		if strings.EqualFold(p.name, clientMaxBits) && !p.hasValue {
			return true
		}
	}
	return false
}

// mirrored makes the parameters of an answer, see [Options.Accept].
func (o Options) mirrored(got offer) Params {
	p := Params{
		ServerTakeover: o.Mode == Context && !got.clientNoTakeover,
		ClientTakeover: !got.serverNoTakeover,
		ServerBits:     min(windowBits(got.clientBits), o.asks()),
		ClientBits:     windowBits(got.serverBits),
	}
	if keep := o.kept(); p.ServerTakeover && keep < p.ServerBits {
		p.ServerKeeps = keep
	}
	return p
}

func badAnswer(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrAnswer, fmt.Sprintf(format, args...))
}
