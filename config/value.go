package config

import "strconv"

// kind is what a value looks like in a file.
type kind uint8

const (
	odd      kind = iota // a date, null: nothing that a setting may be
	text                 // a string
	bare                 // what an INI file has, which may be text, number or list
	number               // a whole number
	fraction             // one with a point
	boolean              // true or false
	list                 // values in order
	dict                 // keys with values
)

// value is a piece of a file, whatever its format: what the readers of the formats
// make and the writers take.
type value struct {
	kind kind
	at   place
	text string // of text and bare; what an odd one is
	num  int64
	frac float64
	on   bool
	list []value
	keys []entry // in the order of the file
}

// place is in bytes, from 1.
type place struct{ line, column int }

func (p place) before(q place) bool {
	return p.line < q.line || p.line == q.line && p.column < q.column
}

// entry is a key of a dict.
type entry struct {
	name  string
	at    place
	value value
}

// String says what the value is, for errors; never what is in it.
func (v value) String() string {
	switch v.kind {
	case text, bare:
		return "text"
	case number:
		return "a number"
	case fraction:
		return "a fraction"
	case boolean:
		return "true or false"
	case list:
		return "a list"
	case dict:
		return "a table"
	}
	return v.text
}

// fractionOf is a number with or without a point.
func fractionOf(v value) (float64, bool) {
	switch v.kind {
	case number:
		return float64(v.num), true
	case fraction:
		return v.frac, true
	case bare:
		x, err := strconv.ParseFloat(v.text, 64)
		return x, err == nil
	}
	return 0, false
}
