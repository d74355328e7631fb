package httpapi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
)

// readCSV reads a table as RFC 4180 says, to the letter: encoding/csv changes
// line breaks inside cells.
func readCSV(t interface{ Fatalf(string, ...any) }, text string) [][]string {
	var table [][]string
	for text != "" {
		var row []string
		for end := ","; end == ","; {
			var cell string
			if quoted, is := strings.CutPrefix(text, `"`); is {
				for again := true; again; {
					part, rest, closed := strings.Cut(quoted, `"`)
					if !closed {
						t.Fatalf("a quote is not closed: %q", text)
					}
					if quoted, again = strings.CutPrefix(rest, `"`); again {
						part += `"`
					}
					cell += part
				}
				text = quoted
			} else {
				n := strings.IndexAny(text, ",\r\n\"")
				if n < 0 {
					t.Fatalf("the last record does not end: %q", text)
				}
				cell, text = text[:n], text[n:]
			}
			row = append(row, cell)
			if end = ","; !strings.HasPrefix(text, end) {
				end = "\r\n"
			}
			if !strings.HasPrefix(text, end) {
				t.Fatalf("behind the cell %q stands %.20q", cell, text)
			}
			text = text[len(end):]
		}
		table = append(table, row)
	}
	return table
}

func TestACellIsNeverAFormula(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                    "",
		"Website":             "Website",
		"=1+1":                "'=1+1",
		"+49 30 1234":         "'+49 30 1234",
		"-1":                  "'-1",
		"@SUM(A1)":            "'@SUM(A1)",
		"\t=1+1":              "'\t=1+1",
		"\r=1+1":              "'\r=1+1",
		"\n=1+1":              "'\n=1+1",
		"\uff1d1+1":           "'\uff1d1+1",
		"\uff0b1":             "'\uff0b1",
		"\uff0d1":             "'\uff0d1",
		"\uff20SUM(A1)":       "'\uff20SUM(A1)",
		"1=1":                 "1=1",
		"a@exampleco.com":     "a@exampleco.com",
		"'=1+1":               "'=1+1",
		"\u00bdday":           "\u00bdday", // its first byte is 0xc2
		"\u043f\u0440\u0438":  "\u043f\u0440\u0438",
		"\u65e5\u672c":        "\u65e5\u672c",
		"=HYPERLINK(\"x\",1)": "'=HYPERLINK(\"x\",1)",
	} {
		if got := plainCell(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

// Whatever stands in a cell, a reader gets the same text back.
func TestATableHoldsAnyText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.StringOfN(rapid.RuneFrom([]rune("ab \"',;\t\r\n\\.=é日\x00")), 0, 8, -1)
		table := rapid.SliceOfN(rapid.SliceOfN(cell, 3, 3), 1, 4).Draw(t, "table")
		var text bytes.Buffer
		for _, row := range table {
			writeRow(&text, row)
		}
		if diff := cmp.Diff(table, readCSV(t, text.String())); diff != "" {
			t.Fatalf("%q reads as (-wrote +read):\n%s", text.String(), diff)
		}
	})
}

