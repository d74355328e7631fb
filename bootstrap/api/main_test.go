package main

import (
	"bytes"
	"strings"
	"testing"
)

// good is a configuration that is usable, and of which nothing is there.
var good = []string{"DATABASE_URL=postgres://u:s3cret@127.0.0.1:1,127.0.0.1:2/d", "AUTH0_ISSUER_URL=http://127.0.0.1:1/", "AUTH0_AUDIENCE=a", "HTTP_ADDR=127.0.0.1:0"}

func start(t *testing.T, environ []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, environ, &out, &err)
	for _, text := range []string{out.String(), err.String()} {
		if strings.Contains(text, "s3cret") {
			t.Errorf("a secret is shown:\n%s", text)
		}
	}
	return code, out.String(), err.String()
}

func TestEveryMistakeOfTheConfigurationIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	wrong := map[string]string{
		"DATABASE_URL": "mysql://u:s3cret@h/d", "DATABASE_POOL_MAX": "1001", "DATABASE_POOL_LIFETIME": "-1s",
		"HTTP_ADDR": "nonsense", "METRICS_ADDR": "127.0.0.1:99999", "PUBLIC_URL": "api.example.com", "CORS_ORIGINS": "https://ok.example, *",
		"SHUTDOWN_DELAY": "-30s", "AUTH0_DOMAIN": "https://x.example.com/?x", "AUTH0_SIGNING_ALG": "none", "AUTH0_TOKEN_PROFILE": "Auth0",
		"AUTH0_USER_ID_CLAIM": "iss", "AUTH0_ORGANIZATIONS": "on", "LOCK_BEFORE": "yesterday",
		"RATE_LIMIT_REQUESTS_PER_SECOND": "NaN", "RATE_LIMIT_UPLOADS_PER_SECOND": "-1", "RATE_LIMIT_FAILURES_PER_SECOND": "Inf",
		"LOG_LEVEL": "loud", "LOG_FORMAT": "xml",
	}
	environ := []string{"AUTH0_AUDIENCE=a"}
	for name, value := range wrong {
		environ = append(environ, name+"="+value)
	}
	for _, command := range []string{"serve", "migrate", "check"} {
		code, stdout, stderr := start(t, environ, command)
		if code != misconfigured || stdout != "" {
			t.Errorf("%s: exit %d, %q", command, code, stdout)
		}
		for name := range wrong {
			if !strings.Contains(stderr, "\n"+name) {
				t.Errorf("%s: %s is not named in\n%s", command, name, stderr)
			}
		}
		if lines := strings.Count(stderr, "\n"); lines != len(wrong)+2 {
			t.Errorf("%s: %d lines of %d mistakes:\n%s", command, lines, len(wrong), stderr)
		}
	}
}

func TestAMistakeIsNamedOnce(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		environ []string
		want    []string // the beginnings of the lines
	}{
		{"nothing is set", nil, []string{"DATABASE_URL is not set", "AUTH0_AUDIENCE is not set", "set AUTH0_DOMAIN or AUTH0_ISSUER_URL"}},
		{"a burst that is no number", append([]string{"RATE_LIMIT_UPLOADS_BURST=many"}, good...), []string{"RATE_LIMIT_UPLOADS_BURST is a whole number"}},
		{"a burst of nobody", append([]string{"RATE_LIMIT_UPLOADS_BURST=0"}, good...), []string{"RATE_LIMIT_UPLOADS_BURST: A rate limit of 100 a second"}},
		{"no secrets", append([]string{"AUTH0_SIGNING_ALG=HS256"}, good...), []string{"AUTH0_SIGNING_SECRET_FILE goes with"}},
		{"secrets that are not there", append([]string{"AUTH0_SIGNING_ALG=HS256", "AUTH0_SIGNING_SECRET_FILE=/nowhere"}, good...), []string{"AUTH0_SIGNING_SECRET_FILE: The signing secret file cannot be used: no such file"}},
		{"an address that no URL has", append(good[:3:3], "HTTP_ADDR=a b:80"), []string{"HTTP_ADDR: The public URL"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			code, _, stderr := start(t, tt.environ, "serve")
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			if code != misconfigured || len(lines) != len(tt.want)+2 {
				t.Fatalf("exit %d\n%s", code, stderr)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(lines[i+1], want) {
					t.Errorf("got %q, want %q", lines[i+1], want)
				}
			}
		})
	}
}

func TestCheckSaysALineOfEverything(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := start(t, good, "check")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	if code != failed || stderr != "" || len(lines) != 4 {
		t.Fatalf("exit %d, %d lines\n%s%s", code, len(lines), stdout, stderr)
	}
	for i, want := range []string{"ok       configuration", "ok       address", "missing  database", "missing  signing keys"} {
		if !strings.HasPrefix(lines[i], want) {
			t.Errorf("got %q, want %q", lines[i], want)
		}
	}
}
