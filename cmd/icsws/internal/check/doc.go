// Package check is the doctor: it walks the way of a connection, from the name to the
// closing handshake, and says at each step what is in order and what is not.
package check
