// Package timesheet is the vocabulary of logged time.
//
// An [Entry] is one piece of work: a worker, a [Day], a project, a [Duration].
// What it says is its [Content]; where it came from is its [Origin], a source
// and the external id that the source knows it by, and that pair identifies
// the entry for good. All entries of one worker in one ISO 8601 [Week] are
// handed in and approved together.
//
// A source sends a [Revision] of an entry as often as it likes. [Judge] is
// the rule that makes this safe: it says what a revision does to what is held
// under its key (created, updated, unchanged, rejected or conflict), and a
// revision that was received before never does anything again. What may not
// be changed any more, because a person changed or approved it, is not
// changed: a [Correction] proposes it to an approver.
//
// Nothing here waits, reads a clock or knows a database.
package timesheet
