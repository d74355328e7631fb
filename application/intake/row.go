package intake

import (
	"crypto/sha256"
	"strings"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

// MaxRows is the number of rows that one request may carry.
const MaxRows = 5000

// Row is one row of an upload, as far as it could be read.
type Row struct {
	Text []byte // as received

	// Problem says why the row cannot be taken; what could be read of it
	// stands beside it all the same, ExternalID above all.
	Problem *Problem

	Source          string // as the row names it; "" when it does not
	ExternalID      string // "" when it has none
	SourceUpdatedAt time.Time
	Content         timesheet.Content // UserID is empty when Worker is set
	Worker          *WorkerRef
	WrittenDate     string // the date as written, for the id of a row that has none
	WrittenUserID   string // the user id as written, likewise

	// keyed is the key under which the row was received before, for one that is
	// judged again: a key that the server made hangs on the request that the row
	// came in.
	keyed string
}

// Problem is why a row was refused, or is in conflict.
type Problem struct {
	Code   string // stable and machine-readable
	Field  string // JSON Pointer into the row; "" for the row as a whole
	Detail string // a sentence for a person
}

// problemOf turns a fault about a row into its problem.
func problemOf(err error) *Problem {
	f := fault.Of(err)
	if len(f.Fields) > 0 {
		return FieldProblem(f.Fields[0])
	}
	return &Problem{Code: f.Code, Detail: f.Text}
}

// memberProblem is the problem that the named member of a row is wrong.
func memberProblem(pointer string, err error) *Problem {
	f := fault.Of(err)
	return &Problem{Code: f.Code, Field: pointer, Detail: f.Text}
}

// maxProblemText bounds what is said of a problem, in bytes: it may quote the
// row, which may be long.
const maxProblemText = 1000

// printable gives the problem as it can be kept and shown, whatever of the row
// it quotes.
func (p Problem) printable() *Problem {
	clean := func(s string) string {
		s = strings.ReplaceAll(s[:min(len(s), maxProblemText)], "\x00", "\ufffd")
		return strings.ToValidUTF8(s, "\ufffd")
	}
	return &Problem{Code: p.Code, Field: clean(p.Field), Detail: clean(p.Detail)}
}

// FieldProblem is the problem that one member of a row is wrong.
func FieldProblem(f fault.Field) *Problem {
	return &Problem{Code: f.Code, Field: f.Pointer, Detail: f.Text}
}

// textDigest stands for a row that has no content.
func textDigest(text []byte) timesheet.Digest {
	sum := sha256.Sum256(text)
	return timesheet.Digest(sum[:16])
}

// Result is what became of one row.
type Result struct {
	Index        int // of the row in the request, from 0
	ExternalID   string
	ID           timesheet.ID // of the entry; zero when there is none
	Outcome      timesheet.Outcome
	Code         string
	CorrectionID timesheet.ID // of conflicts
	Problem      *Problem     // of refused rows and conflicts
	Known        bool         // the problem was recorded before
}

// Counts add up: Received is the sum of all others but Deleted.
type Counts struct {
	Received, Created, Updated, Unchanged, Deleted, Conflicts, Rejected int
}

// add counts one result.
func (c *Counts) add(o timesheet.Outcome) {
	c.Received++
	switch o {
	case timesheet.OutcomeCreated:
		c.Created++
	case timesheet.OutcomeUpdated:
		c.Updated++
	case timesheet.OutcomeUnchanged:
		c.Unchanged++
	case timesheet.OutcomeConflict:
		c.Conflicts++
	case timesheet.OutcomeRejected:
		c.Rejected++
	case timesheet.OutcomeDeleted:
		// Deletions are of what did not arrive: they are counted where they happen.
	}
}

// Report is the answer to an upload: a result for each row, in their order.
type Report struct {
	ImportID timesheet.ID // the run that the upload made; zero for a single object
	DryRun   bool
	Counts
	Results []Result
}

// plus adds two counts up.
func (c Counts) plus(d Counts) Counts {
	return Counts{
		Received: c.Received + d.Received, Created: c.Created + d.Created, Updated: c.Updated + d.Updated, Unchanged: c.Unchanged + d.Unchanged,
		Deleted: c.Deleted + d.Deleted, Conflicts: c.Conflicts + d.Conflicts, Rejected: c.Rejected + d.Rejected,
	}
}
