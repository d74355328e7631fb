package idempotency_test

import (
	"errors"
	"testing"
	"time"

	"timesheets/domain/fault"
	"timesheets/domain/replay"
	"timesheets/test/fixture/office"
)

// Of two processes one has a clock that is days ahead: it neither takes over
// what the other is carrying out nor forgets what it has answered.
func TestNoProcessesClockEndsALease(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	held, _, err := o.Guard.Begin(t.Context(), claim("1", "a"))
	if err != nil {
		t.Fatal(err)
	}
	o.Clock.Forward(100 * time.Hour)
	if _, _, err := o.Guard.Begin(t.Context(), claim("1", "a")); !errors.Is(err, fault.Conflict) {
		t.Errorf("while it is carried out: %v", err)
	}
	o.Clock.Forward(-100 * time.Hour)
	if err := o.Guard.Finish(t.Context(), held, replay.Answer{Status: 409}); err != nil {
		t.Fatal(err)
	}
	o.Clock.Forward(100 * time.Hour)
	if _, given, err := o.Guard.Begin(t.Context(), claim("1", "a")); err != nil || given == nil || given.Status != 409 {
		t.Errorf("once it is answered: %+v, %v", given, err)
	}
}
