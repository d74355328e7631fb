package importing

import "context"

// Tracker is another time-tracking tool. It is only ever read.
type Tracker interface {
	// Page gives one page of the entries whose date, as the tracker shows it to
	// the person who worked, lies in window; the zero Window is everything. The
	// first page has the cursor "", each other one the Next of the page before.
	// The same cursor again reads the same page again.
	//
	// An entry that is wrong does not make the page fail: see Page. A page that
	// cannot be had now is fault.Unavailable, or fault.Exhausted where the
	// tracker asks for patience; every other kind means that asking again is of
	// no use.
	Page(ctx context.Context, window Window, cursor string) (Page, error)

	// Live is true for a tool that people go on using while it is read, and
	// false for a file, which is read once from its beginning to its end.
	Live() bool

	// UserIDs names the people whose entries it holds; nil when they may be
	// anybody's. A mirror deletes theirs alone.
	UserIDs() []string

	// Check tells whether the tracker can be read, and says in one line what
	// was found.
	Check(ctx context.Context) (string, error)
}

// Page is a part of what a tracker holds.
type Page struct {
	Rows []Row  // in the tracker's order, broken ones included
	Next string // the cursor of the page that follows, "" after the last

	// Total is how many entries the tracker says that the window holds, on all
	// pages; 0 when it does not say.
	Total int
	// Entries is how many of them this page has, those that are left out included.
	Entries int
	// Moved says that the tracker noticed by itself that entries changed places
	// while its pages were read.
	Moved bool

	// Running counts entries that were left out because their timer runs.
	Running int
	// Unreadable says, one sentence each, what could not even be written as a
	// row.
	Unreadable []string
}

// Timesheets is the API as the place where the entries go.
//
// Faults of its methods: fault.Unavailable and fault.Exhausted may pass, and
// the same call is to be made again as it is; the outcome of the first is
// unknown until then. With any other kind that is of no use.
type Timesheets interface {
	// Encode appends row to dst in the form in which Upload sends it. Equal rows
	// give equal bytes.
	Encode(dst []byte, row Row) []byte

	// Cursor gives how far the source was read, in the words of the run that
	// said so; "" when none did.
	Cursor(ctx context.Context, source string) (string, error)

	// Upload sends one batch and gives the API's verdict on each of its rows.
	// Sending a batch again is always safe.
	//
	// fault.TooLarge, and fault.Unavailable with the code CutWhileSending, ask
	// for smaller batches. fault.Conflict says that the run is no longer ours.
	Upload(ctx context.Context, batch Batch) (Report, error)
}

// Runs is the API as the keeper of runs. Faults are as those of Timesheets; a
// fault.Conflict (stale_fence, import_not_open) or a fault.NotFound says that
// the run is no longer ours.
type Runs interface {
	// Start begins a run. Calls with the same key begin one run, and all give
	// it. While another run of the source is live it is a fault.Conflict
	// (import_running); a dry run waits for nobody.
	Start(ctx context.Context, d Declaration, key string) (Run, error)
	// Renew keeps others of the source away for another minute, as every upload
	// does.
	Renew(ctx context.Context, run Run) error
	// Complete ends a run that brought everything. Completing it again gives the
	// same ending. When the API finds a mirror suspicious, it is a fault.Conflict
	// and the run stays open.
	Complete(ctx context.Context, run Run, c Completion) (Ending, error)
	// Abort ends a run where it stands. What landed stays.
	Abort(ctx context.Context, run Run) error
}
