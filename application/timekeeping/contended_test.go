package timekeeping_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/timekeeping"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// overtaken is where somebody else changes every entry right after it was read,
// and whenever a transaction begins.
type overtaken struct {
	timekeeping.Entries
	change func()
}

func (o overtaken) Get(ctx context.Context, org identity.Organization, id timesheet.ID) (timesheet.Entry, error) {
	e, err := o.Entries.Get(ctx, org, id)
	o.change()
	return e, err
}

func (o overtaken) Atomically(ctx context.Context, org identity.Organization, fn func(timekeeping.Tx) error) error {
	o.change()
	return o.Entries.Atomically(ctx, org, fn)
}

// However often others are faster, a change by hand happens, and is one of the
// entry as the others left it.
func TestOthersWhoAreFasterDoNotKeepAChangeFromHappening(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	boss := fixture.Approver("boss")
	for name, edit := range map[string]func(n int) func(*timesheet.Content){
		"edited": func(n int) func(*timesheet.Content) { return project(fmt.Sprint("project ", n)) },
		"moved":  func(n int) func(*timesheet.Content) { return of(fmt.Sprint("worker ", n%3)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entry := record(t, o, content(of(name)))
			n := 0
			entries := overtaken{o.Entries, func() {
				n++
				if _, err := o.Recorder.Amend(t.Context(), boss, entry.ID(), nil, change(edit(n))); err != nil {
					t.Errorf("change %d of the others: %v", n, err)
				}
			}}
			recorder := timekeeping.NewRecorder(entries, identity.UserIDs{}, timesheet.Day{}, fixture.NewID, fixture.Clock)
			changed, err := recorder.Amend(t.Context(), boss, entry.ID(), nil, change(hours("3")))
			if err != nil {
				t.Fatal(err)
			}
			want := entry.Snapshot().Content
			edit(n)(&want)
			hours("3")(&want)
			if got := get(t, o, entry.ID()); !cmp.Equal(got.Content, want, plain) || got.Version != n+2 || changed.Snapshot().Version != got.Version {
				t.Errorf("after %d changes of others it is version %d, %+v", n, got.Version, got.Content)
			}
			if err := recorder.Withdraw(t.Context(), boss, entry.ID(), nil); err != nil || get(t, o, entry.ID()).Change != timesheet.WasDeleted {
				t.Errorf("withdrawn: %v", err)
			}
		})
	}
}
