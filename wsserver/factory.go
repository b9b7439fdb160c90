package wsserver

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/icsws/icsws/client"
)

// ClientFactory makes one client object for each handshake and gets the first and
// the last event of its life. It is the owner of what the clients share. Its
// methods may be called from many goroutines at once; the three calls for one
// client come in this order and do not overlap its other events.
type ClientFactory[T client.Client] interface {
	// NewClient is the open request: it accepts by returning a new client, refuses
	// with an error, and may change the answer through r. A *client.RejectError is the
	// HTTP response, any other error answers 500 and goes to the log; so does a panic.
	// A nil client without an error forwards the connection to the target that
	// r.ForwardTo or Config.Forward has; without a target it is an error, too. It must return within Config.HandshakeTimeout, see
	// r.Context. The client can not send yet.
	NewClient(r *client.OpenRequest) (T, error)
	// OnClientConnect comes when the handshake is answered, before the banner and
	// before the first message (E-02). An error ends the connection: a
	// *client.CloseError with its code, any other with 1011.
	OnClientConnect(c T) error
	// OnClientDisconnect is the last event, exactly once for each OnClientConnect
	// that was called, whatever it returned (E-03). The client is no longer among
	// Server.Clients; its getters work, its sends return client.ErrClosed.
	OnClientDisconnect(c T, info client.CloseInfo)
}

// Class is the factory of zero values of the struct S: ClientClass in ICS.
//
//	srv, err := wsserver.New(wsserver.Class[Echo](), wsserver.Config{Addr: ":8080"})
func Class[S any, T interface {
	*S
	client.Client
}]() ClientFactory[T] {
	return class[S, T]{}
}

type class[S any, T interface {
	*S
	client.Client
}] struct{}

// ignoresRequest tells the server that NewClient does not look at its request.
func (class[S, T]) ignoresRequest() bool { return true }

func (class[S, T]) NewClient(*client.OpenRequest) (T, error) { return new(S), nil }
func (class[S, T]) OnClientConnect(T) error                  { return nil }
func (class[S, T]) OnClientDisconnect(T, client.CloseInfo)   {}

// Factory adapts functions to [ClientFactory]. New must be set; the others may
// be nil.
type Factory[T client.Client] struct {
	New        func(r *client.OpenRequest) (T, error)
	Connect    func(c T) error
	Disconnect func(c T, info client.CloseInfo)
}

// NewClient calls f.New.
func (f Factory[T]) NewClient(r *client.OpenRequest) (T, error) { return f.New(r) }

// OnClientConnect calls f.Connect unless it is nil.
func (f Factory[T]) OnClientConnect(c T) error {
	if f.Connect == nil {
		return nil
	}
	return f.Connect(c)
}

// OnClientDisconnect calls f.Disconnect unless it is nil.
func (f Factory[T]) OnClientDisconnect(c T, info client.CloseInfo) {
	if f.Disconnect != nil {
		f.Disconnect(c, info)
	}
}

var errNoFactory = errors.New("wsserver: New: the factory is nil")

// composed is a factory that is made of others. known tells whether a host has a tag.
type composed interface {
	checkParts(known func(tag string) bool) error
}

// checkFactory refuses what could only fail at the first client.
func checkFactory[T client.Client](f ClientFactory[T], known func(tag string) bool) error {
	if f == nil || isNil(f) {
		return errNoFactory
	}
	if p, ok := f.(composed); ok {
		if err := p.checkParts(known); err != nil {
			return err
		}
	}
	a, ok := f.(Factory[T])
	if p, isPointer := f.(*Factory[T]); isPointer {
		a, ok = *p, true
	}
	if ok && a.New == nil {
		return errors.New("wsserver: New: Factory.New is nil")
	}
	return checkClass(reflect.TypeFor[T]())
}

// factory is a ClientFactory without its type parameter.
type factory interface {
	newClient(r *client.OpenRequest) (client.Client, error)
	ignoresRequest() bool // newClient does not look at r
	connect(c client.Client) error
	disconnect(c client.Client, info client.CloseInfo)
}

type typed[T client.Client] struct {
	f ClientFactory[T]
	// checked is set where T is an interface: the class is known only then.
	dynamic *classes
}

func (t typed[T]) newClient(r *client.OpenRequest) (client.Client, error) {
	c, err := t.f.NewClient(r)
	if err != nil {
		return nil, err
	}
	if isNil(c) {
		return nil, nil // see core.target
	}
	if t.dynamic != nil {
		if err := t.dynamic.check(reflect.TypeOf(c)); err != nil {
			return nil, fmt.Errorf("wsserver: NewClient: %w", err)
		}
	}
	return c, nil
}

func (t typed[T]) ignoresRequest() bool { return ignoresRequest(t.f) }

// ignoresRequest reports whether the NewClient of a factory does not look at its request.
func ignoresRequest(f any) bool {
	i, ok := f.(interface{ ignoresRequest() bool })
	return ok && i.ignoresRequest()
}

func (t typed[T]) connect(c client.Client) error { return t.f.OnClientConnect(c.(T)) }

func (t typed[T]) disconnect(c client.Client, info client.CloseInfo) {
	t.f.OnClientDisconnect(c.(T), info)
}

func isNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan, reflect.Slice, reflect.Interface:
		return r.IsNil()
	}
	return false
}
