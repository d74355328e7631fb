// Package postgres keeps everything in PostgreSQL: entries with their history
// and their place in the change feed, workers, imports, idempotency keys.
//
// The SQL is written by hand beside the function that runs it. There is one
// transaction helper (tx.go) and one way to change entries (changes.go); what
// changes an entry holds the locks of the workers concerned (locks.go).
package postgres
