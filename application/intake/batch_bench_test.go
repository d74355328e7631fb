package intake

import (
	"context"
	"fmt"
	"testing"
	"time"

	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// glancing is a ledger that knows what it was told was last received.
type glancing struct {
	Ledger

	glimpse []Glimpse
}

func (g glancing) Glance(context.Context, identity.Organization, string, []string) ([]Glimpse, error) {
	return g.glimpse, nil
}

// unhurried is the way of a batch that is alone.
type unhurried struct{}

func (unhurried) Yield(context.Context, int) {}

// A batch up to the locks: identified, checked, digested, compared. A row costs
// about ns/op / 5000.
func BenchmarkRowsAreJudgedByThemselves(b *testing.B) {
	now := time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC)
	rows := make([]Row, MaxRows)
	for i := range rows {
		seconds, _ := timesheet.DurationFromSeconds(int64(60 + i))
		rows[i] = Row{ExternalID: fmt.Sprintf("%024x", i), Content: timesheet.Content{
			UserID: fmt.Sprintf("auth0|5f7c8ec7c33c6c004bbafe%04x", i*263%500), Day: timesheet.DayIn(now).Add(-i / 14), Billable: true, Duration: seconds,
			Project: "Customer portal", Task: "Development", Description: "Investigated slow search and added the missing index to orders",
		}}
	}
	fresh, same := make([]Glimpse, MaxRows), make([]Glimpse, MaxRows)
	for i := range same {
		same[i] = Glimpse{ID: timesheet.ID{1, byte(i)}, Received: timesheet.Received{Digest: rows[i].Content.Digest()}}
	}
	by := identity.Principal{Kind: identity.Machine, Organization: identity.DefaultOrganization, Scopes: identity.Scopes()}
	for _, tt := range []struct {
		name    string
		glimpse []Glimpse
		left    int // of them, for a judgement under lock
	}{
		{"new", fresh, MaxRows},
		{"unchanged", same, 0},
	} {
		b.Run(tt.name, func(b *testing.B) {
			r := NewReceiver(glancing{glimpse: tt.glimpse}, unhurried{}, identity.UserIDsBy(""), LockBefore{}, nil, func() time.Time { return now })
			b.ReportAllocs()
			for b.Loop() {
				judged, err := r.prepare(b.Context(), by, Upload{Rows: rows})
				if err != nil || len(judged.open) != tt.left {
					b.Fatal(len(judged.open), err)
				}
			}
		})
	}
}
