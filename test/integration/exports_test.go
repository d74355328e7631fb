package integration

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"timesheets/adapters/localpostgres"
	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

// listed walks a list page by page.
func listed(t *testing.T, by apitest.Caller, path string) (all []apitest.Entry) {
	t.Helper()
	for path != "" {
		page := by.Get(t, path).Is(t, 200)
		all, path = append(all, page.Entries(t)...), page.Next(t)
	}
	return all
}

// exported asks for a selection in one answer, as lines and as a table.
func exported(t *testing.T, by apitest.Caller, path string) (lines []apitest.Entry, table []map[string]string) {
	t.Helper()
	text := by.With("Accept", "application/x-ndjson").Get(t, path).Is(t, 200)
	if got := text.Header.Get("Content-Type"); got != "application/x-ndjson" {
		t.Errorf("lines are %s", got)
	}
	for line := range bytes.Lines(text.Body) {
		var e apitest.Entry
		if err := json.Unmarshal(line, &e); err != nil || !bytes.HasSuffix(line, []byte("}\n")) {
			t.Fatalf("the line %q: %v", line, err)
		}
		lines = append(lines, e)
	}
	return lines, tableOf(t, by.With("Accept", "text/csv").Get(t, path).Is(t, 200))
}

// tableOf reads a table, each row by the names in its header.
func tableOf(t *testing.T, answer apitest.Answer) (table []map[string]string) {
	t.Helper()
	if got := answer.Header.Get("Content-Type"); got != "text/csv; charset=utf-8; header=present" {
		t.Errorf("a table is %s", got)
	}
	if !bytes.HasSuffix(answer.Body, []byte("\r\n")) {
		t.Errorf("a table ends with %q", answer.Body[max(0, len(answer.Body)-10):])
	}
	rows, err := csv.NewReader(bytes.NewReader(answer.Body)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows[1:] {
		named := map[string]string{}
		for i, cell := range row {
			named[rows[0][i]] = cell
		}
		table = append(table, named)
	}
	return table
}

// inTable is how a table shows an entry.
func inTable(e apitest.Entry) map[string]string {
	plain := func(text string) string {
		if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r\n") {
			return "'" + text
		}
		return text
	}
	return map[string]string{
		"id": e.ID, "user_id": plain(e.UserID), "date": e.Date, "week": e.Week, "project": plain(e.Project), "task": plain(e.Task),
		"description": plain(e.Description), "hours": strconv.FormatFloat(e.Hours, 'f', -1, 64), "seconds": strconv.Itoa(e.Seconds),
		"billable": strconv.FormatBool(e.Billable), "started_at": e.StartedAt, "time_zone": e.TimeZone, "tags": plain(strings.Join(e.Tags, ", ")),
		"status": e.Status, "decided_at": e.DecidedAt, "decided_by": plain(e.DecidedBy), "reason": plain(e.Reason), "source": e.Source,
		"external_id": plain(e.ExternalID), "source_updated_at": e.SourceUpdatedAt, "import_id": e.ImportID, "version": strconv.Itoa(e.Version),
		"created_at": e.CreatedAt, "updated_at": e.UpdatedAt, "created_by": plain(e.CreatedBy),
	}
}

