// Package apitest runs the real API program for tests and talks to it as a
// client would.
//
// The program is built once for a test binary, with the race detector when the
// tests have it, and runs as a process of its own on a free port, against a
// database that the test gives it and an issuer that all tests of the binary
// share. What it writes to its log is watched: an error there, or a line that
// is no log line, such as a data race or a panic, fails the test.
//
// Every answer is held against the OpenAPI document: status, headers, type and
// body. So is every request that was taken: what the API takes and the
// document does not is a mistake in one of them.
package apitest
