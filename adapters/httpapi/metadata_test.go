package httpapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheMetadataSaysWhichTokensCount(t *testing.T) {
	t.Parallel()
	r := serving(t, configured())
	want := map[string]any{
		"resource":                 "https://api.exampleco.com/timesheets",
		"authorization_servers":    []any{"https://issuer.example/"},
		"scopes_supported":         []any{"batch:upload", "read:timesheets", "create:timesheets", "delete:timesheets", "approve:timesheets"},
		"bearer_methods_supported": []any{"header"},
		"resource_name":            "Timesheets API",
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/timesheets"} {
		got := r.call(t, "GET", path, "", "", "Origin", "https://anyone.example")
		if got.StatusCode != 200 || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.Header)
		}
		if diff := cmp.Diff(want, object(t, got.body)); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", path, diff)
		}
	}
	for _, path := range []string{"/.well-known/oauth-protected-resource/", "/.well-known/oauth-protected-resource/other", "/.well-known/oauth-protected-resource/timesheets/", "/.well-known/oauth-protected-resourcetimesheets"} {
		if got := r.call(t, "GET", path, "", ""); got.StatusCode != 404 || got.problem(t).Code != "not_found" {
			t.Errorf("%s: %d %s", path, got.StatusCode, got.body)
		}
	}
}

func TestOnlyAURLHasAPathForItsMetadata(t *testing.T) {
	t.Parallel()
	for resource, want := range map[string]string{
		"https://api.exampleco.com":               "",
		"https://api.exampleco.com/":              "",
		"https://api.exampleco.com/timesheets":    "/timesheets",
		"https://api.exampleco.com/a%20b/v1":      "/a%20b/v1",
		"https://api.exampleco.com/timesheets?x=": "/timesheets",
		"urn:timesheets":                          "",
		"timesheets":                              "",
		"%":                                       "",
	} {
		if got := resourcePath(resource); got != want {
			t.Errorf("%s: %q, want %q", resource, got, want)
		}
	}
}
