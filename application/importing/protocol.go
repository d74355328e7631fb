package importing

// Mode is what a run says of its rows.
type Mode string

// The modes that the API knows.
const (
	Upsert Mode = "upsert" // they are to be added, or to replace what is there
	Mirror Mode = "mirror" // and they are all that there is: what is missing is deleted
)

// Declaration is what a run says of itself when it starts.
type Declaration struct {
	Source  string // the name that the entries carry, see timesheet.CheckUploadSource
	Mode    Mode
	Window  Window   // the days that it is about; never zero
	UserIDs []string // the people whom it is about; nil for all
	DryRun  bool     // only ask what would become of the rows
}

// Run is a run that was started, and the proof that it is ours.
type Run struct {
	ID    string
	Fence int64
}

// Completion is what a run says when it has brought everything.
type Completion struct {
	Cursor       string // how far the source was read; "" leaves what is known as it is
	DistinctKeys *int   // of a mirror alone: how many different keys it sent
	Guards       Guards // of a mirror alone
}

// Guards keep a mirror from deleting what is missing for another reason than
// that it was deleted. A nil stands for what the API takes by itself.
type Guards struct {
	MaxDeleteCount   *int // more deletions than this and than the percentage are refused
	MaxDeletePercent *int // of the entries that are there, 0 to 100
	AllowEmpty       bool // a run that brought nothing may delete
}

// Ending is what became of a run, by the API's count.
type Ending struct {
	Received int // rows of all parts
	Deleted  int // entries that a mirror found missing; of a dry run, that it would delete
	// DeletionsSkipped says why a mirror deleted nothing; "" when it did what it
	// should.
	DeletionsSkipped string
}

// CutWhileSending is the code of the fault when the API hung up before it had
// the whole batch: some servers refuse what is too large in this way.
const CutWhileSending = "cut_while_sending"

// Batch is what one request carries. It is never changed once it is made:
// repeating it sends the same bytes.
type Batch struct {
	Run    Run
	Part   int      // from 1; no two batches of a run have the same
	Rows   [][]byte // 1 to MaxRows rows, each by Timesheets.Encode, MaxBytes in all
	DryRun bool     // the run is a dry run, and wants to know the verdict on every row
}

const (
	// MaxRows bounds a batch.
	MaxRows = 5000
	// MaxBytes bounds the encoded rows of a batch: half of what the API takes.
	MaxBytes = 4 << 20
)

// Outcome is what became of a row.
type Outcome string

// The outcomes that the API knows.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
	Conflict  Outcome = "conflict"
	Rejected  Outcome = "rejected"
)

// Report is the API's answer to a batch.
type Report struct {
	Received int // how many rows the API saw
	Counts
	// Results are in the order of the rows. A dry run lists every row, any other
	// upload only rows with the outcome Conflict or Rejected.
	Results []Result
}

// Result is the verdict on one row.
type Result struct {
	Index   int // the row's place in the batch, from 0
	Outcome Outcome
	Code    string // why, stable: "day_over_24h"; "" for most
	Text    string // why, one sentence; "" for most
	Known   bool   // this problem was recorded before
}
