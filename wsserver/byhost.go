package wsserver

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/icsws/icsws/client"
)

// As widens a factory: the clients of class U that f makes are what a server or
// [ByHost] of the interface T wants. So hosts with different classes share one server:
//
//	wsserver.ByHost(map[string]wsserver.ClientFactory[client.Client]{
//		"chat": wsserver.As[client.Client](Chat{}),
//		"game": wsserver.As[client.Client](Game{}),
//	}, nil)
//
// New checks the class U as if it were the server's, and that it is a T. The methods of
// f get their own clients only; OnClientConnect with another class returns a
// [*ClassError].
func As[T, U client.Client](f ClientFactory[U]) ClientFactory[T] { return as[T, U]{f} }

type as[T, U client.Client] struct{ f ClientFactory[U] }

func (a as[T, U]) NewClient(r *client.OpenRequest) (c T, err error) {
	own, err := a.f.NewClient(r)
	if err != nil || isNil(own) {
		return c, err
	}
	c, ok := any(own).(T)
	if !ok {
		return c, notA(reflect.TypeOf(own), reflect.TypeFor[T]())
	}
	return c, nil
}

func (a as[T, U]) OnClientConnect(c T) error {
	own, ok := any(c).(U)
	if !ok {
		return notA(reflect.TypeOf(c), reflect.TypeFor[U]())
	}
	return a.f.OnClientConnect(own)
}

func (a as[T, U]) OnClientDisconnect(c T, info client.CloseInfo) {
	if own, ok := any(c).(U); ok {
		a.f.OnClientDisconnect(own, info)
	}
}

func (a as[T, U]) ignoresRequest() bool { return ignoresRequest(a.f) }

func (a as[T, U]) checkParts(known func(tag string) bool) error {
	have, want := reflect.TypeFor[U](), reflect.TypeFor[T]()
	if want.Kind() == reflect.Interface && !have.Implements(want) || want.Kind() != reflect.Interface && have != want {
		return notA(have, want)
	}
	return checkFactory(a.f, known)
}

// notA is the error for a class that is not of the type that is wanted.
func notA(have, want reflect.Type) error {
	e := &ClassError{Class: fmt.Sprint(have), Why: fmt.Sprintf("is not a %v", want)}
	if have == nil || want.Kind() != reflect.Interface {
		return e
	}
	for m := range want.Methods() {
		if _, ok := have.MethodByName(m.Name); !ok && m.IsExported() {
			e.Method, e.Why = m.Name, fmt.Sprintf("is missing, so it is not a %v", want)
			return e
		}
	}
	return e
}

// ByHost has a factory for each virtual host, by its tag, and fallback for all others;
// nil refuses the clients of those with 404. A client has one factory for its life, that
// of its host: the connect and disconnect events go there too. The map is copied; New
// refuses a tag that no host has.
func ByHost[T client.Client](byTag map[string]ClientFactory[T], fallback ClientFactory[T]) ClientFactory[T] {
	return &byHost[T]{maps.Clone(byTag), fallback}
}

type byHost[T client.Client] struct {
	byTag    map[string]ClientFactory[T]
	fallback ClientFactory[T] // may be nil
}

// of returns the factory of the host with that tag, or nil.
func (b *byHost[T]) of(tag string) ClientFactory[T] {
	if f, ok := b.byTag[tag]; ok {
		return f
	}
	return b.fallback
}

// tagOf is the tag of a client's host. A class may have a HostTag of its own.
func tagOf(c client.Client) string {
	if f := facts(c); f != nil {
		return f.HostTag
	}
	return ""
}

func (b *byHost[T]) NewClient(r *client.OpenRequest) (c T, err error) {
	if f := b.of(r.HostTag); f != nil {
		return f.NewClient(r)
	}
	return c, &client.RejectError{Status: http.StatusNotFound, Body: "this host has no WebSocket service"}
}

func (b *byHost[T]) OnClientConnect(c T) error {
	if f := b.of(tagOf(c)); f != nil {
		return f.OnClientConnect(c)
	}
	return nil
}

func (b *byHost[T]) OnClientDisconnect(c T, info client.CloseInfo) {
	if f := b.of(tagOf(c)); f != nil {
		f.OnClientDisconnect(c, info)
	}
}

func (b *byHost[T]) ignoresRequest() bool {
	for _, f := range b.byTag {
		if !ignoresRequest(f) {
			return false
		}
	}
	return b.fallback == nil || ignoresRequest(b.fallback)
}

func (b *byHost[T]) checkParts(known func(tag string) bool) error {
	var errs []error
	for _, tag := range slices.Sorted(maps.Keys(b.byTag)) {
		if !known(tag) {
			errs = append(errs, configError("Hosts", "ByHost has a factory for the tag %q, which no host has", tag))
		}
		if err := checkFactory(b.byTag[tag], known); err != nil {
			errs = append(errs, fmt.Errorf("wsserver: ByHost: %q: %w", tag, err))
		}
	}
	if b.fallback != nil {
		errs = append(errs, checkFactory(b.fallback, known))
	}
	return errors.Join(errs...)
}
