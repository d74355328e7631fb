package importing_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/test/fixture"
	"timesheets/test/uploadtest"
)

// pour imports a flood through an API on a real socket.
func pour(t *testing.T, f flood, api http.Handler, p *patience, options importing.Options) (importing.Summary, error) {
	t.Helper()
	options.Source = "flood"
	u := uploader(t, api)
	return importing.New(f, u, u, p.policy()).Run(t.Context(), october, options)
}

func TestBatchesHaveAtMostFiveThousandRowsAndTwoAreInFlight(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	s, err := pour(t, flood{entries: 23_456, page: 700}, api, &patience{}, importing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	rows := map[int]int{}
	for _, b := range api.Batches() {
		rows[b.Rows]++
	}
	if diff := cmp.Diff(map[int]int{5000: 4, 3456: 1}, rows); diff != "" {
		t.Error(diff)
	}
	if api.Widest() > 2 || s.Batches != 5 || s.Created != 23_456 {
		t.Errorf("%d in flight, %+v", api.Widest(), s)
	}
}

func TestBatchesHaveAtMostFourMiBWhateverTheRowsAre(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	text := strings.Repeat("\x01", 3000) // six bytes each in JSON
	s, err := pour(t, flood{entries: 1000, page: 500, text: text}, api, &patience{}, importing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if s.Rejected != 1000 || s.Codes["length"] != 1000 {
		t.Errorf("got %+v", s.Counts)
	}
	for _, b := range api.Batches() {
		if b.Bytes > importing.MaxBytes+importing.MaxRows+2 {
			t.Errorf("a request of %d bytes", b.Bytes)
		}
	}
	if len(api.Batches()) < 3 {
		t.Errorf("only %d requests for 12 MB", len(api.Batches()))
	}
}

func TestABatchWithoutAnAnswerIsRepeatedByteForByte(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	api.Misbehave(uploadtest.LoseAnswer, uploadtest.LoseAnswer, uploadtest.LoseAnswer)
	s, err := pour(t, flood{entries: 100, page: 100}, api, &patience{}, importing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	batches := api.Batches()
	if len(batches) != 4 {
		t.Fatalf("the batch came %d times, want 4", len(batches))
	}
	for _, b := range batches {
		if b.Digest != batches[0].Digest || b.Query != batches[0].Query {
			t.Error("the batch came with other bytes, or as another part")
		}
	}
	if s.Created != 100 || s.Retries != 3 || len(api.Entries()) != 100 {
		t.Errorf("got %+v with %d entries", s, len(api.Entries()))
	}
}

func TestWaitsGrowAndHonourWhatTheAPIAsksFor(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	api.Misbehave(
		uploadtest.Status(503, "overloaded", ""),
		uploadtest.Status(500, "internal", ""),
		uploadtest.Status(429, "rate_limited", "7"),
		uploadtest.Status(408, "request_timeout", ""),
		uploadtest.Answer(502, "text/html", "<h1>"),
		uploadtest.Answer(200, "text/html", "<h1>"),
	)
	p := &patience{}
	if _, err := pour(t, flood{entries: 1, page: 1}, api, p, importing.Options{}); err != nil {
		t.Fatal(err)
	}
	ms := time.Millisecond
	if diff := cmp.Diff([]time.Duration{200 * ms, 400 * ms, 7 * time.Second, 1600 * ms, 3200 * ms, 6400 * ms}, p.waited()); diff != "" {
		t.Error(diff)
	}
}

func TestAWaitBeyondTheDeadlineEndsTheRunAtOnce(t *testing.T) {
	t.Parallel()
	for _, wait := range []string{"999999", "999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"} {
		api := uploadtest.New(token)
		api.Misbehave(uploadtest.Status(429, "rate_limited", wait))
		p := &patience{}
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		u := uploader(t, api)
		s, err := importing.New(flood{entries: 10, page: 10}, u, u, p.policy()).Run(ctx, october, importing.Options{Source: "flood"})
		stop()
		if fault.Of(err).Code != "out_of_time" || importing.ExitCode(s, err) != importing.ExitAgain {
			t.Errorf("Retry-After %s: got %v", wait, err)
		}
		if len(p.waited()) != 0 || s.Read != 10 || s.Unanswered() != 10 {
			t.Errorf("Retry-After %s: waited %v, %+v", wait, p.waited(), s)
		}
	}
}

func TestAnAPIThatNeverAnswersIsAskedUntilTheDeadline(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	api.Uploads = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		uploadtest.Problem(w, 503, "overloaded", "Later.")
	})
	p := &patience{}
	ctx, stop := context.WithTimeout(t.Context(), time.Hour)
	defer stop()
	u := uploader(t, api)
	s, err := importing.New(flood{entries: 10, page: 10}, u, u, p.policy()).Run(ctx, october, importing.Options{Source: "flood"})
	if fault.Of(err).Code != "out_of_time" || importing.ExitCode(s, err) != importing.ExitAgain {
		t.Errorf("got %v", err)
	}
	if n := len(p.waited()); n < 100 || n > 140 || s.Retries != n {
		t.Errorf("%d waits, want growing ones of at most half a minute that fill an hour", n)
	}
}

func TestTooLargeABatchIsHalved(t *testing.T) {
	t.Parallel()
	for name, refusal := range map[string]func(*uploadtest.API) http.Handler{
		"by 413":        func(api *uploadtest.API) http.Handler { api.MaxBody = 10_000; return api },
		"by hanging up": func(api *uploadtest.API) http.Handler { return uploadtest.HangUpOnMoreThan(10_000, api) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "by hanging up" {
				// Under the race detector the client is slow to hear that it is cut
				// off, has sent all by then, and tries again and again.
				fixture.Long(t)
			}
			api := uploadtest.New(token)
			p := &patience{}
			f := flood{entries: 600, page: 500, text: strings.Repeat("x", 1000)}
			s, err := pour(t, f, refusal(api), p, importing.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if s.Created != 600 || len(api.Entries()) != 600 || s.Unanswered() != 0 {
				t.Errorf("got %+v, %d entries", s.Counts, len(api.Entries()))
			}
			for _, b := range api.Batches() {
				if b.Bytes > 10_000 {
					t.Errorf("a request of %d bytes was taken", b.Bytes)
				}
			}
		})
	}
}

func TestARowThatIsTooLargeAloneEndsTheRun(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	api.MaxBody = 10
	s, err := pour(t, flood{entries: 4, page: 4}, api, &patience{}, importing.Options{})
	if fault.Of(err).Kind != fault.TooLarge || importing.ExitCode(s, err) != importing.ExitMisconfigured {
		t.Errorf("got %v", err)
	}
}

func TestProblemsKeepTheirRowsWhenABatchIsHalved(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	api.Misbehave(uploadtest.Status(413, "body_too_large", ""), uploadtest.Status(413, "body_too_large", ""))
	s, err := pour(t, flood{entries: 8, page: 8, text: strings.Repeat("x", 2001)}, api, &patience{}, importing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range s.Problems {
		i, _ := strconv.Atoi(p.ExternalID)
		if want := (flood{}).row(i); p.Worker != want.UserID || p.Date != want.Date {
			t.Errorf("the problem of %s is shown as %+v", p.ExternalID, p)
		}
	}
	if len(s.Problems) != 8 {
		t.Errorf("%d problems, want 8", len(s.Problems))
	}
}

func TestWhatOnlyAPersonCanMendIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	for name, misdeed := range map[string]uploadtest.Misdeed{
		"no scope":     uploadtest.Status(403, "insufficient_scope", ""),
		"no path":      uploadtest.Answer(404, "text/html", "<h1>"),
		"a bad source": uploadtest.Status(422, "not_a_source", ""),
		"malformed":    uploadtest.Status(400, "malformed_json", ""),
		"a redirect":   uploadtest.Redirect("https://elsewhere.example"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := uploadtest.New(token)
			api.Misbehave(misdeed)
			p := &patience{}
			s, err := pour(t, flood{entries: 20_000, page: 1000}, api, p, importing.Options{})
			if importing.ExitCode(s, err) != importing.ExitMisconfigured || len(p.waited()) != 0 {
				t.Errorf("got %v after the waits %v", err, p.waited())
			}
			if !strings.Contains(err.Error(), "upload part") {
				t.Errorf("the error does not name the part: %v", err)
			}
		})
	}
}

