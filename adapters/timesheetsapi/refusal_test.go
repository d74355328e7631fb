package timesheetsapi_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"timesheets/adapters/timesheetsapi"
	"timesheets/application/importing"
	"timesheets/domain/fault"
	"timesheets/test/uploadtest"
)

func TestEveryAnswerButAReportIsAFault(t *testing.T) {
	t.Parallel()
	const report = `"received":1,"created":1,"updated":0,"unchanged":0,"deleted":0,"conflicts":0,"rejected":0,"results":[]`
	for _, tt := range []struct {
		name    string
		misdeed uploadtest.Misdeed
		kind    fault.Kind
		code    string
		after   time.Duration
	}{
		{"malformed", uploadtest.Status(400, "malformed_json", ""), fault.Invalid, "malformed_json", 0},
		{"no scope", uploadtest.Status(403, "insufficient_scope", ""), fault.Forbidden, "insufficient_scope", 0},
		{"no path", uploadtest.Status(404, "not_found", ""), fault.NotFound, "not_found", 0},
		{"another method", uploadtest.Status(405, "method_not_allowed", ""), fault.NotFound, "method_not_allowed", 0},
		{"too slow", uploadtest.Status(408, "request_timeout", ""), fault.Unavailable, "request_timeout", 0},
		{"the same call twice at once", uploadtest.Status(409, "idempotency_in_progress", "1"), fault.Exhausted, "idempotency_in_progress", time.Second},
		{"another run", uploadtest.Status(409, "import_running", "60"), fault.Conflict, "import_running", time.Minute},
		{"too large", uploadtest.Status(413, "body_too_large", ""), fault.TooLarge, "body_too_large", 0},
		{"a bad source", uploadtest.Status(422, "not_a_source", ""), fault.Invalid, "not_a_source", 0},
		{"too many", uploadtest.Status(429, "rate_limited", "7"), fault.Exhausted, "rate_limited", 7 * time.Second},
		{"a defect", uploadtest.Status(500, "internal", ""), fault.Unavailable, "internal", 0},
		{"overload", uploadtest.Status(503, "overloaded", "Mon, 02 Nov 2026 08:00:30 GMT"), fault.Unavailable, "overloaded", 30 * time.Second},
		{"a wait beyond all bounds", uploadtest.Status(503, "overloaded", "999999999999"), fault.Unavailable, "overloaded", 366 * 24 * time.Hour},
		{"a wait that is none", uploadtest.Status(503, "overloaded", "-5"), fault.Unavailable, "overloaded", 0},
		{"a code that is none", uploadtest.Status(503, "Evil code", ""), fault.Unavailable, "unknown", 0},
		{"a proxy's 404", uploadtest.Answer(404, "text/html", "<h1>"), fault.NotFound, "api_404", 0},
		{"a proxy's 413", uploadtest.Answer(413, "text/html", "<h1>"), fault.TooLarge, "api_strange", 0},
		{"a proxy's 502", uploadtest.Answer(502, "text/html", "<h1>"), fault.Unavailable, "api_strange", 0},
		{"a problem that is not JSON", uploadtest.Answer(503, "application/problem+json", "{"), fault.Unavailable, "api_strange", 0},
		{"a redirect", uploadtest.Redirect("https://elsewhere.example/v1"), fault.Invalid, "api_redirects", 0},
		{"no content", uploadtest.Answer(204, "application/json", ""), fault.Unavailable, "api_strange", 0},
		{"a login page", uploadtest.Answer(200, "text/html", "<h1>"), fault.Unavailable, "api_garbage", 0},
		{"an empty answer", uploadtest.Answer(200, "application/json", ""), fault.Unavailable, "api_garbage", 0},
		{"a report that is cut", uploadtest.Answer(200, "application/json", `{`+report), fault.Unavailable, "api_garbage", 0},
		{"a report with a count twice", uploadtest.Answer(200, "application/json", `{`+report+`,"created":0}`), fault.Unavailable, "api_garbage", 0},
		{"a report in a list", uploadtest.Answer(200, "application/json", `[{`+report+`}]`), fault.Unavailable, "api_garbage", 0},
		{"a report without end", uploadtest.Answer(200, "application/json", `{`+report+`,"x":"`+strings.Repeat("x", 17<<20)+`"}`), fault.Unavailable, "api_garbage", 0},
		{"a hang-up instead of an answer", uploadtest.LoseAnswer, fault.Unavailable, "api_unreachable", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			api := uploadtest.New("token-1")
			socket := httptest.NewServer(api)
			t.Cleanup(socket.Close)
			now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
			u, err := timesheetsapi.NewUploader(timesheetsapi.Config{URL: socket.URL + "/v1", Tokens: &tokens{}, Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			begin(t, u)
			api.Misbehave(tt.misdeed)
			_, err = u.Upload(t.Context(), batch(u, good))
			f := fault.Of(err)
			if f == nil || f.Kind != tt.kind || f.Code != tt.code || f.RetryAfter != tt.after {
				t.Fatalf("got %#v, want %v %q after %v", f, tt.kind, tt.code, tt.after)
			}
			if strings.Contains(f.Error(), "token-1") {
				t.Error("the error shows the token")
			}
			if report, err := u.Upload(t.Context(), batch(u, good)); err != nil || report.Received != 1 {
				t.Errorf("afterwards all should be well: %+v, %v", report, err)
			}
		})
	}
}

func TestAReportMayGainMembers(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	api.Misbehave(uploadtest.Answer(200, "application/json; charset=utf-8", `{"received":1,"created":1,"updated":0,"unchanged":0,"conflicts":0,"rejected":0,
		"results":[{"index":0,"outcome":"created","mood":"good"}],"weather":{"rain":true}}`))
	if report, err := u.Upload(t.Context(), batch(u, good)); err != nil || report.Created != 1 {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestTheAPIsWordsGoOnOneLineOfBoundedLength(t *testing.T) {
	t.Parallel()
	api, u, _ := serve(t)
	api.Misbehave(uploadtest.Answer(422, "application/problem+json", `{"code":"invalid","detail":"first\nsecond\u001b[31m`+strings.Repeat("x", 5000)+`"}`))
	_, err := u.Upload(t.Context(), batch(u, good))
	if text := fault.Of(err).Text; strings.ContainsAny(text, "\n\x1b") || len(text) > 600 || !strings.Contains(text, "first second") {
		t.Errorf("got %q", text)
	}
}

func TestAHangUpWhileSendingIsToldApart(t *testing.T) {
	t.Parallel()
	u := uploader(t, uploadtest.HangUpOnMoreThan(1<<20, uploadtest.New("token-1")), &tokens{})
	begin(t, u)
	b := batch(u, good)
	if _, err := u.Upload(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for range 5000 {
		row := good
		row.Description = strings.Repeat("x", 2000)
		b.Rows = append(b.Rows, u.Encode(nil, row))
	}
	_, err := u.Upload(t.Context(), b)
	if f := fault.Of(err); f == nil || f.Code != importing.CutWhileSending || f.Kind != fault.Unavailable {
		t.Errorf("got %v, want %s", err, importing.CutWhileSending)
	}
}

func TestAnAPIThatIsNotThereIsNoHangUp(t *testing.T) {
	t.Parallel()
	socket := httptest.NewServer(nil)
	socket.Close()
	u, err := timesheetsapi.NewUploader(timesheetsapi.Config{URL: socket.URL + "/v1", Tokens: &tokens{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Upload(t.Context(), batch(u, good)); fault.Of(err).Code != "api_unreachable" {
		t.Errorf("got %v", err)
	}
}

func TestWhoWaitsTooLongForAnAnswerGivesUp(t *testing.T) {
	t.Parallel()
	released := make(chan struct{})
	u := uploader(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-released }), &tokens{})
	t.Cleanup(func() { close(released) })
	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	if _, err := u.Upload(ctx, batch(u, good)); fault.Of(err).Code != "api_unreachable" {
		t.Errorf("got %v", err)
	}
}

// broken is a source of tokens without any.
type broken struct{}

func (broken) Token(context.Context) (string, error) {
	return "", fault.New(fault.Exhausted, "issuer_exhausted", "Later.").After(time.Minute)
}
func (broken) Invalidate(string) {}

func TestWithoutATokenTheIssuersFaultSaysWhy(t *testing.T) {
	t.Parallel()
	u, err := timesheetsapi.NewUploader(timesheetsapi.Config{URL: "http://127.0.0.1:1/v1", Tokens: broken{}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Upload(t.Context(), batch(u, good)); fault.Of(err).Code != "issuer_exhausted" || fault.Of(err).RetryAfter != time.Minute {
		t.Errorf("got %v", err)
	}
}
