package postgres_test

import (
	"strings"
	"testing"
	"time"

	"timesheets/adapters/postgres"
	"timesheets/application/intake"
	"timesheets/application/precedence"
	"timesheets/domain/identity"
	"timesheets/test/fixture/office"
)

// What a retry has no room for is not read: thousands of texts would be.
func TestOfRefusedRowsThoseComeThatHaveRoom(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	ledger := postgres.NewLedger(o.Pool, precedence.New(time.Now), o.Clock.Now)
	var rows []intake.Row
	for _, key := range []string{"e", "d", "c", "b", "a"} {
		rows = append(rows, office.Row(key, office.Project(""), func(r *intake.Row) { r.Text = []byte(strings.Repeat(key, 100)) }))
	}
	rows[1].Problem = &intake.Problem{Code: "not_a_date", Detail: "It is none."}
	o.Receive(t, rows...)
	for _, tt := range []struct {
		name, code  string
		limit, room int
		want        string
	}{
		{"all", "", 5, 500, "edcba"},
		{"as many as have room", "", 5, 499, "edcb"},
		{"of a code", "required", 5, 300, "ecb"},
		{"as many as are asked for", "", 2, 500, "ed"},
		{"one", "", 5, 100, "e"},
	} {
		found, err := ledger.Refused(t.Context(), identity.DefaultOrganization, office.Source, tt.code, tt.limit, tt.room)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got := ""
		for _, r := range found {
			got += r.ExternalID
			if string(r.Text) != strings.Repeat(r.ExternalID, 100) {
				t.Errorf("%s: the text of %s is %s", tt.name, r.ExternalID, r.Text)
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
