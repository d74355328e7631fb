package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"

	"timesheets/domain/identity"
)

// place is what the lists of these tests are sorted by.
type place struct {
	N int `json:"n"`
}

// numbers lists the numbers from 1 to 250.
func numbers(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
	sel, err := readSelection(c, "q", "odd", "limit", "cursor")
	if err != nil {
		return err
	}
	limit, limitErr := sel.limit()
	odd, oddErr := sel.flag("odd", false)
	if err := together(limitErr, oddErr); err != nil {
		return err
	}
	last, err := readCursor[place](sel)
	if err != nil {
		return err
	}
	var page []int
	for n := 1; n <= 250; n++ {
		if (last == nil || n > last.N) && (!odd || n%2 == 1) {
			page = append(page, n)
		}
	}
	if len(page) > limit {
		page = page[:limit]
		if err := linkNext(c, sel, place{page[limit-1]}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, page)
}

func next(t *testing.T, got answered) string {
	t.Helper()
	link := got.Header.Get("Link")
	if link == "" {
		return ""
	}
	path, found := strings.CutSuffix(link, `>; rel="next"`)
	if !found || path[0] != '<' {
		t.Fatalf("Link: %s", link)
	}
	return path[1:]
}

func TestFollowingTheLinksGivesEveryElementOnce(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), readable("/numbers/:of", numbers))
	for path, want := range map[string]struct{ pages, elements int }{
		"/v1/numbers/a":                                    {3, 250},
		"/v1/numbers/a?limit=500":                          {1, 250},
		"/v1/numbers/a?odd=true&limit=60":                  {3, 125},
		"/v1/numbers/a%20b?q=%C3%BC%26x%3D1%2B+&limit=125": {2, 250},
	} {
		var seen []int
		pages := 0
		for at := path; at != ""; pages++ {
			got := r.call(t, "GET", at, "ann", "")
			if got.StatusCode != 200 {
				t.Fatalf("%s: %d %s", at, got.StatusCode, got.body)
			}
			var page []int
			if err := json.Unmarshal(got.body, &page); err != nil {
				t.Fatal(err)
			}
			seen = append(seen, page...)
			at = next(t, got)
			if at != "" && !sameFilters(t, path, at) {
				t.Errorf("%s leads to %s", path, at)
			}
		}
		unique := map[int]bool{}
		for _, n := range seen {
			unique[n] = true
		}
		if pages != want.pages || len(seen) != want.elements || len(unique) != want.elements {
			t.Errorf("%s: %d pages with %d elements, %d of them different, want %+v", path, pages, len(seen), len(unique), want)
		}
	}
}

func sameFilters(t *testing.T, a, b string) bool {
	t.Helper()
	first, err := url.Parse(a)
	if err != nil {
		t.Fatal(err)
	}
	second, err := url.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	query := second.Query()
	query.Del("cursor")
	return first.EscapedPath() == second.EscapedPath() && cmp.Equal(first.Query(), query)
}

func TestACursorBelongsToItsFilters(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), readable("/numbers/:of", numbers))
	at, err := url.Parse(next(t, r.call(t, "GET", "/v1/numbers/a?q=1&limit=10", "ann", "")))
	if err != nil {
		t.Fatal(err)
	}
	cursor := at.Query().Get("cursor")
	for _, tt := range []struct {
		name, path string
		status     int
	}{
		{"the same filters", "/v1/numbers/a?q=1&limit=10&cursor=" + cursor, 200},
		{"another order and page", "/v1/numbers/a?cursor=" + cursor + "&limit=20&q=1", 200},
		{"another list", "/v1/numbers/b?q=1&cursor=" + cursor, 400},
		{"another filter", "/v1/numbers/a?q=2&cursor=" + cursor, 400},
		{"a filter more", "/v1/numbers/a?q=1&odd=true&cursor=" + cursor, 400},
		{"a filter less", "/v1/numbers/a?cursor=" + cursor, 400},
		{"an empty cursor", "/v1/numbers/a?q=1&cursor=", 400},
		{"half a cursor", "/v1/numbers/a?q=1&cursor=" + cursor[:len(cursor)/2], 400},
		{"another alphabet", "/v1/numbers/a?q=1&cursor=" + cursor + "%2B%2F", 400},
		{"padding", "/v1/numbers/a?q=1&cursor=" + cursor + "=", 400},
		{"rubbish", "/v1/numbers/a?q=1&cursor=rubbish", 400},
		{"a long one", "/v1/numbers/a?q=1&cursor=" + strings.Repeat("A", 5000), 400},
	} {
		got := r.call(t, "GET", tt.path, "ann", "")
		if got.StatusCode != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, got.StatusCode, got.body, tt.status)
		}
		if tt.status == 400 && got.problem(t).Code != "cursor_mismatch" {
			t.Errorf("%s: %s", tt.name, got.body)
		}
	}
}

func TestParametersThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), readable("/numbers/:of", numbers))
	for _, tt := range []struct {
		query  string
		status int
		code   string
	}{
		{"limit=1", 200, ""},
		{"limit=500", 200, ""},
		{"odd=false", 200, ""},
		{"limit=0", 422, "out_of_range@/limit"},
		{"limit=501", 422, "out_of_range@/limit"},
		{"limit=-1", 422, "out_of_range@/limit"},
		{"limit=ten", 422, "out_of_range@/limit"},
		{"limit=", 422, "out_of_range@/limit"},
		{"limit=99999999999999999999", 422, "out_of_range@/limit"},
		{"odd=yes", 422, "wrong_type@/odd"},
		{"limit=0&odd=yes", 422, "out_of_range@/limit wrong_type@/odd"},
		{"form=1", 422, "unknown_member@/form"},
		{"Limit=1", 422, "unknown_member@/Limit"},
		{"limit=1&limit=1", 422, "too_many@/limit"},
		{"q=%ff", 422, "not_utf8@/q"},
		{"%ff=1", 422, "not_utf8@"},
		{"a/b=1", 422, "unknown_member@/a~1b"},
		{"q=%00", 422, "nul@/q"},
		{"q=%zz", 400, ""},
		{"q=1;limit=2", 400, ""},
	} {
		got := r.call(t, "GET", "/v1/numbers/a?"+tt.query, "ann", "")
		if got.StatusCode != tt.status {
			t.Errorf("%s: %d, want %d", tt.query, got.StatusCode, tt.status)
		}
		if got.StatusCode == 422 {
			var at []string
			for _, e := range got.problem(t).Errors {
				at = append(at, e.Code+"@"+e.Pointer)
			}
			if is := strings.Join(at, " "); is != tt.code {
				t.Errorf("%s: %s, want %s", tt.query, is, tt.code)
			}
		}
	}
}

func TestAddressesBeginWithWhatThePublicURLPutsBeforeThem(t *testing.T) {
	t.Parallel()
	config := configured()
	config.PublicURL = "https://exampleco.com/hours"
	r := serving(t, config, readable("/numbers/:of", numbers), writable("/made", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		located(c, "/made/"+url.PathEscape("a/b"))
		return answer(c, fiber.StatusCreated, nil)
	}))
	if at := next(t, r.call(t, "GET", "/v1/numbers/a?limit=1", "ann", "")); !strings.HasPrefix(at, "/hours/v1/numbers/a?") {
		t.Errorf("next page at %s", at)
	}
	plain := serving(t, configured(), readable("/numbers/:of", numbers))
	cursor := next(t, plain.call(t, "GET", "/v1/numbers/a?limit=1", "ann", ""))
	if got := r.call(t, "GET", cursor, "ann", ""); got.StatusCode != 200 {
		t.Errorf("a cursor from before the public URL had a path: %d %s", got.StatusCode, got.body)
	}
	if at := r.call(t, "POST", "/v1/made", "ann", "").Header.Get("Location"); at != "/hours/v1/made/a%2Fb" {
		t.Errorf("made at %s", at)
	}
	if got := r.call(t, "GET", "/v1/numbers/a", "", ""); !strings.Contains(got.Header.Get("WWW-Authenticate"), `"https://exampleco.com/hours/.well-known/`) ||
		!strings.Contains(string(got.body), `"https://exampleco.com/hours/docs/problems#unauthenticated"`) {
		t.Errorf("%s %s", got.Header, got.body)
	}
}

func TestPathParametersAreUnescapedOnce(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), readable("/named/:name/week", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		name, err := pathParam(c, "name")
		if err != nil {
			return err
		}
		return answer(c, fiber.StatusOK, name)
	}))
	for path, want := range map[string]string{
		"ann@exampleco.com": `"ann@exampleco.com"`,
		"auth0%7Cabc":       `"auth0|abc"`,
		"auth0|abc":         `"auth0|abc"`,
		"a%2Fb":             `"a/b"`,
		"a%252Fb":           `"a%2Fb"`,
		"a+b":               `"a+b"`,
		"..":                `".."`,
		"%2e%2e":            `".."`,
		"%C3%BC":            `"ü"`,
		"%ff":               "",
		"%00":               "",
		"":                  "",
	} {
		got, _ := r.raw(t, fmt.Sprintf("GET /v1/named/%s/week HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\n\r\n", path), false)
		if want == "" && got.StatusCode != 404 || want != "" && string(got.body) != want {
			t.Errorf("%q: %d %s, want %s", path, got.StatusCode, got.body, want)
		}
	}
}
