package httpapi

import (
	"fmt"
	"testing"

	"timesheets/application/intake"
)

// bodyOf is an upload of n rows as a tracker of 500 people sends them, with
// more said in each.
func bodyOf(n int, more string) []byte {
	body := []byte{'['}
	for i := range n {
		if i > 0 {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, `{"external_id":"000000010000%012x","user_id":"auth0|5f7c8ec7c33c6c004bbafe%04x","date":"2026-%02d-%02d",`+
			`"project":"%s","task":"%s","description":"Investigated slow search and added the missing index to orders (%d)","billable":true,"hours":%.4g%s}`,
			i, i*263%500, i/28%12+1, i%28+1, []string{"Customer portal", "Billing migration", "Internal"}[i%3], []string{"Development", "Meeting"}[i%2], i%7, float64(i%200)/100+0.05, more)
	}
	return append(body, ']')
}

// A row costs about ns/op / 5000.
func BenchmarkRowsAreReadFromABody(b *testing.B) {
	for _, tt := range []struct{ name, more string }{
		{"texts and numbers", ""},
		{"also stamps and tags", `,"source_updated_at":"2026-11-20T09:00:00Z","started_at":"2026-11-19T09:00:00+01:00","tags":["a","b"],"source":"kimai"`},
		{"escapes", `,"time_zone":"Europe\/Berlin"`},
		{"a mistake in each", `,"surprise":1`},
	} {
		body := bodyOf(intake.MaxRows, tt.more)
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if rows, err := rowsOfArray(body); err != nil || len(rows) != intake.MaxRows {
					b.Fatal(len(rows), err)
				}
			}
		})
	}
}
