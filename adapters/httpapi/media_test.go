package httpapi

import (
	"context"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/identity"
)

func TestTheAnswerIsWhatAcceptLikesBest(t *testing.T) {
	t.Parallel()
	list := readable("/list", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		return answer(c, fiber.StatusOK, preferred(c, jsonOrFiles))
	})
	list.offers = jsonOrFiles
	r := serving(t, configured(), list)
	for _, tt := range []struct{ accept, want string }{
		{"", "application/json"},
		{"*/*", "application/json"},
		{"application/json, text/plain, */*", "application/json"},
		{"text/csv", "text/csv"},
		{"TEXT/CSV", "text/csv"},
		{"text/*", "text/csv"},
		{"text/csv;charset=utf-8", "text/csv"},
		{"text/csv, application/json", "application/json"},
		{"text/csv, application/json;q=0.9", "text/csv"},
		{"text/csv;q=0.5, application/x-ndjson ; q=0.501", "application/x-ndjson"},
		{"*/*, application/json;q=0", "text/csv"},
		{"application/json;q=0.1, */*;q=0.2", "text/csv"},
		{"text/html;q=x, */*;q=0.1", "application/json"},
		{", ,", "application/json"},
		{"text/csv;q=0", ""},
		{"text/html", ""},
		{"*/*;q=0", ""},
		{"*/*;q=0.000", ""},
		{"application/json;q=0, text/*;q=0, application/*;q=0", ""},
		{strings.Repeat("a/b;q=0.1,", 1000), ""},
	} {
		got := r.call(t, "GET", "/v1/list", "ann", "", "Accept", tt.accept)
		if tt.want == "" {
			if p := got.problem(t); got.StatusCode != 406 || p.Code != "not_acceptable" {
				t.Errorf("%.60q: %d, %+v", tt.accept, got.StatusCode, p)
			}
		} else if got.StatusCode != 200 || string(got.body) != `"`+tt.want+`"` {
			t.Errorf("%.60q: %d %s, want %s", tt.accept, got.StatusCode, got.body, tt.want)
		}
		if vary := strings.Join(got.Header.Values("Vary"), ", "); vary != "Origin, Accept" {
			t.Errorf("%.60q: Vary %q", tt.accept, vary)
		}
	}
	got, _ := r.raw(t, "GET /v1/list HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nAccept: text/html\r\nAccept: text/csv\r\n\r\n", false)
	if string(got.body) != `"text/csv"` {
		t.Errorf("of two fields: %s", got.body)
	}
}

func TestProblemsComeWhateverAcceptSays(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), things()...)
	if got := r.call(t, "GET", "/v1/things", "", "", "Accept", "text/html"); got.StatusCode != 401 || got.problem(t).Code != "unauthenticated" {
		t.Errorf("got %d", got.StatusCode)
	}
}
