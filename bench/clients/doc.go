// Package clients measures client/dial beside the clients of other libraries, in one
// process and against one server of ours:
//
//	go test -bench BenchmarkDial -benchtime 3s ./clients
//
// The clients take turns, so that the desk's moods meet all of them. "x-gorilla" is how many
// times as many round trips as gorilla's client ours made.
package clients
