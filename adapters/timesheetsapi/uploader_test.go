package timesheetsapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/adapters/timesheetsapi"
	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/test/uploadtest"
)

// tokens gives "token-1", and after each time that it is told to forget the
// present one, the next.
type tokens struct {
	mu        sync.Mutex
	n         int
	forgotten []string
}

func (s *tokens) Token(context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("token-%d", s.n+1), nil
}

func (s *tokens) Invalidate(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	s.forgotten = append(s.forgotten, token)
}

// serve starts an API that lets token-1 in, and there the first run.
func serve(t *testing.T) (*uploadtest.API, *timesheetsapi.Uploader, *tokens) {
	t.Helper()
	api := uploadtest.New("token-1")
	held := &tokens{}
	u := uploader(t, api, held)
	begin(t, u)
	return api, u, held
}

// begin starts the first run of an API.
func begin(t *testing.T, u *timesheetsapi.Uploader) {
	t.Helper()
	if run, err := u.Start(t.Context(), october, "first"); err != nil || run != first {
		t.Fatalf("got %v, %v, want %v", run, err, first)
	}
}

// first is the run that serve starts, which declares october.
var (
	first   = importing.Run{ID: "01a1fa02-09c0-7000-8000-000000000001", Fence: 1}
	october = importing.Declaration{Source: "kimai", Mode: importing.Upsert, Window: window("2026-10-01", "2026-10-31")}
)

func window(from, to string) importing.Window {
	w, err := importing.ParseWindow(from, to)
	if err != nil {
		panic(err)
	}
	return w
}