// hostile is an entry that has a formula in each text that somebody may write.
func hostile(t *testing.T) timesheet.Entry {
	t.Helper()
	content := fixture.Full()
	content.UserID, content.Project, content.Task, content.Description = "=user", "+project", "-task", "@description\r\nof \"two\", lines\n\rand\rmore"
	content.Tags = []string{"=tag", "b"}
	e, err := timesheet.Restore(timesheet.Snapshot{
		ID: fixture.NewID(), Origin: timesheet.Origin{Source: "kimai", ExternalID: "\t=id"}, Content: content, Status: timesheet.Rejected,
		Version: 3, Change: timesheet.WasRejected, CreatedAt: fixture.Now, CreatedBy: "=creator", UpdatedAt: fixture.Now, UpdatedBy: "bob",
		ImportID: fixture.NewID(), DecidedAt: fixture.Now, DecidedBy: "=decider", Reason: "\r=reason",
		Received: timesheet.Received{SourceUpdatedAt: fixture.Now.Add(time.Minute)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestNoColumnOfAnExportBeginsLikeAFormula(t *testing.T) {
	t.Parallel()
	e := hostile(t)
	text, err := writeCSV([]timesheet.Entry{e, e}, true)
	if err != nil {
		t.Fatal(err)
	}
	table := readCSV(t, string(text))
	if len(table) != 3 || len(table[0]) != len(table[1]) {
		t.Fatalf("%d rows: %q", len(table), table)
	}
	row := map[string]string{}
	for i, name := range table[0] {
		row[name] = table[1][i]
		if strings.ContainsAny(table[1][i][:1], "=+-@\t\r\n") {
			t.Errorf("%s is %q", name, table[1][i])
		}
	}
	for name, want := range map[string]string{
		"user_id": "'=user", "project": "'+project", "task": "'-task", "description": "'@description\r\nof \"two\", lines\n\rand\rmore",
		"tags": "'=tag, b", "external_id": "'\t=id", "created_by": "'=creator", "decided_by": "'=decider", "reason": "'\r=reason",
		"date": "2026-11-20", "week": "2026-W47", "hours": "8", "seconds": "28800", "billable": "true", "time_zone": "Europe/Berlin",
		"started_at": "2026-11-20T08:00:00Z", "status": "rejected", "source": "kimai", "version": "3", "created_at": "2026-11-20T12:00:00Z",
		"decided_at": "2026-11-20T12:00:00Z", "source_updated_at": "2026-11-20T12:01:00Z",
	} {
		if row[name] != want {
			t.Errorf("%s is %q, want %q", name, row[name], want)
		}
	}
	if next, err := writeCSV([]timesheet.Entry{e}, false); err != nil || len(readCSV(t, string(next))) != 1 {
		t.Errorf("the next page has a header again: %q, %v", next, err)
	}
}

func TestAnExportOfNothingIsAHeader(t *testing.T) {
	t.Parallel()
	text, err := writeCSV(nil, true)
	if err != nil || string(text) != strings.Join(entryColumns, ",")+"\r\n" {
		t.Errorf("got %q, %v", text, err)
	}
	if lines, err := writeLines(nil, true); err != nil || len(lines) != 0 {
		t.Errorf("got %q, %v", lines, err)
	}
}

// Lines keep text as it is: programs read them.
func TestEachLineOfAnExportIsAnEntry(t *testing.T) {
	t.Parallel()
	e := hostile(t)
	text, err := writeLines([]timesheet.Entry{e, e}, true)
	lines := strings.SplitAfter(string(text), "\n")
	if err != nil || len(lines) != 3 || lines[2] != "" || lines[0] != lines[1] {
		t.Fatalf("got %q, %v", lines, err)
	}
	var got struct {
		UserID      string `json:"user_id"`
		Description string `json:"description"`
		Reason      string `json:"reason"`
	}
	if err := json.Unmarshal([]byte(lines[0]), &got); err != nil {
		t.Fatal(err)
	}
	if got.UserID != "=user" || got.Description != e.Snapshot().Content.Description || got.Reason != "\r=reason" {
		t.Errorf("got %+v", got)
	}
}

// fasthttp ends an answer to HEAD as if it had sent a body in chunks, and the
// end would be taken for the beginning of the next answer.
func TestHeadOfAnExportLeavesItsConnectionInOrder(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), exporting(pages(io.EOF, "a\n", "b\n")))
	conn := r.dial(t)
	if _, err := io.WriteString(conn, strings.Replace(exportRequest, "GET", "HEAD", 1)+exportRequest); err != nil {
		t.Fatal(err)
	}
	got := bufio.NewReader(conn)
	head, err := http.ReadResponse(got, &http.Request{Method: http.MethodHead})
	if err != nil || head.StatusCode != 200 || head.Header.Get("Content-Type") != "text/csv" || head.ContentLength > 0 {
		t.Fatalf("HEAD: %+v, %v", head, err)
	}
	next, err := http.ReadResponse(got, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Body.Close()
	if body, err := io.ReadAll(next.Body); err != nil || string(body) != "a\nb\n" {
		t.Errorf("then GET: %q, %v", body, err)
	}
}