func TestAnExportIsTheWholeListInOneAnswer(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	texts := []string{"=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", "Größe, 日本", `"quoted", and; more`, "two\nlines", "'=1", " blank ", "plain"}
	rows := make([]any, 1_203) // more than two pages
	for i := range rows {
		text := texts[i%len(texts)]
		rows[i] = row(fmt.Sprint(i)).but(fields{"hours": nil, "seconds": 1 + i%7, "date": day(-i % 40), "user_id": []string{"ann", "=bea"}[i%2], "task": text,
			"description": text, "project": "p" + fmt.Sprint(i%3), "tags": []string{text, "x"}, "billable": i%5 > 0})
	}
	report := c.job.Post(t, upload+"?source=toggl", rows).Is(t, 200).Report(t)
	c.job.Post(t, upload+"?source=kimai", row("=k").but(fields{"project": "=p", "source_updated_at": "2026-01-02T03:04:05Z", "started_at": today() + "T08:00:00Z", "time_zone": "Europe/Berlin"})).Is(t, 201)
	c.ann.Post(t, timesheets, work()).Is(t, 201)
	c.bob.Put(t, approvals+"/"+report.Results[0].ID, fields{"status": "rejected", "reason": "=no"}).Is(t, 200)
	c.bob.Put(t, approvals+"/"+report.Results[2].ID, nil).Is(t, 200)
	c.job.Delete(t, timesheets+"/"+report.Results[4].ID).Is(t, 204)
	for _, tt := range []struct {
		by    apitest.Caller
		query string
		n     int
	}{
		{c.job, "", 1_204},
		{c.ann, "", 603},
		{c.bob, "", 0},
		{c.bob, "?user_id=*", 1_204},
		{c.bob, "?user_id=" + url.QueryEscape("=bea"), 601},
		{c.job, "?source=kimai", 1},
		{c.job, "?status=rejected", 1},
		{c.job, "?status=approved&user_id=ann&project=p2", 1},
		{c.job, "?project=" + url.QueryEscape("=p"), 1},
		{c.job, "?from=" + day(-5) + "&to=" + day(-3), 89},
		{c.job, "?import_id=" + report.ImportID, 1_200},
		{c.job, "?user_id=nobody", 0},
	} {
		want := listed(t, tt.by, timesheets+tt.query+map[bool]string{true: "?", false: "&"}[tt.query == ""]+"limit=401")
		lines, table := exported(t, tt.by, timesheets+tt.query)
		if len(want) != tt.n {
			t.Errorf("%q: the list has %d entries, want %d", tt.query, len(want), tt.n)
		}
		if diff := cmp.Diff(want, lines); diff != "" {
			t.Errorf("%q (-list +lines):\n%s", tt.query, diff)
		}
		var shown []map[string]string
		for _, e := range want {
			shown = append(shown, inTable(e))
		}
		if diff := cmp.Diff(shown, table); diff != "" {
			t.Errorf("%q (-list +table):\n%s", tt.query, diff)
		}
	}
}

func TestAnExportIsRefusedAsItsListWouldBe(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for _, accept := range []string{"text/csv", "application/x-ndjson"} {
		ann := c.ann.With("Accept", accept)
		for query, code := range map[string]string{"limit=5": "unknown_member", "cursor=x": "unknown_member", "from=x": "not_a_date", "user_id=": "required", "status=done": "not_a_status"} {
			if p := ann.Get(t, timesheets+"?"+query).Problem(t); p.Status != 422 || p.Code != code {
				t.Errorf("%s as %s: got %+v, want 422 %s", query, accept, p, code)
			}
		}
		ann.Get(t, timesheets+"?user_id=bea").IsProblem(t, 403, "other_worker")
		ann.Get(t, timesheets+"?user_id=*").IsProblem(t, 403, "other_worker")
		ann.Send(t, "HEAD", timesheets, nil).Is(t, 200)
		ann.Get(t, changes).IsProblem(t, 406, "not_acceptable")
	}
	c.ann.With("Accept", "application/x-ndjson").Get(t, hours+"?from=2026-01-01&to=2026-01-01").IsProblem(t, 406, "not_acceptable")
}

// many makes 100,000 entries with long texts, 100 a day.
const many = `INSERT INTO entries (org_id, id, source, external_id, user_id, day, seconds, project, description, billable, status, version, change,
		created_at, created_by, updated_at, updated_by, write_id, position)
	SELECT 'default', ('00000000-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, 'kimai', lpad(i::text, 6, '0'), 'ann', date '2026-01-01' - i / 100, 60, 'Shop',
		repeat('words ', 50), true, 'pending', 1, 'created', now(), 'import-job', now(), 'import-job', '00000000-0000-7000-8000-000000000000', i
	FROM generate_series(0, 99999) i`

