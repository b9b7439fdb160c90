//go:build race

package wsserver_test

const raceEnabled = true
