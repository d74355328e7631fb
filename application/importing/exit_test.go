package importing_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"timesheets/application/importing"
	"timesheets/domain/fault"
)

func TestTheExitCodeTellsASchedulerWhatToDo(t *testing.T) {
	t.Parallel()
	of := func(kind fault.Kind) error {
		return fmt.Errorf("upload part 1: %w", fault.Wrap(errors.New("cause"), kind, "code", "text"))
	}
	for _, tt := range []struct {
		name    string
		summary importing.Summary
		err     error
		want    int
	}{
		{"all landed", importing.Summary{Read: 5}, nil, 0},
		{"only known problems", importing.Summary{KnownProblems: 5}, nil, 0},
		{"a new problem", importing.Summary{NewProblems: 1, KnownProblems: 5}, nil, 3},
		{"something that is no entry", importing.Summary{Unreadable: 1}, nil, 3},
		{"the other side is away", importing.Summary{}, of(fault.Unavailable), 1},
		{"the other side has had enough", importing.Summary{NewProblems: 1}, of(fault.Exhausted), 1},
		{"another run is under way", importing.Summary{}, of(fault.Conflict), 1},
		{"a defect", importing.Summary{}, of(fault.Internal), 1},
		{"stopped", importing.Summary{}, context.Canceled, 1},
		{"no token counts", importing.Summary{}, of(fault.Unauthenticated), 2},
		{"no permission", importing.Summary{}, of(fault.Forbidden), 2},
		{"a wrong address", importing.Summary{}, of(fault.NotFound), 2},
		{"a wrong setting", importing.Summary{}, of(fault.Invalid), 2},
		{"a broken file", importing.Summary{}, of(fault.Malformed), 2},
		{"a limit that no row passes", importing.Summary{}, of(fault.TooLarge), 2},
		{"two mistakes", importing.Summary{}, errors.Join(of(fault.Invalid), of(fault.Invalid)), 2},
		{"a pass that had a refusal for its cause", importing.Summary{}, fault.Wrap(fault.New(fault.Forbidden, "x", "x"), fault.Unavailable, "code", "text"), 1},
	} {
		if got := importing.ExitCode(tt.summary, tt.err); got != tt.want {
			t.Errorf("%s: got %d, want %d", tt.name, got, tt.want)
		}
	}
}
