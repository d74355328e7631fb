package faults

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

const (
	uploads  = "/v1/timesheets/upload"
	ndjson   = "application/x-ndjson"
	maxBody  = 8 << 20  // bytes of an upload
	maxLine  = 64 << 10 // bytes of one object
	mayGrow  = 96 << 20 // of the program's memory; one body unpacked without a bound is 300 MiB
	theOther = `{"external_id":"good","user_id":"ann","date":"2026-11-20","project":"P","seconds":1}`
)

// hostile is a body that somebody sends, and how it is answered. An upload is
// either refused as a whole, or its bad row is, and the good one beside it is
// taken.
type hostile struct {
	name   string
	by     func(apitest.Caller) apitest.Caller
	path   string
	body   []byte
	status int
	code   string // of the problem, or of the first row
}

func hostileBodies(t *testing.T) []hostile {
	t.Helper()
	as := func(fields ...string) func(apitest.Caller) apitest.Caller {
		return func(c apitest.Caller) apitest.Caller { return c.With(fields...) }
	}
	lines, packed, plain := as("Content-Type", ndjson), as("Content-Encoding", "gzip"), as()
	text := func(s string) []byte { return []byte(s) }
	beside := func(row string) []byte { return text("[" + row + "," + theOther + "]") }
	row := func(members string) string {
		return `{"user_id":"ann","date":"2026-11-20","project":"P",` + members + `}`
	}
	repeat := strings.Repeat
	return []hostile{
		{"a bomb of 300 MB in 300 KB", packed, uploads, bomb(t, 300), 413, "body_too_large"},
		{"a bomb in lines", as("Content-Encoding", "gzip", "Content-Type", ndjson), uploads, bomb(t, 300), 413, "body_too_large"},
		{"a bomb in a bomb", packed, uploads, zip(t, bomb(t, 300)), 400, "malformed_json"},
		{"a bomb in a bomb, both named", as("Content-Encoding", "gzip, gzip"), uploads, zip(t, bomb(t, 300)), 415, "unsupported_media_type"},
		{"a bomb where nothing may be packed", packed, "/v1/timesheets", bomb(t, 10), 415, "unsupported_media_type"},
		{"half a gzip", packed, uploads, bomb(t, 1)[:500], 400, "bad_request"},
		{"brotli", as("Content-Encoding", "br"), uploads, text("x"), 415, "unsupported_media_type"},
		{"8 MiB and a byte", plain, uploads, bytes.Repeat([]byte(" "), maxBody+1), 413, "body_too_large"},
		{"8 MiB of one line", lines, uploads, bytes.Repeat([]byte("x"), maxBody), 200, "row_too_large"},
		{"8 MiB of [", plain, uploads, bytes.Repeat([]byte("["), maxBody), 400, "malformed_json"},
		{"8 MiB of {", plain, uploads, bytes.Repeat([]byte("{"), maxBody), 413, "body_too_large"},
		{"8 MiB of [ in a line", lines, uploads, bytes.Repeat([]byte("["), maxBody), 200, "row_too_large"},
		{"8 MiB of blanks", plain, uploads, bytes.Repeat([]byte(" "), maxBody), 400, "malformed_json"},
		{"millions of empty lines", lines, uploads, bytes.Repeat([]byte("\n"), maxBody), 200, ""},
		{"a million lines", lines, uploads, bytes.Repeat([]byte("0\n"), 1_000_000), 413, "too_many_rows"},
		{"a million rows", plain, uploads, text("[" + repeat("0,", 1_000_000) + "0]"), 413, "too_many_rows"},
		{"5,001 rows", plain, uploads, text("[" + repeat("{},", 5000) + "{}]"), 413, "too_many_rows"},
		{"an object of 64 KiB and a byte", plain, uploads, text(`{"task":"` + repeat("x", maxLine-10) + `"}`), 413, "body_too_large"},
		{"64 KiB and a byte of another route", plain, "/v1/timesheets", bytes.Repeat([]byte(" "), maxLine+1), 413, "body_too_large"},
		{"an object 30,000 deep", plain, uploads, text(repeat(`{"a":`, 10_000) + repeat("}", 10_000)), 400, "malformed_json"},
		{"a row 30,000 deep", plain, uploads, beside(repeat("[", 30_000) + repeat("]", 30_000)), 400, "malformed_json"},
		{"a row 5,000 deep", plain, uploads, beside(repeat("[", 5_000) + repeat("]", 5_000)), 200, "malformed_json"},
		{"a line 30,000 deep", lines, uploads, text(repeat("[", 30_000) + repeat("]", 30_000) + "\n" + theOther), 200, "malformed_json"},
		{"a row with 600,000 members", plain, uploads, beside("{" + repeat(`"a":1,`, 600_000) + `"b":1}`), 200, "row_too_large"},
		{"a row with 5,000 members", plain, uploads, beside("{" + repeat(`"a":1,`, 5_000) + `"b":1}`), 200, "unknown_member"},
		{"a text of 3 MiB", plain, uploads, beside(row(`"hours":1,"description":"` + repeat("x", 3<<20) + `"`)), 200, "row_too_large"},
		{"a text of 60 KiB", plain, uploads, beside(row(`"hours":1,"description":"` + repeat("x", 60<<10) + `"`)), 200, "length"},
		{"60,000 tags", plain, uploads, beside(row(`"hours":1,"tags":[` + repeat(`"",`, 20_000) + `""]`)), 200, "too_many"},
		{"NUL", plain, uploads, beside(row(`"hours":1,"task":"a\u0000b"`)), 200, "nul"},
		{"NUL in the key", plain, uploads, beside(row(`"hours":1,"external_id":"\u0000"`)), 200, "nul"},
		{"NUL as it is", plain, uploads, beside(row("\"hours\":1,\"task\":\"a\x00b\"")), 400, "malformed_json"},
		{"half a surrogate", plain, uploads, beside(row(`"hours":1,"task":"\ud83d"`)), 200, "malformed_json"},
		{"surrogates the wrong way round", plain, uploads, beside(row(`"hours":1,"task":"\ude00\ud83d"`)), 200, "malformed_json"},
		{"no UTF-8", plain, uploads, beside(row("\"hours\":1,\"task\":\"\xc3\x28\"")), 200, "malformed_json"},
		{"a surrogate in UTF-8", plain, uploads, beside(row("\"hours\":1,\"task\":\"\xed\xa0\x80\"")), 200, "malformed_json"},
		{"a number that is none", plain, uploads, beside(row(`"hours":NaN`)), 400, "malformed_json"},
		{"a number of 60,000 digits", plain, uploads, beside(row(`"hours":1` + repeat("0", 60_000))), 200, "not_a_number"},
		{"a number beyond all", plain, uploads, beside(row(`"hours":1e999999999`)), 200, "out_of_range"},
		{"a number close to nothing", plain, uploads, beside(row(`"hours":1e-999999999`)), 200, "out_of_range"},
		{"the year 0", plain, uploads, beside(`{"user_id":"ann","date":"0000-01-01","project":"P","hours":1}`), 200, "date_out_of_range"},
		{"the year 1", plain, uploads, beside(`{"user_id":"ann","date":"0001-01-01","project":"P","hours":1}`), 200, "date_out_of_range"},
		{"a member twice", plain, uploads, beside(row(`"hours":1,"hours":2`)), 200, "duplicate_member"},
		{"a member in capitals", plain, uploads, beside(row(`"Hours":1`)), 200, "unknown_member"},
	}
}

