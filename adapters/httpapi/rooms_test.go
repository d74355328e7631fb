package httpapi

import (
	"testing"
	"time"
)

func TestADeadlineSaysWhatRoomWasTaken(t *testing.T) {
	t.Parallel()
	for _, taken := range []room{noRoom, bodyRoom, uploadRoom} {
		for _, timeout := range []time.Duration{time.Millisecond, time.Minute, time.Hour} {
			for _, stalled := range []time.Duration{0, time.Second, 24 * time.Hour} {
				asked := time.Now().Add(-stalled)
				got, deadline := roomIn(asked.Add(withRoom(timeout, taken)))
				if got != taken || !deadline.Equal(asked.Add(timeout)) {
					t.Errorf("of %d and %s, after %s: %d, %s", taken, timeout, stalled, got, deadline.Sub(asked))
				}
			}
		}
	}
	for name, deadline := range map[string]time.Time{"none": {}, "of an idle connection": time.Now().Add(time.Minute), "over": time.Now().Add(-time.Hour)} {
		if got, still := roomIn(deadline); got != noRoom || !still.Equal(deadline) {
			t.Errorf("in a deadline, %s: %d, %s", name, got, still)
		}
	}
}
