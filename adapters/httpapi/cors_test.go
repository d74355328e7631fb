package httpapi

import (
	"strings"
	"testing"
)

const (
	ours   = "https://timesheets.exampleco.com"
	theirs = "https://evil.example"
)

func TestAPreflightNeedsNoTokenAndNamesWhatThePathHas(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), append(things(), uploads())...)
	got := r.call(t, "OPTIONS", "/v1/things", "", "",
		"Origin", ours, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization, content-type")
	if got.StatusCode != 204 || len(got.body) != 0 {
		t.Fatalf("got %d %s", got.StatusCode, got.body)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":      ours,
		"Access-Control-Allow-Methods":     "GET, HEAD, POST, OPTIONS",
		"Access-Control-Allow-Headers":     "Authorization, Content-Type, If-Match, Idempotency-Key, Import-Fence, X-Request-Id",
		"Access-Control-Max-Age":           "600",
		"Access-Control-Allow-Credentials": "",
		"Allow":                            "GET, HEAD, POST, OPTIONS",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if vary := strings.Join(got.Header.Values("Vary"), ", "); vary != "Origin, Access-Control-Request-Method, Access-Control-Request-Headers" {
		t.Errorf("Vary: %s", vary)
	}
}

func TestOnlyExactOriginsMayRead(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), things()...)
	for origin, want := range map[string]string{
		ours:                                     ours,
		theirs:                                   "",
		"http://timesheets.exampleco.com":        "",
		"https://timesheets.exampleco.com:8443":  "",
		"https://timesheets.exampleco.com.evil":  "",
		"https://TIMESHEETS.exampleco.com":       "",
		"https://sub.timesheets.exampleco.com":   "",
		"null":                                   "",
		"*":                                      "",
		"https://timesheets.exampleco.com/path/": "",
	} {
		for _, got := range []answered{
			r.call(t, "GET", "/v1/things", "ann", "", "Origin", origin),
			r.call(t, "GET", "/v1/things", "", "", "Origin", origin), // a page must be able to read why
			r.call(t, "GET", "/nowhere", "", "", "Origin", origin),
			r.call(t, "OPTIONS", "/v1/things", "", "", "Origin", origin, "Access-Control-Request-Method", "GET"),
		} {
			if allowed := got.Header.Get("Access-Control-Allow-Origin"); allowed != want {
				t.Errorf("%s, %d: allowed %q, want %q", origin, got.StatusCode, allowed, want)
			}
			exposed := "Link, ETag, Location, WWW-Authenticate, Retry-After, X-Request-Id, RateLimit, RateLimit-Policy, Idempotency-Replayed"
			if got.Header.Get("Access-Control-Expose-Headers") == exposed != (want != "") {
				t.Errorf("%s, %d: exposed %q", origin, got.StatusCode, got.Header.Get("Access-Control-Expose-Headers"))
			}
			if !strings.HasPrefix(got.Header.Get("Vary"), "Origin") {
				t.Errorf("%s, %d: Vary %q", origin, got.StatusCode, got.Header.Get("Vary"))
			}
			if want == "" && got.Header.Get("Access-Control-Allow-Methods") != "" {
				t.Errorf("%s: a preflight of a stranger got methods", origin)
			}
		}
	}
}

func TestWithoutOriginsNobodyIsAllowed(t *testing.T) {
	t.Parallel()
	config := configured()
	config.CORSOrigins = nil
	r := serving(t, config, things()...)
	for _, origin := range []string{ours, "", "null"} {
		got := r.call(t, "GET", "/v1/things", "ann", "", "Origin", origin)
		if got.StatusCode != 204 || got.Header.Get("Access-Control-Allow-Origin") != "" || got.Header.Get("Vary") != "" {
			t.Errorf("%q: %d, %s", origin, got.StatusCode, got.Header)
		}
	}
}

func TestOPTIONSWithoutAnOriginNamesTheMethods(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), things()...)
	got := r.call(t, "OPTIONS", "/v1/things", "", "")
	if got.StatusCode != 204 || got.Header.Get("Allow") != "GET, HEAD, POST, OPTIONS" || got.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("got %d, %s", got.StatusCode, got.Header)
	}
}
