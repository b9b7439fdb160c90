package wsserver

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/icsws/icsws/client"
)

// ClassError says why a client class was refused: an exported method that looks
// like an event and is none, so that it would never be called; or it is not of the type
// that [As] should make of it.
type ClassError struct {
	Class  string // such as "*main.Member"
	Method string // such as "OnPimg"; empty where it is not about one
	Why    string
}

// Error tells class, method and reason.
func (e *ClassError) Error() string {
	if e.Method == "" {
		return fmt.Sprintf("wsserver: class %s %s", e.Class, e.Why)
	}
	return fmt.Sprintf("wsserver: class %s: method %s %s", e.Class, e.Method, e.Why)
}

// optional are the optional events: interfaces of one method.
var optional = map[string]reflect.Type{
	"OnFragment":    reflect.TypeFor[client.FragmentHandler](),
	"OnPing":        reflect.TypeFor[client.PingHandler](),
	"OnPong":        reflect.TypeFor[client.PongHandler](),
	"OnReadyToSend": reflect.TypeFor[client.ReadyToSendHandler](),
	"OnDropped":     reflect.TypeFor[client.DropHandler](),
}

// elsewhere are events that a class does not have, with the place they belong to.
var elsewhere = map[string]string{
	"OnClientConnect":    "belongs to the factory",
	"OnClientDisconnect": "belongs to the factory",
	"OnClientCreate":     "belongs to Hooks",
	"OnClientMessage":    "belongs to Hooks",
	"OnClientFragment":   "belongs to Hooks",
	"OnChangeState":      "belongs to Config.Events",
	"OnReject":           "belongs to Config.Events",
	"OnError":            "belongs to Config.Events",
	"OnBgException":      "belongs to Config.Events",
	"OnSent":             "belongs to Config.Events",
	"OnTLSHello":         "belongs to Config.Events",
	"OnTLSStatus":        "belongs to Config.Events",
	"OnTLSClientAuth":    "belongs to Config.Events",
	"OnNewCert":          "belongs to Config.Events",
	"OnHostTLS":          "belongs to Config",
}

// checkClass refuses a class with a method that is named like an event and would
// never be called. An interface type is checked at its first object.
func checkClass(t reflect.Type) error {
	if t.Kind() == reflect.Interface {
		return nil
	}
	for m := range t.Methods() {
		if err := checkMethod(t, m.Name); err != nil {
			return err
		}
	}
	for name := range optional {
		if _, ok := t.MethodByName(name); !ok && hides(t, name, 0) {
			return &ClassError{t.String(), name, "is hidden: an embedded type has it, but another one or a field of that name too, so it is never called"}
		}
	}
	return nil
}

func checkMethod(t reflect.Type, name string) error {
	rest, ok := strings.CutPrefix(name, "On")
	if first, _ := utf8.DecodeRuneInString(rest); !ok || !unicode.IsUpper(first) || name == "OnMessage" {
		return nil
	}
	if event := optional[name]; event != nil {
		if t.Implements(event) {
			return nil
		}
		have, _ := t.MethodByName(name)
		return &ClassError{t.String(), name, fmt.Sprintf("has the wrong signature: want %v, have %v", event.Method(0).Type, have.Type)}
	}
	why, ok := elsewhere[name]
	if !ok {
		why = "is not an event (OnMessage, OnFragment, OnPing, OnPong, OnReadyToSend, OnDropped); name a helper onX or HandleX"
	}
	return &ClassError{t.String(), name, why}
}

// hides reports whether a type embedded in t, at any depth, has the method.
func hides(t reflect.Type, name string, depth int) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || depth > 16 {
		return false
	}
	for f := range t.Fields() {
		if !f.Anonymous {
			continue
		}
		e := f.Type
		if e.Kind() == reflect.Struct {
			e = reflect.PointerTo(e)
		}
		if _, ok := e.MethodByName(name); ok || hides(e, name, depth+1) {
			return true
		}
	}
	return false
}

// classes remembers the classes that were checked when their objects came.
type classes struct {
	seen sync.Map // reflect.Type → error or nil
}

func (c *classes) check(t reflect.Type) error {
	if err, ok := c.seen.Load(t); ok {
		err, _ := err.(error)
		return err
	}
	err := checkClass(t)
	c.seen.Store(t, err)
	return err
}

// hasPieces reports whether a client of class T may get its messages in pieces.
func hasPieces[T client.Client]() bool {
	t := reflect.TypeFor[T]()
	return t.Kind() == reflect.Interface || t.Implements(optional["OnFragment"])
}
