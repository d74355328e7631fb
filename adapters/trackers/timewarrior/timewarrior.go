// Package timewarrior reads what `timew export` prints, from a file or from
// standard input.
//
// Timewarrior numbers its intervals anew with each one that is tracked, so an
// entry is known by the machine that it was tracked on and by the instant at
// which it began, and by nothing else: an interval whose end, tags or
// annotation change is the same entry. One whose start changes is another.
package timewarrior

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"timesheets/adapters/trackers/jsonlist"
	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// pageSize is how many intervals make a page: enough that pages cost nothing.
const pageSize = 1000

// Tracker is one export of one person's machine.
type Tracker struct {
	path       string // "-" is standard input
	stdin      io.Reader
	machine    string
	userID     string
	zone       *time.Location
	projectTag string
	project    string

	// The file is read on from page to page.
	mu     sync.Mutex
	next   func() (jsontext.Value, error, bool)
	stop   func()
	cursor int // the number of intervals read so far
}

var _ importing.Tracker = (*Tracker)(nil)

// Live is false: an export does not change.
func (*Tracker) Live() bool { return false }

// UserIDs is the one person whose machine it is.
func (t *Tracker) UserIDs() []string { return []string{t.userID} }

// Page gives the intervals that follow the first cursor ones. Pages are read
// in their order; the cursor "" begins anew, which standard input allows once.
// When ctx ends while an export is waited for, there is no more to be had of it.
func (t *Tracker) Page(ctx context.Context, window importing.Window, cursor string) (importing.Page, error) {
	return within(ctx, t.name(), func() (importing.Page, error) { return t.page(window, cursor) })
}

// within gives what read does, unless ctx ends before: whoever is to write to a
// pipe may keep it waiting, and nothing wakes it. It is left behind then, and
// ends with the pipe or with the program.
func within[T any](ctx context.Context, export string, read func() (T, error)) (T, error) {
	type outcome struct {
		value T
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := read()
		done <- outcome{value, err}
	}()
	select {
	case o := <-done:
		return o.value, o.err
	case <-ctx.Done():
		var none T
		return none, fault.Wrap(ctx.Err(), fault.Unavailable, "export_not_read",
			"%s did not come to its end before the import was stopped. See whether anything writes to it, or give the run a longer --timeout.", export)
	}
}

func (t *Tracker) page(window importing.Window, cursor string) (importing.Page, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cursor == "" {
		if err := t.begin(); err != nil {
			return importing.Page{}, err
		}
	} else if cursor != strconv.Itoa(t.cursor) || t.next == nil {
		return importing.Page{}, fault.New(fault.Internal, "bad_cursor", "The pages of an export are read in their order.")
	}
	var page importing.Page
	for range pageSize {
		value, err, more := t.next()
		if !more {
			t.end()
			return page, nil
		}
		if err != nil {
			t.end()
			return importing.Page{}, t.unreadable(err)
		}
		t.cursor++
		t.add(&page, window, value)
	}
	page.Next = strconv.Itoa(t.cursor)
	return page, nil
}

// begin opens the export.
func (t *Tracker) begin() error {
	t.end()
	source, err := t.open()
	if err != nil {
		return err
	}
	next, stop := iter.Pull2(jsonlist.Elements(source))
	t.next, t.cursor = next, 0
	t.stop = func() {
		stop()
		source.Close()
	}
	return nil
}

func (t *Tracker) end() {
	if t.stop != nil {
		t.stop()
	}
	t.next, t.stop = nil, nil
}

func (t *Tracker) open() (io.ReadCloser, error) {
	if t.path == "-" {
		if t.stdin == nil {
			return nil, fault.New(fault.Invalid, "stdin_read", "Standard input can be read only once. Write the export to a file and name it in TRACKER_FILE.")
		}
		in := t.stdin
		t.stdin = nil
		return io.NopCloser(in), nil
	}
	file, err := os.Open(t.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.Wrap(err, fault.NotFound, "no_file", "There is no file %q. Make it with: timew export > %[1]q", t.path)
	case err != nil:
		return nil, fault.Wrap(err, fault.Invalid, "unreadable_file", "The file %q cannot be opened.", t.path)
	}
	return file, nil
}

// unreadable says where an export is broken. Reading it again is of no use.
func (t *Tracker) unreadable(err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return fault.Wrap(err, fault.Invalid, "unreadable_file", "The file %q cannot be read.", t.path)
	}
	return fault.Wrap(err, fault.Malformed, "not_an_export", "%s is not what timew export prints: %v.", t.name(), err)
}

func (t *Tracker) name() string {
	if t.path == "-" {
		return "Standard input"
	}
	return fmt.Sprintf("The file %q", t.path)
}

// Check tells whether the file is there. Standard input is not touched.
func (t *Tracker) Check(ctx context.Context) (string, error) {
	if t.path == "-" {
		return "a Timewarrior export from standard input, not read yet", nil
	}
	return within(ctx, t.name(), t.checkFile)
}

func (t *Tracker) checkFile() (string, error) {
	file, err := t.open()
	if err != nil {
		return "", err
	}
	defer file.Close()
	if _, err, some := first(file); some && err != nil {
		return "", t.unreadable(err)
	}
	return fmt.Sprintf("a Timewarrior export in %q", t.path), nil
}

// first gives the first element of an export, if there is any.
func first(r io.Reader) (value jsontext.Value, err error, some bool) {
	for value, err := range jsonlist.Elements(r) {
		return value, err, true
	}
	return nil, nil, false
}
