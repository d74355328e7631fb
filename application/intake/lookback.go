package intake

import (
	"context"
	"time"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Archive is where imports are looked up afterwards.
type Archive interface {
	// Import gives one import; an unknown id is a fault.NotFound.
	Import(ctx context.Context, org identity.Organization, id timesheet.ID) (Import, error)
	// Imports gives at most limit imports of the source ("" for all), newest
	// first, of those that come after the given place.
	Imports(ctx context.Context, org identity.Organization, source string, after ImportPlace, limit int) ([]Import, error)
	// Sources gives at most limit sources by name, of those whose name comes
	// after the given one.
	Sources(ctx context.Context, org identity.Organization, after string, limit int) ([]Source, error)
	// Source gives one source; one that nothing was ever imported from is a
	// fault.NotFound.
	Source(ctx context.Context, org identity.Organization, source string) (Source, error)
	// Rows gives at most limit kept rows of an import in the order of part and
	// index, of those that come after the given place, and of these the ones that
	// have no more than room bytes of text before them.
	Rows(ctx context.Context, org identity.Organization, id timesheet.ID, after RowPlace, limit, room int) ([]KeptRow, error)
}

// ImportPlace is where a page of imports begins: after the import with this
// start and id. The zero place is before the first.
type ImportPlace struct {
	StartedAt time.Time
	ID        timesheet.ID
}

// Source is where imports come from, and how far they have come.
type Source struct {
	Name       string
	Cursor     string       // of the last completed run that set one; "" for none
	CursorFrom timesheet.ID // that run
	Last       Import       // the last completed import that was no dry run; the zero Import for none
}

// RowPlace is where a page of kept rows begins: after the row with this part
// and index. Before the first is FirstRow.
type RowPlace struct{ Part, Index int }

// FirstRow is the place before all rows.
var FirstRow = RowPlace{Part: -1}

// A page has at most MaxPage rows, and one of kept rows at most MaxPageText
// bytes of their text: an answer is held until its reader has all of it.
const (
	MaxPage     = 500
	MaxPageText = 1 << 20
)

// Lookback shows what became of imports: to machines that upload, and to
// people who approve.
type Lookback struct{ archive Archive }

// NewLookback makes a Lookback.
func NewLookback(archive Archive) *Lookback { return &Lookback{archive} }

// Import gives one import.
func (l *Lookback) Import(ctx context.Context, by identity.Principal, id timesheet.ID) (Import, error) {
	if err := mayLookBack(by); err != nil {
		return Import{}, err
	}
	return l.archive.Import(ctx, by.Organization, id)
}

// Imports gives at most limit imports of a source ("" for all), newest first,
// and whether there are more.
func (l *Lookback) Imports(ctx context.Context, by identity.Principal, source string, after ImportPlace, limit int) (page []Import, more bool, err error) {
	if err := mayLookBack(by); err != nil {
		return nil, false, err
	}
	limit = min(limit, MaxPage)
	page, err = l.archive.Imports(ctx, by.Organization, source, after, limit+1)
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}

// Sources gives at most limit sources by name, and whether there are more.
func (l *Lookback) Sources(ctx context.Context, by identity.Principal, after string, limit int) (page []Source, more bool, err error) {
	if err := by.Require(identity.BatchUpload); err != nil {
		return nil, false, err
	}
	limit = min(limit, MaxPage)
	page, err = l.archive.Sources(ctx, by.Organization, after, limit+1)
	if len(page) > limit {
		return page[:limit], true, err
	}
	return page, false, err
}

// Source gives one source.
func (l *Lookback) Source(ctx context.Context, by identity.Principal, source string) (Source, error) {
	if err := by.Require(identity.BatchUpload); err != nil {
		return Source{}, err
	}
	return l.archive.Source(ctx, by.Organization, source)
}

// Rows gives at most limit of the rows of an import that were refused or are
// in conflict, fewer where their texts are long, and whether there are more.
func (l *Lookback) Rows(ctx context.Context, by identity.Principal, id timesheet.ID, after RowPlace, limit int) (page []KeptRow, more bool, err error) {
	if err := mayLookBack(by); err != nil {
		return nil, false, err
	}
	if _, err := l.archive.Import(ctx, by.Organization, id); err != nil {
		return nil, false, err
	}
	limit = min(limit, MaxPage)
	page, err = l.archive.Rows(ctx, by.Organization, id, after, limit+1, MaxPageText)
	text := 0
	for n, row := range page {
		if text += len(row.Text); n == limit || text > MaxPageText {
			return page[:n], true, err
		}
	}
	return page, false, err
}

func mayLookBack(by identity.Principal) error {
	if by.Holds(identity.BatchUpload) || by.Holds(identity.ApproveTimesheets) {
		return nil
	}
	if by.IsPerson() {
		return by.Require(identity.ApproveTimesheets)
	}
	return by.Require(identity.BatchUpload)
}
