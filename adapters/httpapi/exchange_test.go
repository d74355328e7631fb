package httpapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

func TestEveryAnswerHasARequestIDAndSaysWhatBrowsersMayNotDo(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), things()...)
	for _, got := range []answered{
		r.call(t, "GET", "/healthz", "", ""),
		r.call(t, "GET", "/v1/things", "ann", ""),
		r.call(t, "GET", "/v1/things", "", ""),
		r.call(t, "GET", "/nowhere", "", ""),
		r.call(t, "BREW", "/healthz", "", ""),
		r.call(t, "OPTIONS", "/healthz", "", ""),
	} {
		for name, want := range map[string]string{
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		} {
			if got.Header.Get(name) != want {
				t.Errorf("%d: %s is %q, want %q", got.StatusCode, name, got.Header.Get(name), want)
			}
		}
		if len(got.Header.Get("X-Request-Id")) != 36 || got.Header.Get("Date") == "" || got.Header.Get("Server") != "" {
			t.Errorf("%d: %s", got.StatusCode, got.Header)
		}
	}
}

func TestTheClientsRequestIDIsKeptWhenItIsSane(t *testing.T) {
	t.Parallel()
	r := serving(t, configured())
	for sent, kept := range map[string]bool{
		"0190.a_B-9":             true,
		strings.Repeat("a", 128): true,
		strings.Repeat("a", 129): false,
		"a b":                    false,
		`a"b`:                    false,
		"a/b":                    false,
		"ü":                      false,
		"":                       false,
	} {
		got := r.call(t, "GET", "/healthz", "", "", "X-Request-Id", sent).Header.Get("X-Request-Id")
		if got == "" || (got == sent) != kept {
			t.Errorf("sent %q, got %q, want it kept: %t", sent, got, kept)
		}
	}
}

func TestAPanicIsAProblemAndTheProcessLives(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), readable("/panic", func(context.Context, identity.Principal, *fiber.Ctx) error { panic("secret") }))
	got := r.call(t, "GET", "/v1/panic", "ann", "")
	p := got.problem(t)
	if got.StatusCode != 500 || p.Code != "internal" || strings.Contains(string(got.body), "secret") {
		t.Errorf("got %d, %s", got.StatusCode, got.body)
	}
	line := r.log.of(t, p.RequestID)
	if line["level"] != "ERROR" || !strings.Contains(fmt.Sprint(line["err"]), "secret") || !strings.Contains(fmt.Sprint(line["err"]), "exchange_test.go") {
		t.Errorf("the log does not say where it was: %v", line)
	}
	if got := r.call(t, "GET", "/healthz", "", ""); got.StatusCode != 200 {
		t.Errorf("then: %d", got.StatusCode)
	}
}

func TestPathsAndMethodsThatDoNotExistAreProblems(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), append(things(), uploads())...)
	for _, tt := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/", 404, ""},
		{"GET", "/nowhere", 404, ""},
		{"GET", "/v1", 404, ""},
		{"GET", "/v1/things/", 404, ""},
		{"GET", "/V1/things", 404, ""},
		{"GET", "/v1/../healthz", 404, ""},
		{"GET", "/v1/%2e%2e/healthz", 404, ""},
		{"GET", "/%68ealthz", 404, ""},
		{"GET", "/v1/things%00", 404, ""},
		{"BREW", "/nowhere", 404, ""},
		{"OPTIONS", "/nowhere", 404, ""},
		{"POST", "/healthz", 405, "GET, HEAD, OPTIONS"},
		{"BREW", "/healthz", 405, "GET, HEAD, OPTIONS"},
		{"get", "/healthz", 405, "GET, HEAD, OPTIONS"},
		{"TRACE", "/healthz", 405, "GET, HEAD, OPTIONS"},
		{"CONNECT", "/healthz", 405, "GET, HEAD, OPTIONS"},
		{"PATCH", "/v1/things", 405, "GET, HEAD, POST, OPTIONS"},
		{"HEAD", "/v1/timesheets/upload", 405, "POST, OPTIONS"},
	} {
		request := tt.method + " " + tt.path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
		got, _ := r.raw(t, request, false)
		if got.StatusCode != tt.status || got.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d, Allow %q", tt.method, tt.path, got.StatusCode, got.Header.Get("Allow"))
		}
		if tt.method != "HEAD" {
			if p := got.problem(t); p.Instance != tt.path {
				t.Errorf("%s %s: instance %q", tt.method, tt.path, p.Instance)
			}
		}
	}
}

func TestHEADIsGETWithoutABody(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), readable("/things", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		return answer(c, fiber.StatusOK, []int{1, 2, 3})
	}))
	get, head := r.call(t, "GET", "/v1/things", "ann", ""), r.call(t, "HEAD", "/v1/things", "ann", "")
	if head.StatusCode != 200 || len(head.body) != 0 || head.ContentLength != int64(len(get.body)) || head.Header.Get("Content-Type") != "application/json" {
		t.Errorf("HEAD: %d, %d bytes of %d, %s", head.StatusCode, len(head.body), head.ContentLength, head.Header)
	}
	if refused := r.call(t, "HEAD", "/v1/things", "", ""); refused.StatusCode != 401 || len(refused.body) != 0 || refused.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("HEAD without a token: %d, %s", refused.StatusCode, refused.Header)
	}
}

