// Package importing is the import job: it reads the entries of another
// time-tracking tool, a [Tracker], and uploads them to the [Timesheets] API.
//
// It keeps no state and knows no database: how far a source was read is asked
// of the API, which also sees to it that of several jobs only one is at work.
// Every run reads a [Window] of dates as a whole and sends each entry under
// the id that the tracker knows it by, so that a run that was cut short,
// repeated or started twice never makes a second entry: delivery is at least
// once, and the API keeps exactly one.
//
// A run begins with [Runs.Start], uploads its batches as parts, and ends with
// [Runs.Complete], which moves the cursor and, of a mirror, deletes what the
// tracker no longer has. A run that cannot be completed is aborted: what landed
// stays, and the next one reads the same days again.
//
// A row that is wrong is the API's to refuse, because only the API keeps what
// it refused and knows it again. The job therefore passes on what the tracker
// says, as it says it, and counts what comes back: what was read is created,
// updated, unchanged, in conflict or rejected, and nothing else.
package importing
