// Package ini reads and writes the INI files of Windows programs.
//
//	; a comment is a line of its own, as is one that begins with #
//	[Section]
//	Key = value
//	Key2 = " quotes keep the blanks at the ends "
//
// It is strict where those programs are lenient: text that is none of this, a key
// or a section that is there twice, and what is not UTF-8 are errors, each with its
// line. Names are compared without regard to case. Windows has no comments behind a
// value and no escapes, so there are none here: a value is everything up to the end
// of its line.
package ini