// begin asks for an export and gives its body, of which nothing is read yet.
func begin(t *testing.T, api *apitest.API, by apitest.Caller, accept, query string) io.ReadCloser {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api.URL+timesheets+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+by.Token())
	request.Header.Set("Accept", accept)
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s", accept, query, response.Status)
	}
	return response.Body
}

// ended reads lines to the end, each of which must begin with another id than
// the one before, and gives their number.
func ended(t *testing.T, body io.Reader) (lines int, err error) {
	t.Helper()
	from, last := bufio.NewReader(body), ""
	for {
		line, err := from.ReadString('\n')
		if err != nil {
			if err == io.EOF && line == "" {
				err = nil
			}
			return lines, err
		}
		lines++
		if last == line {
			t.Fatalf("line %d comes again: %s", lines, line)
		}
		last = line
	}
}

// peak is the most memory that the program ever had, in bytes, where the
// kernel tells (VmHWM in proc(5)); 0 where it does not.
func peak(t *testing.T, api *apitest.API) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", api.PID()))
	if errors.Is(err, os.ErrNotExist) {
		return 0
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if err != nil || found == nil {
		t.Fatalf("%q, %v", status, err)
	}
	kilobytes, _ := strconv.Atoi(string(found[1]))
	return kilobytes << 10
}

// A hundred thousand entries go through an API that has one connection to its
// database, to readers that are fast, slow, and cut off.
func TestALargeExportIsBoundedAndNeverLooksWholeWhenItIsNot(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	conn, err := pgx.Connect(t.Context(), server.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(t.Context(), many); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	api := apitest.Start(t, server.URL(), apitest.Settings{"DATABASE_POOL_MAX": "1"})
	job, ann := api.Machine(t, ""), api.Person(t, "ann", "")

	if n, err := ended(t, begin(t, api, job, "text/csv", "?from=2025-12-01&to=2025-12-31")); n != 3_101 || err != nil {
		t.Errorf("a month has %d lines, %v", n, err)
	}
	before := peak(t, api)
	if n, err := ended(t, begin(t, api, ann, "application/x-ndjson", "")); n != 100_000 || err != nil {
		t.Errorf("got %d lines, %v", n, err)
	}
	// It is 68 MB. When the collector runs is chance; what it may let stand is not.
	grew := peak(t, api) - before
	if t.Logf("the program grew by %d KiB, to %d", grew>>10, (before+grew)>>10); grew > 32<<20 && !apitest.Race {
		t.Error("that is too much")
	}

	slow := begin(t, api, job, "application/x-ndjson", "")
	if _, err := io.CopyN(io.Discard, slow, 1); err != nil {
		t.Fatal(err)
	}
	// While it is not read on, others have the one connection.
	ann.Post(t, timesheets, work()).Is(t, 201)
	first := read(t, job, "", "500")
	ann.Post(t, timesheets, work()).Is(t, 201)

	if err := server.Halt(t.Context(), localpostgres.Killed); err != nil {
		t.Fatal(err)
	}
	if n, err := ended(t, slow); !errors.Is(err, io.ErrUnexpectedEOF) || n == 0 || n >= 100_000 {
		t.Errorf("an export that lost its database has %d lines and ends with %v", n, err)
	}
	job.With("Accept", "text/csv").Get(t, timesheets).IsProblem(t, 503, "database_unavailable")
	if err := server.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}

	api.Stop(t)
	api.Run(t)
	api.AwaitReady(t)
	next := read(t, job, first.Cursor, "500")
	if len(first.Changes) != 1 || len(next.Changes) != 1 || next.Changes[0].Number != 2 || next.More {
		t.Errorf("with a cursor from before, the feed goes on with %+v", next)
	}
}