func uploader(t *testing.T, handler http.Handler, held *tokens) *timesheetsapi.Uploader {
	t.Helper()
	socket := httptest.NewServer(handler)
	t.Cleanup(socket.Close)
	u, err := timesheetsapi.NewUploader(timesheetsapi.Config{URL: socket.URL + "/v1", Tokens: held, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var good = importing.Row{ExternalID: "1", UserID: "ann", Date: "2026-10-19", Project: "Web", Seconds: "3600"}

// batch encodes rows as the first part of the first run.
func batch(u *timesheetsapi.Uploader, rows ...importing.Row) importing.Batch {
	b := importing.Batch{Run: first, Part: 1}
	for _, row := range rows {
		b.Rows = append(b.Rows, u.Encode(nil, row))
	}
	return b
}

func TestARowIsWrittenWithWhatItHasAndNothingElse(t *testing.T) {
	t.Parallel()
	yes := true
	_, u, _ := serve(t)
	for _, tt := range []struct {
		name string
		row  importing.Row
		want string
	}{
		{"everything", importing.Row{
			ExternalID: "7", UserID: "ann", Date: "2026-10-19", Project: "Web", Task: "Dev", Description: "a \"b\"\n\x00😀", Billable: &yes,
			Seconds: "3600", StartedAt: "2026-10-19T09:00:00+02:00", TimeZone: "Europe/Berlin", Tags: []string{"x", "y"},
		}, `{"external_id":"7","user_id":"ann","date":"2026-10-19","project":"Web","task":"Dev","description":"a \"b\"\n\u0000😀","billable":true,` +
			`"seconds":3600,"started_at":"2026-10-19T09:00:00+02:00","time_zone":"Europe/Berlin","tags":["x","y"]}`},
		{"nothing", importing.Row{}, `{"external_id":"","user_id":"","date":"","project":""}`},
		{"a reference to a worker", importing.Row{Worker: importing.Worker{Source: "kimai", ID: "3"}}, `{"external_id":"","worker":{"source":"kimai","id":"3"},"date":"","project":""}`},
		{"a number of any size", importing.Row{Seconds: "-1e309"}, `{"external_id":"","user_id":"","date":"","project":"","seconds":-1e309}`},
		{"a duration that is no number", importing.Row{Seconds: `1,"project":"x"`}, `{"external_id":"","user_id":"","date":"","project":"","seconds":"1,\"project\":\"x\""}`},
		{"a duration with a blank", importing.Row{Seconds: " 1"}, `{"external_id":"","user_id":"","date":"","project":"","seconds":" 1"}`},
	} {
		if got := string(u.Encode([]byte("before"), tt.row)); got != "before"+tt.want {
			t.Errorf("%s: got\n%s, want\n%s", tt.name, got, tt.want)
		}
	}
}

func TestABatchIsOneArrayAndOnePartOfARun(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	second := good
	second.ExternalID, second.Seconds = "2", "0"
	report, err := u.Upload(t.Context(), batch(u, good, second))
	if err != nil {
		t.Fatal(err)
	}
	want := importing.Report{
		Received: 2, Counts: importing.Counts{Created: 1, Rejected: 1},
		Results: []importing.Result{{Index: 1, Outcome: importing.Rejected, Code: "out_of_range", Text: "Refused: out_of_range."}},
	}
	if diff := cmp.Diff(want, report); diff != "" {
		t.Error(diff)
	}
	if again, err := u.Upload(t.Context(), batch(u, good, second)); err != nil || !cmp.Equal(again, report) {
		t.Errorf("the second time: %+v, %v", again, err)
	}
	next := batch(u, good, second)
	next.Part = 2
	if report, err = u.Upload(t.Context(), next); err != nil || report.Unchanged != 1 || !report.Results[0].Known {
		t.Errorf("as another part: %+v, %v", report, err)
	}
	if got, _ := url.ParseQuery(api.Batches()[0].Query); !cmp.Equal(got, url.Values{"import_id": {first.ID}, "part": {"1"}, "results": {"problems"}}) {
		t.Errorf("got the query %v", got)
	}
}

func TestADryRunAsksForEveryVerdict(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	declared := october
	declared.DryRun = true
	run, err := u.Start(t.Context(), declared, "second")
	if err != nil {
		t.Fatal(err)
	}
	b := batch(u, good)
	b.Run, b.DryRun = run, true
	report, err := u.Upload(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]importing.Result{{Outcome: importing.Created}}, report.Results); diff != "" {
		t.Error(diff)
	}
	if got, _ := url.ParseQuery(api.Batches()[0].Query); !cmp.Equal(got, url.Values{"import_id": {run.ID}, "part": {"1"}, "results": {"all"}}) {
		t.Errorf("got the query %v", got)
	}
	if len(api.Entries()) != 0 {
		t.Error("a dry run wrote")
	}
}

func TestCheckChangesNothing(t *testing.T) {
	t.Parallel()
	api, u, held := serve(t)
	if err := u.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if batches := api.Batches(); len(batches) != 1 || batches[0].Rows != 0 || !strings.Contains(batches[0].Query, "dry_run=true") {
		t.Errorf("got %+v", batches)
	}
	api.Token("another")
	if err := u.Check(t.Context()); fault.Of(err).Kind != fault.Unauthenticated || len(held.forgotten) != 1 {
		t.Errorf("with a wrong token: %v, forgotten %q", err, held.forgotten)
	}
}

func TestARefusedTokenIsReplacedOnce(t *testing.T) {
	t.Parallel()
	api, u, held := serve(t)
	api.Token("token-2")
	if _, err := u.Upload(t.Context(), batch(u, good)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"token-1"}, held.forgotten); diff != "" {
		t.Error(diff)
	}
	api.Token("somebody else's")
	if _, err := u.Upload(t.Context(), batch(u, good)); fault.Of(err).Kind != fault.Unauthenticated {
		t.Errorf("got %v, want fault.Unauthenticated", err)
	}
	if len(held.forgotten) != 2 {
		t.Errorf("forgot %q, want one more", held.forgotten)
	}
}

func TestATokenIsKeptUnlessTheAPICallsItInvalid(t *testing.T) {
	t.Parallel()
	api, u, held := serve(t)
	api.Misbehave(uploadtest.Status(401, "unauthenticated", ""), uploadtest.Status(403, "invalid_token", ""), uploadtest.Status(403, "insufficient_scope", ""))
	for _, want := range []fault.Kind{fault.Unauthenticated, fault.Forbidden, fault.Forbidden} {
		if _, err := u.Upload(t.Context(), batch(u, good)); fault.Of(err).Kind != want {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	if len(held.forgotten) != 0 {
		t.Errorf("forgot %q", held.forgotten)
	}
}

func TestOnlySafeAddressesAreTaken(t *testing.T) {
	t.Parallel()
	for address, fine := range map[string]bool{
		"https://timesheets.example.com/v1":          true,
		"http://localhost:8080/v1":                   true,
		"http://127.0.0.1:8080/v1":                   true,
		"http://timesheets-api/v1":                   true,
		"http://api.timesheets.svc:8080/v1":          true,
		"http://api.timesheets.svc.cluster.local/v1": true,
		"http://10.1.2.3/v1":                         true,
		"http://timesheets.example.com/v1":           false,
		"http://8.8.8.8/v1":                          false,
		"https://u:p@timesheets.example.com/v1":      false,
		"https://timesheets.example.com/v1?x=1":      false,
		"timesheets.example.com":                     false,
		"":                                           false,
	} {
		_, err := timesheetsapi.NewUploader(timesheetsapi.Config{URL: address})
		if (err == nil) != fine {
			t.Errorf("%q: got %v", address, err)
		}
	}
}
