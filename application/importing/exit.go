package importing

import "timesheets/domain/fault"

// The exit codes of the job, which a scheduler acts on.
const (
	ExitDone          = 0 // everything landed, or only problems that were known before
	ExitAgain         = 1 // not finished, worth another try
	ExitMisconfigured = 2 // configuration or usage, no use trying again
	ExitProblems      = 3 // finished, with rows newly refused or in conflict
)

// ExitCode says what a run's end means to a scheduler. What could not be read
// as an entry at all is a new problem each time, since the API, which never
// saw it, cannot know it again.
func ExitCode(s Summary, err error) int {
	switch {
	case err != nil && hopeless(fault.Of(err).Kind):
		return ExitMisconfigured
	case err != nil:
		return ExitAgain
	case s.NewProblems > 0 || s.Unreadable > 0:
		return ExitProblems
	}
	return ExitDone
}

// hopeless tells whether only a person can mend a fault of this kind.
func hopeless(kind fault.Kind) bool {
	switch kind {
	case fault.Unauthenticated, fault.Forbidden, fault.NotFound, fault.Malformed, fault.Invalid, fault.TooLarge:
		return true
	case fault.Internal, fault.Conflict, fault.Stale, fault.Unconditional, fault.Exhausted, fault.Unavailable:
	}
	return false
}
