// Package arch holds tests only, about the code as a whole: who imports whom,
// which modules the library brings along, that no engine type shows in a public
// signature, what is never used of the engine, and how long a file may be.
//
// The reasons are in docs/architecture.md. A new package needs a line in the table
// of arrows.
package arch
