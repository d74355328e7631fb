package integration

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
)

func TestArrayAndLinesPackedOrNotComeToTheSame(t *testing.T) {
	t.Parallel()
	array, err := json.Marshal(mixed)
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	for _, r := range mixed {
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		lines.Write(append(line, '\n'))
	}
	var want []string
	for _, form := range []struct {
		name, contentType string
		body              []byte
		packed            bool
	}{
		{"array", "application/json", array, false},
		{"array, packed", "application/json", array, true},
		{"lines", "application/x-ndjson", lines.Bytes(), false},
		{"lines, packed", "application/x-ndjson; charset=UTF-8", lines.Bytes(), true},
		{"lines without the last line feed", "application/x-ndjson", bytes.TrimSpace(lines.Bytes()), false},
		{"lines that end with CR LF, and blank ones", "application/x-ndjson", bytes.ReplaceAll(lines.Bytes(), []byte("\n"), []byte("\r\n \t\r\n\n")), false},
	} {
		t.Run(form.name, func(t *testing.T) {
			c := newCompany(t)
			first := c.job.Post(t, upload, before).Is(t, 200).Report(t)
			c.bob.Put(t, "/v1/approvals/"+first.Results[2].ID, nil).Is(t, 200)
			job, body := c.job.With("Content-Type", form.contentType), form.body
			if form.packed {
				job, body = job.With("Content-Encoding", "gzip"), packed(t, body)
			}
			got := verdicts(job.Post(t, upload, body).Is(t, 200).Report(t))
			if want == nil {
				want = got
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("unlike an array (-array +got):\n%s", diff)
			}
		})
	}
}

func TestALineThatIsNoJSONIsARowWithAProblem(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	lines := strings.Join([]string{
		`{"external_id":"1","user_id":"ann","date":"2026-11-20","project":"P","hours":1`,
		`{"external_id":"2","user_id":"ann","date":"2026-11-20","project":"P","hours":1}`,
		`{"external_id":"3","user_id":"ann","date":"2026-11-20","project":"P","hours":1} {}`,
		"{\"external_id\":\"4\",\"user_id\":\"\xff\",\"date\":\"2026-11-20\",\"project\":\"P\",\"hours\":1}",
		strings.Repeat("[", 40) + strings.Repeat("]", 40),
		`{"external_id":"5","user_id":"ann","date":"2026-11-20","project":"P","hours":1}{"external_id":"6","user_id":"ann","date":"2026-11-20","project":"P","hours":1}`,
	}, "\n")
	got := c.job.With("Content-Type", "application/x-ndjson").Post(t, upload, lines).Is(t, 200).Report(t)
	// A key is known where the line is one object, whatever is wrong within it.
	want := []string{" rejected malformed_json", "2 created ", " rejected malformed_json", "4 rejected malformed_json", " rejected malformed_json", " rejected malformed_json"}
	if diff := cmp.Diff(want, verdicts(got)); diff != "" {
		t.Errorf("verdicts (-want +got):\n%s", diff)
	}
	for i, what := range map[int]string{0: "ends too early", 2: "goes on behind its end", 3: "not JSON in UTF-8", 4: "more than 32 deep", 5: "Begin a new line"} {
		if p := got.Results[i].Error; p == nil || !strings.Contains(p.Detail, what) {
			t.Errorf("of line %d it says %+v, not %q", i, p, what)
		}
	}
	rows := keptRows(t, c.job, got.ImportID)
	if len(rows) != 5 || !strings.Contains(rows[2].Text, "\uFFFD") {
		t.Errorf("kept are %+v", rows)
	}
}

func TestAnUploadOfNothingIsARunOfNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	if got := c.job.Post(t, upload, "[]").Is(t, 200).Report(t); got.Received != 0 || got.ImportID == "" {
		t.Errorf("got %+v", got)
	}
	if got := c.job.With("Content-Type", "application/x-ndjson").Post(t, upload, "\n\n").Is(t, 200).Report(t); got.Received != 0 {
		t.Errorf("got %+v", got)
	}
}

func TestAnUploadThatCannotBeReadIsRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for _, tt := range []struct {
		name   string
		by     apitest.Caller
		body   any
		status int
		code   string
	}{
		{"an array that does not end", c.job, `[{"external_id":"1"},`, 400, "malformed_json"},
		{"something after the array", c.job, `[] []`, 400, "malformed_json"},
		{"neither object nor array", c.job, `17`, 400, "malformed_json"},
		{"no body", c.job.With("Content-Type", "application/json"), nil, 400, "malformed_json"},
		{"an object with a member twice", c.job, `{"user_id":"a","user_id":"b"}`, 400, "duplicate_member"},
		{"an object in UTF-16", c.job, "\xff\xfe{\x00}\x00", 400, "malformed_json"},
		{"text", c.job.With("Content-Type", "text/plain"), `[]`, 415, "unsupported_media_type"},
		{"Latin-1", c.job.With("Content-Type", "application/json; charset=iso-8859-1"), `[]`, 415, "unsupported_media_type"},
		{"brotli", c.job.With("Content-Encoding", "br"), `[]`, 415, "unsupported_media_type"},
		{"gzip twice", c.job.With("Content-Encoding", "gzip, gzip"), packed(t, packed(t, []byte("[]"))), 415, "unsupported_media_type"},
		{"gzip that is none", c.job.With("Content-Encoding", "gzip"), `[]`, 400, "bad_request"},
		{"half of a gzip", c.job.With("Content-Encoding", "gzip"), packed(t, []byte("[]"))[:12], 400, "bad_request"},
		{"5,001 rows", c.job, "[" + strings.Repeat("0,", 5000) + "0]", 413, "too_many_rows"},
		{"5,001 lines", c.job.With("Content-Type", "application/x-ndjson"), strings.Repeat("0\n", 5001), 413, "too_many_rows"},
		{"an object of more than 64 KiB", c.job, `{"description":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "body_too_large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.by.Post(t, upload, tt.body).IsProblem(t, tt.status, tt.code)
		})
	}
}

func TestFiveThousandRowsAreTakenAtOnce(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	rows := make([]any, 5000)
	for i := range rows {
		rows[i] = fields{"external_id": fmt.Sprint(i), "user_id": fmt.Sprintf("w%d", i%50), "date": day(-i % 200), "project": "P", "seconds": 60}
	}
	if got := c.job.Post(t, upload+"?source=bulk&results=none", rows).Is(t, 200).Report(t); got.Created != 5000 || len(got.Results) != 0 {
		t.Errorf("got %+v", got.Counts)
	}
	if got := c.job.Post(t, upload+"?source=bulk", rows).Is(t, 200).Report(t); got.Unchanged != 5000 || len(got.Results) != 5000 {
		t.Errorf("again: got %+v with %d results", got.Counts, len(got.Results))
	}
}

// verdicts is what became of each row, without what differs from run to run.
func verdicts(r apitest.Report) []string {
	said := make([]string, len(r.Results))
	for i, result := range r.Results {
		said[i] = result.ExternalID + " " + result.Outcome + " " + result.Code
	}
	return said
}

func packed(t *testing.T, body []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