func TestHostileBodiesAreRefusedInBoundedMemory(t *testing.T) {
	t.Parallel()
	bodies := hostileBodies(t)
	api := apitest.Start(t, pgtest.Database(t), nil)
	job := api.Machine(t, "")
	job.Post(t, uploads, "["+theOther+"]").Is(t, 200)
	before, measured := peak(t, api)
	for _, h := range bodies {
		h.send(t, job)
	}
	// Several at once, as somebody would who means it.
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() { bodies[i].send(t, job) })
	}
	all.Wait()
	if after, _ := peak(t, api); measured && !apitest.Race && after-before > mayGrow {
		t.Errorf("the program grew by %d MiB, want at most %d", (after-before)>>20, mayGrow>>20)
	} else {
		t.Logf("the program grew from %d to %d MiB at its peak", before>>20, after>>20)
	}
	api.As("").Get(t, "/readyz").Is(t, 200)
	if got := job.Post(t, uploads, theOther).Is(t, 200).Entry(t); got.Version != 1 {
		t.Errorf("the good row became %+v", got)
	}
}

func (h hostile) send(t *testing.T, job apitest.Caller) {
	t.Helper()
	got := h.by(job).Post(t, h.path, h.body)
	if got.Status != h.status {
		t.Errorf("%s: got %d %.300s, want %d", h.name, got.Status, got.Body, h.status)
		return
	}
	if h.status >= 400 {
		if code := got.Problem(t).Code; code != h.code {
			t.Errorf("%s: got the problem %s, want %s", h.name, code, h.code)
		}
		return
	}
	report := got.Report(t)
	if h.code == "" && report.Received == 0 {
		return
	}
	if len(report.Results) == 0 || report.Results[0].Code != h.code || report.Rejected != 1 || report.Created+report.Unchanged != report.Received-1 {
		t.Errorf("%s: got %+v in %.500s, want the first row %s and the rest taken", h.name, report.Counts, got.Body, h.code)
	}
}

