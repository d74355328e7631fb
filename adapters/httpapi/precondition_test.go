package httpapi

import (
	"context"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/identity"
)

// amend answers as if the present version were 3.
func amend(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
	condition, err := readIfMatch(c)
	if err != nil {
		return err
	}
	if c.Query("required") != "" {
		if err := condition.required(); err != nil {
			return err
		}
	}
	if err := condition.check(3); err != nil {
		return err
	}
	tagged(c, 4)
	return answerNothing(c)
}

func TestIfMatchHoldsForTheVersionsThatItNames(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), writable("/amend", amend))
	for _, tt := range []struct {
		name   string
		fields []string
		status int
		code   string
	}{
		{"nothing", nil, 204, ""},
		{"any", []string{"*"}, 204, ""},
		{"the present version", []string{`"3"`}, 204, ""},
		{"one of several", []string{`"1", "2","3"`}, 204, ""},
		{"one of several fields", []string{`"1"`, `"3"`}, 204, ""},
		{"empty elements", []string{`"1",, ,"3"`}, 204, ""},
		{"an older version", []string{`"2"`}, 412, "stale_version"},
		{"a weak tag", []string{`W/"3"`}, 412, "stale_version"},
		{"a weak tag among others", []string{`"1", W/"3"`}, 412, "stale_version"},
		{"another's tag", []string{`"v3"`}, 412, "stale_version"},
		{"an empty tag", []string{`""`}, 412, "stale_version"},
		{"no quotes", []string{"3"}, 400, "bad_header"},
		{"half the quotes", []string{`"3`}, 400, "bad_header"},
		{"no comma", []string{`"1" "3"`}, 400, "bad_header"},
		{"any and a version", []string{`*, "3"`}, 400, "bad_header"},
		{"a small w", []string{`w/"3"`}, 400, "bad_header"},
		{"a comma alone", []string{","}, 400, "bad_header"},
		{"nothing in it", []string{""}, 400, "bad_header"},
		{"a comma at the end", []string{`"3",`}, 204, ""},
		{"a blank in a tag", []string{`"a b"`}, 400, "bad_header"},
		{"bytes above ASCII in a tag", []string{`"ü"`}, 412, "stale_version"},
	} {
		request := "POST /v1/amend HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nContent-Length: 0\r\n"
		for _, field := range tt.fields {
			request += "If-Match: " + field + "\r\n"
		}
		got, _ := r.raw(t, request+"\r\n", false)
		if got.StatusCode != tt.status || tt.code != "" && got.problem(t).Code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, got.StatusCode, got.body, tt.status, tt.code)
		}
		if tag := got.Header.Get("ETag"); (tag == `"4"`) != (tt.status == 204) {
			t.Errorf("%s: ETag %q", tt.name, tag)
		}
		if tt.fields != nil {
			continue
		}
		got, _ = r.raw(t, strings.Replace(request, "amend", "amend?required=1", 1)+"\r\n", false)
		if got.StatusCode != 428 || got.problem(t).Code != "if_match_required" {
			t.Errorf("required: %d %s", got.StatusCode, got.body)
		}
	}
}

func TestIdempotencyKeysAreOneTo255VisibleCharacters(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), writable("/keyed", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		key, err := idempotencyKey(c)
		if err != nil {
			return err
		}
		return answer(c, fiber.StatusOK, key)
	}))
	for _, tt := range []struct {
		fields []string
		want   string
	}{
		{nil, `""`},
		{[]string{"6f7a1c1e-3f0a"}, `"6f7a1c1e-3f0a"`},
		{[]string{`"!~`}, `"\"!~"`},
		{[]string{strings.Repeat("k", 255)}, `"` + strings.Repeat("k", 255) + `"`},
		{[]string{strings.Repeat("k", 256)}, ""},
		{[]string{""}, ""},
		{[]string{"a b"}, ""},
		{[]string{"ü"}, ""},
		{[]string{"a", "a"}, ""},
	} {
		request := "POST /v1/keyed HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ann\r\nContent-Length: 0\r\n"
		for _, field := range tt.fields {
			request += "Idempotency-Key: " + field + "\r\n"
		}
		got, _ := r.raw(t, request+"\r\n", false)
		if tt.want == "" {
			if got.StatusCode != 400 || got.problem(t).Code != "bad_header" {
				t.Errorf("%q: %d %s", tt.fields, got.StatusCode, got.body)
			}
		} else if string(got.body) != tt.want {
			t.Errorf("%q: %d %s", tt.fields, got.StatusCode, got.body)
		}
	}
}
