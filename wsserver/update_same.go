package wsserver

import "reflect"

// cloneConfig returns a copy of c with lists and maps of its own, also those inside of
// structs. What pointers and interfaces lead to is shared.
func cloneConfig(c Config) Config {
	own(reflect.ValueOf(&c).Elem())
	return c
}

// own gives v, which can be set, copies of the lists and maps in it.
func own(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				own(v.Field(i))
			}
		}
	case reflect.Slice:
		if v.IsNil() {
			return
		}
		c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
		reflect.Copy(c, v)
		for i := range c.Len() {
			own(c.Index(i))
		}
		v.Set(c)
	case reflect.Map:
		if v.IsNil() {
			return
		}
		c := reflect.MakeMapWithSize(v.Type(), v.Len())
		for k, e := range v.Seq2() {
			n := addressable(e)
			own(n)
			c.SetMapIndex(k, n)
		}
		v.Set(c)
	}
}

// addressable returns a copy of v that can be set and has an address.
func addressable(v reflect.Value) reflect.Value {
	n := reflect.New(v.Type()).Elem()
	n.Set(v)
	return n
}

// same reports whether two values of one type, with addresses, are the same setting.
// Functions and pointers are the same only if they are identical.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Func:
		return word(a) == word(b)
	case reflect.Interface:
		return sameDynamic(a, b)
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type().Field(i).IsExported() && !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() || a.Kind() == reflect.Slice && a.IsNil() != b.IsNil() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for k, e := range a.Seq2() {
			other := b.MapIndex(k)
			if !other.IsValid() || !same(addressable(e), addressable(other)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// sameDynamic compares what is in two interfaces.
func sameDynamic(a, b reflect.Value) bool {
	if a.IsNil() || b.IsNil() {
		return a.IsNil() && b.IsNil()
	}
	if a.CanAddr() && b.CanAddr() && *(*[2]uintptr)(a.Addr().UnsafePointer()) == *(*[2]uintptr)(b.Addr().UnsafePointer()) {
		return true // the same copy, also of a value that == would not compare
	}
	x, y := a.Elem(), b.Elem()
	if x.Type() != y.Type() {
		return false
	}
	switch x.Kind() {
	case reflect.Func:
		return word(addressable(x)) == word(addressable(y))
	case reflect.Map:
		return x.Pointer() == y.Pointer()
	case reflect.Slice:
		return x.Pointer() == y.Pointer() && x.Len() == y.Len()
	}
	return x.Comparable() && y.Comparable() && x.Equal(y)
}

// word is what a variable of a function type holds: the closure, where reflect tells only
// its code.
func word(f reflect.Value) uintptr { return *(*uintptr)(f.Addr().UnsafePointer()) }