func TestABodyThatNeverEndsIsCutOff(t *testing.T) {
	t.Parallel()
	api := apitest.Start(t, pgtest.Database(t), nil)
	before, measured := peak(t, api)
	chunk := []byte(fmt.Sprintf("%x\r\n%s\r\n", 64<<10, strings.Repeat("x", 64<<10)))
	for name, endless := range map[string]struct {
		head   string
		status int
	}{
		"of an upload": {"POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\nAuthorization: Bearer " + api.Machine(t, "").Token() + "\r\n", http.StatusRequestEntityTooLarge},
		// None of it is read: its header says enough.
		"of an upload without a token": {"POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n", http.StatusUnauthorized},
		"of another route":             {"POST /v1/timesheets HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n", http.StatusRequestEntityTooLarge},
		"where none is wanted":         {"GET /healthz HTTP/1.1\r\nHost: a\r\n", http.StatusRequestEntityTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := api.Dial(t)
			if _, err := io.WriteString(conn, endless.head+"Transfer-Encoding: chunked\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			sent := 0
			for sent < 1<<30 {
				n, err := conn.Write(chunk)
				sent += n
				if err != nil {
					break
				}
			}
			if sent > 32<<20 {
				t.Errorf("%d MiB could be sent", sent>>20)
			}
			// Whoever still reads is told why; a reset may be faster.
			if response, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
				if response.Body.Close(); response.StatusCode != endless.status {
					t.Errorf("got %s, want %d", response.Status, endless.status)
				}
			}
		})
	}
	t.Cleanup(func() {
		if after, _ := peak(t, api); measured && !apitest.Race && after-before > mayGrow {
			t.Errorf("the program grew by %d MiB", (after-before)>>20)
		}
	})
}

// A hundred bytes announce 8 MiB, or 16 in a chunk: what they make the program
// allocate is not theirs to say.
func TestWhoOnlyAnnouncesABodyTakesNoMemory(t *testing.T) {
	t.Parallel()
	api := apitest.Start(t, pgtest.Database(t), nil)
	before, measured := peak(t, api)
	for name, rest := range map[string]string{
		"by its length": "Content-Length: 8388608\r\n\r\n[",
		"in a chunk":    "Transfer-Encoding: chunked\r\n\r\n800000\r\n[",
	} {
		var conns []net.Conn
		for range 100 {
			conn := api.Dial(t)
			if _, err := io.WriteString(conn, "POST /v1/timesheets/upload HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nContent-Type: application/json\r\n"+rest); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, conn)
		}
		for _, conn := range conns {
			got, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got.Body.Close(); got.StatusCode != http.StatusUnauthorized && got.StatusCode != http.StatusTooManyRequests {
				t.Errorf("%s: %s", name, got.Status)
			}
		}
	}
	if after, _ := peak(t, api); measured && !apitest.Race && after-before > mayGrow {
		t.Errorf("the program grew by %d MiB, want at most %d", (after-before)>>20, mayGrow>>20)
	}
}

// peak is the most memory that the program ever had, in bytes, where the
// kernel tells (VmHWM in proc(5)).
func peak(t *testing.T, api *apitest.API) (bytes int, measured bool) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", api.PID()))
	if err != nil {
		return 0, false
	}
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0, false
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	return kilobytes << 10, err == nil
}

// bomb is a gzip of so many MiB of blanks: a member for each (RFC 1952,
// section 2.2).
func bomb(t *testing.T, size int) []byte {
	t.Helper()
	return bytes.Repeat(zip(t, bytes.Repeat([]byte(" "), 1<<20)), size)
}

func zip(t *testing.T, body []byte) []byte {
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