func TestReportsThatCannotBeTrueEndTheRun(t *testing.T) {
	t.Parallel()
	for name, report := range map[string]string{
		"of another batch":          `{"received":9,"created":9,"updated":0,"unchanged":0,"conflicts":0,"rejected":0,"results":[]}`,
		"that does not add up":      `{"received":3,"created":1,"updated":0,"unchanged":0,"conflicts":0,"rejected":0,"results":[]}`,
		"on a row after the end":    `{"received":3,"created":2,"updated":0,"unchanged":0,"conflicts":0,"rejected":1,"results":[{"index":3,"outcome":"rejected"}]}`,
		"on a row before the first": `{"received":3,"created":2,"updated":0,"unchanged":0,"conflicts":0,"rejected":1,"results":[{"index":-1,"outcome":"rejected"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := uploadtest.New(token)
			api.Misbehave(uploadtest.Answer(200, "application/json", report))
			s, err := pour(t, flood{entries: 3, page: 3}, api, &patience{}, importing.Options{})
			if err == nil || importing.ExitCode(s, err) != importing.ExitAgain || s.Unanswered() != 3 {
				t.Errorf("got %v, %+v", err, s)
			}
		})
	}
}

func TestARunThatIsStoppedSaysHowFarItCame(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	ctx, stop := context.WithCancel(t.Context())
	landed := make(chan struct{})
	api.Misbehave(nil, func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-landed
		stop() // as SIGTERM does, while a batch is under way
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	})
	first := sync.OnceFunc(func() { close(landed) })
	u := uploader(t, api)
	s, err := importing.New(flood{entries: 50_000, page: 1000}, u, u, (&patience{}).policy()).Run(ctx, october, importing.Options{
		Source: "flood",
		Watch: func(p importing.Progress) {
			if p.Landed > 0 {
				first()
			}
		},
	})
	if !errors.Is(err, context.Canceled) || fault.Of(err).Code != "stopped" || importing.ExitCode(s, err) != importing.ExitAgain {
		t.Errorf("got %v", err)
	}
	if s.Created < 5000 || s.Read != s.Sum()+s.Unanswered() || s.Unanswered() == 0 {
		t.Errorf("read %d, of which %d landed and %d are unanswered", s.Read, s.Sum(), s.Unanswered())
	}
}

func TestProgressIsShownByOneAtATimeAndOnlyGrows(t *testing.T) {
	t.Parallel()
	api := uploadtest.New(token)
	api.Misbehave(nil, uploadtest.Status(503, "overloaded", ""))
	var inside sync.Mutex
	var seen []importing.Progress
	s, err := pour(t, flood{entries: 12_000, page: 1000, live: true}, api, &patience{}, importing.Options{Watch: func(p importing.Progress) {
		if !inside.TryLock() {
			t.Error("two at a time")
			return
		}
		defer inside.Unlock()
		seen = append(seen, p)
	}})
	if err != nil {
		t.Fatal(err)
	}
	waits := 0
	for i, p := range seen {
		if i > 0 && (p.Read < seen[i-1].Read || p.Landed < seen[i-1].Landed) || p.Parts != 1 || p.Part != 1 {
			t.Errorf("%+v after %+v", p, seen[i-1])
		}
		if p.Waiting > 0 {
			waits++
			if fault.Of(p.Reason).Code != "overloaded" {
				t.Errorf("waiting because of %v", p.Reason)
			}
		}
	}
	if last := seen[len(seen)-1]; last.Read != s.Read || last.Landed != 12_000 || waits != 1 {
		t.Errorf("%d waits, the last is %+v", waits, last)
	}
}

func TestASourceThatNoUploadMayNameIsRefusedBeforeAnythingIsRead(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"", "api", "Kimai", "a b"} {
		u := uploader(t, uploadtest.New(token))
		s, err := importing.New(flood{entries: 1, page: 1}, u, u, (&patience{}).policy()).Run(t.Context(), october, importing.Options{Source: source})
		if importing.ExitCode(s, err) != importing.ExitMisconfigured || s.Pages != 0 {
			t.Errorf("%q: got %v", source, err)
		}
	}
}
