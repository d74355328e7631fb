//go:build race

package apitest

// Race says that the tests, and so the program, run with the race detector,
// which takes several times the memory and the time.
const Race = true