func TestAsManyRequestsAsAllowedAndProbesAlways(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.Requests = 1
	entered, leave := make(chan struct{}), make(chan struct{})
	r := serving(t, config, readable("/slow", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		close(entered)
		<-leave
		return answerNothing(c)
	}))
	slow := r.dial(t)
	if _, err := slow.Write([]byte("GET /v1/slow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nConnection: close\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	<-entered
	got := r.call(t, "GET", "/v1/slow", "ann", "")
	if p := got.problem(t); got.StatusCode != 503 || p.Code != "overloaded" || got.Header.Get("Retry-After") != "1" || !p.Retryable {
		t.Errorf("got %d, %+v", got.StatusCode, p)
	}
	if got := r.call(t, "GET", "/healthz", "", ""); got.StatusCode != 200 {
		t.Errorf("liveness under load: %d", got.StatusCode)
	}
	close(leave)
	if first, err := tryRead(reader(slow), "GET"); err != nil || first.StatusCode != 204 {
		t.Errorf("the first request: %v", err)
	}
	if got := r.call(t, "GET", "/openapi.json", "", ""); got.StatusCode != 200 {
		t.Errorf("afterwards: %d", got.StatusCode)
	}
}

func TestARequestsContextEndsWithItsDeadlineAndNotBefore(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.RequestDeadline = instant
	r := serving(t, config, readable("/slow", func(ctx context.Context, _ identity.Principal, _ *fiber.Ctx) error {
		<-ctx.Done()
		return fmt.Errorf("look: %w", ctx.Err())
	}))
	got := r.call(t, "GET", "/v1/slow", "ann", "")
	if p := got.problem(t); got.StatusCode != 503 || p.Code != "deadline_exceeded" || got.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, %+v", got.StatusCode, p)
	}
}

func TestWhatDoesManyRowsAtOnceHasTheTimeOfAnUpload(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.UploadDeadline = 10 * patience
	var long atomic.Bool
	look := func(ctx context.Context, _ identity.Principal, c *fiber.Ctx) error {
		end, _ := ctx.Deadline()
		long.Store(end.After(time.Now().Add(config.Limits.RequestDeadline)))
		return answerNothing(c)
	}
	var routes []route
	for _, r := range new(Server).routes() {
		if strings.HasPrefix(r.path, "/imports") || r.path == "/rows/retry" {
			r.run = look
			routes = append(routes, r)
		}
	}
	r := serving(t, config, routes...)
	for call, want := range map[string]bool{
		"POST /imports": true, "POST /imports/1/complete": true, "POST /imports/1/abort": true, "POST /imports/1/revert": true, "POST /rows/retry": true,
		"POST /imports/1/renew": false, "GET /imports": false, "GET /imports/1": false, "GET /imports/1/rows": false,
	} {
		method, path, _ := strings.Cut(call, " ")
		if got := r.call(t, method, "/v1"+path, "machine", ""); got.StatusCode != 204 || long.Load() != want {
			t.Errorf("%s: %d, it has long: %t", call, got.StatusCode, long.Load())
		}
	}
}

func TestTheLogHasOneLineForEachRequestAndNoSecret(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), readable("/broken/:id", func(context.Context, identity.Principal, *fiber.Ctx) error {
		return fmt.Errorf("find: %w", fault.Wrap(errors.New("the cause"), fault.Unavailable, "database_unavailable", "The database does not answer."))
	}), writable("/things", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		return answer(c, fiber.StatusCreated, "four")
	}), uploads())

	r.call(t, "GET", "/v1/broken/s3cret?access_token=s3cret", "ann", "", "X-Request-Id", "broken")
	line := r.log.of(t, "broken")
	for name, want := range map[string]any{
		"level": "WARN", "msg": "request", "method": "GET", "route": "/v1/broken/:id", "status": 503.0, "problem": "database_unavailable",
		"principal": principalMark(ann), "organization": "default", "err": "find: database_unavailable: The database does not answer.: the cause",
	} {
		if line[name] != want {
			t.Errorf("%s is %v, want %v", name, line[name], want)
		}
	}

	r.call(t, "POST", "/v1/things", "machine", `{"s3cret":1}`, "X-Request-Id", "made")
	line = r.log.of(t, "made")
	if line["level"] != "INFO" || line["principal"] != "machine:job" || line["request_bytes"] != 12.0 || line["answer_bytes"] != 6.0 || line["err"] != nil {
		t.Errorf("got %v", line)
	}
	r.call(t, "GET", "/v1/things", "s3cret", "", "X-Request-Id", "refused")
	if line = r.log.of(t, "refused"); line["level"] != "INFO" || line["problem"] != "method_not_allowed" || line["principal"] != nil {
		t.Errorf("got %v", line)
	}
	r.raw(t, "GET /s3cret HTTP/1.1\r\nAuthorization: Bearer s3cret\r\nX-Request-Id: unread\r\n\r\n", false)
	if line = r.log.of(t, "unread"); line["route"] != "unreadable" || line["status"] != 400.0 {
		t.Errorf("got %v", line)
	}
	r.raw(t, "GET /s3cret HTTP/1.1\r\nAuthorization : Bearer s3cret\r\n\r\n", false)
	if log := r.log.String(); strings.Contains(log, "s3cret") || strings.Contains(log, "ann@exampleco.com") {
		t.Errorf("a secret in %s", log)
	}
	if n := strings.Count(r.log.String(), `"broken"`); n != 1 {
		t.Errorf("%d lines for one request", n)
	}
}
