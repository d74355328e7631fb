package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// failing answers with the error that what names.
func failing(errs map[string]error) route {
	return readable("/failing/:what", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error { return errs[c.Params("what")] })
}

func TestEveryKindOfFaultHasItsStatus(t *testing.T) {
	t.Parallel()
	errs := map[string]error{}
	want := map[fault.Kind]int{
		fault.Internal: 500, fault.Malformed: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404, fault.Conflict: 409,
		fault.Stale: 412, fault.TooLarge: 413, fault.Invalid: 422, fault.Unconditional: 428, fault.Exhausted: 429, fault.Unavailable: 503,
	}
	for kind := range want {
		errs[fmt.Sprint(int(kind))] = fmt.Errorf("on the way: %w", fault.New(kind, "some_code", "Some text."))
	}
	r := serving(t, configured(), failing(errs))
	for kind, status := range want {
		got := r.call(t, "GET", fmt.Sprintf("/v1/failing/%d", kind), "ann", "")
		p := got.problem(t)
		code, detail := "some_code", "Some text."
		if kind == fault.Internal { // whatever it says, clients read the same
			code, detail = "internal", fault.Of(errors.New("any")).Text
		}
		if got.StatusCode != status || p.Code != code || p.Detail != detail || p.Title == "" {
			t.Errorf("%s: %d, %+v", kind, got.StatusCode, p)
		}
		if again := status == 429 || status == 503; again != (got.Header.Get("Retry-After") != "") || again != p.Retryable {
			t.Errorf("%s: Retry-After %q, retryable %t", kind, got.Header.Get("Retry-After"), p.Retryable)
		}
	}
	if got := status(fault.Kind(200)); got != 500 {
		t.Errorf("an unknown kind is %d", got)
	}
}

func TestAProblemSaysAllThatItsFaultSays(t *testing.T) {
	t.Parallel()
	f := fault.New(fault.Conflict, "import_running", "Wait.").After(1500*time.Millisecond).With("import_id", "7").With("status", "hidden")
	f.Fields = []fault.Field{{Pointer: "/a/0", Code: "required", Text: "Give it."}}
	r := serving(t, configured(), failing(map[string]error{"x": f}))
	got := r.call(t, "GET", "/v1/failing/x?token=secret", "ann", "", "X-Request-Id", "mine")
	if diff := cmp.Diff(map[string]any{
		"type":       "https://api.exampleco.com/docs/problems#import_running",
		"title":      "Conflict",
		"status":     409.0,
		"detail":     "Wait.",
		"instance":   "/v1/failing/x",
		"request_id": "mine",
		"code":       "import_running",
		"errors":     []any{map[string]any{"pointer": "/a/0", "code": "required", "detail": "Give it."}},
		"import_id":  "7",
	}, object(t, got.body)); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if wait := got.Header.Get("Retry-After"); wait != "2" {
		t.Errorf("Retry-After %q, want 2: rounded up", wait)
	}
	if cache := got.Header.Get("Cache-Control"); cache != "no-store" {
		t.Errorf("Cache-Control %q", cache)
	}
}

func object(t testing.TB, body []byte) map[string]any {
	t.Helper()
	var o map[string]any
	if err := json.Unmarshal(body, &o); err != nil {
		t.Fatalf("%v: %q", err, body)
	}
	return o
}

func TestErrorsThatAreNoFaultsSayNothingToClients(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), failing(map[string]error{
		"plain":    errors.New("pq: password=secret"),
		"hidden":   fault.New(fault.Internal, "broken_invariant", "password=secret"),
		"fiber":    fiber.NewError(418, "password=secret"),
		"fiber500": fiber.NewError(502, "password=secret"),
		"ended":    fmt.Errorf("query: %w", context.Canceled),
	}))
	for what, want := range map[string]int{"plain": 500, "hidden": 500, "fiber": 418, "fiber500": 500, "ended": 503} {
		got := r.call(t, "GET", "/v1/failing/"+what, "ann", "")
		p := got.problem(t)
		if got.StatusCode != want || cmp.Equal(p.Detail, "password=secret") || string(got.body) == "" {
			t.Errorf("%s: %d, %s", what, got.StatusCode, got.body)
		}
	}
}

func TestAnyTextMakesAProblem(t *testing.T) {
	t.Parallel()
	s := &Server{config: configured()}
	rapid.Check(t, func(t *rapid.T) {
		f := fault.New(fault.Invalid, "code", "%s", rapid.OneOf(rapid.String(), rapid.Just("\xff")).Draw(t, "text"))
		f.Fields = []fault.Field{{Pointer: rapid.String().Draw(t, "pointer"), Code: "code", Text: "Text."}}
		if rapid.Bool().Draw(t, "extra") {
			f = f.With(rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value"))
		}
		x := &exchange{id: "mine", path: rapid.String().Draw(t, "path")}
		var p map[string]any
		if err := json.Unmarshal(s.problem(x, 422, f), &p); err != nil || p["status"] != 422.0 || p["code"] != "code" || p["request_id"] != "mine" || p["instance"] == "" {
			t.Fatalf("%v: %v", err, p)
		}
	})
}
