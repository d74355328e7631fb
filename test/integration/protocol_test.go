package integration

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"timesheets/test/integration/apitest"
)

func TestEveryRequestHasAnID(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	if got := c.ann.With("X-Request-Id", "from-me_1.2").Get(t, timesheets).Header.Get("X-Request-Id"); got != "from-me_1.2" {
		t.Errorf("a good one became %q", got)
	}
	seen := map[string]bool{}
	for _, sent := range []string{"", "a b", "ä", strings.Repeat("x", 129), `"`, "a\tb"} {
		got := c.ann.With("X-Request-Id", sent).Get(t, timesheets).Header.Get("X-Request-Id")
		if got == sent || len(got) != 36 || seen[got] {
			t.Errorf("%q became %q", sent, got)
		}
		seen[got] = true
	}
	if p := c.ann.With("X-Request-Id", "mine").Get(t, "/v1/nothing").IsProblem(t, 404, "not_found"); p.RequestID != "mine" {
		t.Errorf("the problem names %q", p.RequestID)
	}
	c.ann.With("X-Request-Id", "look-for-me").Get(t, timesheets)
	if !apitest.Eventually(t, time.Minute, func() bool { return c.api.Heard("look-for-me") }) {
		t.Error("the log does not name the request")
	}
}

func TestWhatIsNotThereIsAProblemToo(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	nobody := c.api.As("")
	for _, by := range []apitest.Caller{nobody, c.ann} {
		for _, path := range []string{"/", "/v1", "/v1/", "/v1/nothing", "/nothing", "/v1/timesheets/", "/v1/Timesheets", "/V1/timesheets", "/v2/timesheets", "/metrics", "/debug/pprof/", "/v1/approvals/a/b", "/docs/nothing"} {
			by.Get(t, path).IsProblem(t, 404, "not_found")
		}
		for request, allowed := range map[string]string{
			"PUT /v1/timesheets":                         "GET, HEAD, POST, OPTIONS",
			"DELETE /v1/timesheets":                      "GET, HEAD, POST, OPTIONS",
			"POST /v1/approvals":                         "GET, HEAD, OPTIONS",
			"PATCH /v1/workers/ann":                      "GET, HEAD, PUT, OPTIONS",
			"POST /healthz":                              "GET, HEAD, OPTIONS",
			"TRACE /v1/timesheets":                       "GET, HEAD, POST, OPTIONS",
			"BREW /v1/timesheets":                        "GET, HEAD, POST, OPTIONS",
			"get /v1/timesheets":                         "GET, HEAD, POST, OPTIONS",
			"QUERY /v1/nothing":                          "",
			"POST /.well-known/oauth-protected-resource": "GET, HEAD, OPTIONS",
		} {
			method, path, _ := strings.Cut(request, " ")
			got := by.Send(t, method, path, nil)
			if allowed == "" {
				got.IsProblem(t, 404, "not_found")
				continue
			}
			got.IsProblem(t, 405, "method_not_allowed")
			if got.Header.Get("Allow") != allowed {
				t.Errorf("%s: Allow is %q, want %q", request, got.Header.Get("Allow"), allowed)
			}
		}
	}
	c.ann.With("X-HTTP-Method-Override", "DELETE").Post(t, timesheets+"/01a1f2d1-d400-7c3b-9f2e-5b8f0c1d2e3f", nil).IsProblem(t, 405, "method_not_allowed")
}

func TestWhatIsPublicNeedsNoTokenAndMindsNone(t *testing.T) {
	t.Parallel()
	api := shared(t)
	for _, path := range []string{"/healthz", "/readyz", "/openapi.yaml", "/openapi.json", "/docs", "/docs/problems", "/.well-known/oauth-protected-resource"} {
		got := api.As("").Get(t, path).Is(t, 200)
		api.As("no.token.at-all").Get(t, path).Is(t, 200)
		head := api.As("").Send(t, http.MethodHead, path, nil).Is(t, 200)
		if got.Header.Get("Content-Type") != head.Header.Get("Content-Type") || len(got.Body) == 0 {
			t.Errorf("%s: HEAD says %s, GET %s with %d bytes", path, head.Header.Get("Content-Type"), got.Header.Get("Content-Type"), len(got.Body))
		}
	}
	var about struct {
		Resource string
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
	}
	api.As("").Get(t, "/.well-known/oauth-protected-resource/timesheets").Is(t, 200).Read(t, &about)
	if about.Resource != apitest.Audience || len(about.Servers) != 1 || about.Servers[0] != apitest.Issuer(t).URL() || len(about.Scopes) != 5 {
		t.Errorf("the metadata are %+v", about)
	}
}

func TestWhatCanBeReadCanBeAskedForItsHead(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	at := c.ann.Post(t, timesheets, work()).Is(t, 201).Header.Get("Location")
	for _, path := range []string{timesheets, at, approvals, workers} {
		get, head := c.bob.Get(t, path).Is(t, 200), c.bob.Send(t, http.MethodHead, path, nil).Is(t, 200)
		if get.Header.Get("ETag") != head.Header.Get("ETag") || get.Header.Get("Content-Length") != head.Header.Get("Content-Length") {
			t.Errorf("%s: GET says %v, HEAD %v", path, get.Header, head.Header)
		}
	}
	c.bea.Send(t, http.MethodHead, at, nil).Is(t, 404)
}

func TestMetricsHaveAnAddressOfTheirOwnAndNameNobody(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.ann.Get(t, timesheets).Is(t, 200)
	response, err := http.Get(c.api.Metrics + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), `route="/v1/timesheets"`) || strings.Contains(string(text), c.org) || strings.Contains(string(text), "ann") {
		t.Errorf("the metrics are\n%.2000s", text)
	}
}

func TestHowATokenIsSent(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	token, nobody := c.ann.Token(), c.api.As("")
	for _, good := range []string{"Bearer " + token, "bearer " + token, "BEARER   " + token} {
		nobody.With("Authorization", good).Get(t, timesheets).Is(t, 200)
	}
	for _, tt := range []struct {
		name   string
		by     apitest.Caller
		path   string
		status int
		code   string
	}{
		{"another scheme", nobody.With("Authorization", "Basic YW5uOmFubg=="), timesheets, 401, "unauthenticated"},
		{"in the query", nobody, timesheets + "?access_token=" + token, 401, "unauthenticated"},
		{"twice", nobody.With("Authorization", "Bearer "+token, "Authorization", "Bearer "+token), timesheets, 400, "invalid_request"},
		{"no token after Bearer", nobody.With("Authorization", "Bearer"), timesheets, 400, "invalid_request"},
		{"two tokens", nobody.With("Authorization", "Bearer "+token+" "+token), timesheets, 400, "invalid_request"},
		{"in quotes", nobody.With("Authorization", `Bearer "`+token+`"`), timesheets, 400, "invalid_request"},
		{"a token that is none", nobody.With("Authorization", "Bearer abc"), timesheets, 401, "invalid_token"},
	} {
		got := tt.by.Get(t, tt.path)
		got.IsProblem(t, tt.status, tt.code)
		challenge := got.Header.Get("WWW-Authenticate")
		if !strings.HasPrefix(challenge, `Bearer realm="timesheets"`) || strings.Contains(challenge, token) || (tt.code == "unauthenticated") == strings.Contains(challenge, "error=") {
			t.Errorf("%s: the challenge is %s", tt.name, challenge)
		}
		if tt.code != "unauthenticated" && !strings.Contains(challenge, `error="`+tt.code+`"`) {
			t.Errorf("%s: the challenge is %s", tt.name, challenge)
		}
	}
}

func TestWhatIsAskedForAndSentIsJSON(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for accept, status := range map[string]int{
		"application/json": 200, "*/*": 200, "application/*;q=0.1": 200, "text/html, application/json;q=0.5": 200, "": 200,
		"text/html": 406, "application/json;q=0": 406, "image/png, text/*": 406,
	} {
		if got := c.ann.With("Accept", accept).Get(t, workers); got.Status != status {
			t.Errorf("Accept: %s: got %d, want %d", accept, got.Status, status)
		}
	}
	for kind, status := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "Application/JSON;charset=UTF-8": 201,
		"text/json": 415, "application/json; charset=latin1": 415, "application/x-www-form-urlencoded": 415, "application/merge-patch+json": 415, "": 415,
	} {
		if got := c.ann.With("Content-Type", kind).Post(t, timesheets, work()); got.Status != status {
			t.Errorf("Content-Type: %s: got %d, want %d", kind, got.Status, status)
		}
	}
	c.ann.With("Content-Encoding", "gzip").Post(t, timesheets, packed(t, []byte("{}"))).IsProblem(t, 415, "unsupported_media_type")
}

func TestABodyThatIsNoObjectIsRefused(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for body, want := range map[string]struct {
		status int
		code   string
	}{
		``: {415, "unsupported_media_type"}, ` `: {400, "malformed_json"}, `{`: {400, "malformed_json"}, `{"date":"2026-11-20"`: {400, "malformed_json"},
		`{} {}`: {400, "malformed_json"}, `{"hours":01}`: {400, "malformed_json"}, `{'a':1}`: {400, "malformed_json"}, "{\"project\":\"\xff\"}": {400, "malformed_json"},
		`{"project":"a","project":"b"}`: {400, "duplicate_member"}, `{"project":"\ud800"}`: {400, "malformed_json"}, `null`: {422, "wrong_type"}, `[]`: {422, "wrong_type"},
		strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40): {400, "malformed_json"},
	} {
		if p := c.ann.Post(t, timesheets, body).Problem(t); p.Status != want.status || p.Code != want.code {
			t.Errorf("%.40q: got %+v, want %+v", body, p, want)
		}
	}
}

func TestWhatIsNotHTTPIsAnsweredWithAProblem(t *testing.T) {
	t.Parallel()
	api := shared(t)
	for name, tt := range map[string]struct {
		request string
		status  int
		code    string
		path    string // as far as it could be read
	}{
		"no HTTP":           {"GREETINGS\r\n\r\n", 400, "bad_request", "/"},
		"no Host":           {"GET /healthz HTTP/1.1\r\n\r\n", 400, "bad_request", "/healthz"},
		"two lengths":       {"POST /v1/timesheets HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}", 400, "bad_request", "/v1/timesheets"},
		"length and chunks": {"POST /v1/timesheets HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_request", "/v1/timesheets"},
		"a long header":     {"GET /healthz HTTP/1.1\r\nHost: a\r\nCookie: " + strings.Repeat("x", 17<<10) + "\r\n\r\n", 431, "header_too_large", "/"},
		"a long body":       {"POST /v1/timesheets HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n", 413, "body_too_large", "/v1/timesheets"},
	} {
		conn := api.Dial(t)
		if _, err := io.WriteString(conn, tt.request); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		request, err := http.NewRequest(strings.Fields(tt.request)[0], api.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		api.Hold(t, request, nil, response, body)
		if response.StatusCode != tt.status || !strings.Contains(string(body), `"code":"`+tt.code+`"`) {
			t.Errorf("%s: got %d %s, want %d %s", name, response.StatusCode, body, tt.status, tt.code)
		}
	}
}

func TestAPageOfAnAllowedOriginMayCall(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	const page = "https://timesheets.exampleco.com"
	preflight := c.api.As("").With("Origin", page, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "authorization,content-type")
	got := preflight.Send(t, http.MethodOptions, approvals+"/01a1f2d1-d400-7c3b-9f2e-5b8f0c1d2e3f", nil).Is(t, 204)
	allowed := strings.ToLower(got.Header.Get("Access-Control-Allow-Headers"))
	if got.Header.Get("Access-Control-Allow-Origin") != page || !strings.Contains(got.Header.Get("Access-Control-Allow-Methods"), "PUT") ||
		!strings.Contains(allowed, "authorization") || !strings.Contains(allowed, "content-type") || !strings.Contains(allowed, "if-match") || !strings.Contains(allowed, "idempotency-key") {
		t.Errorf("the preflight was answered with %v", got.Header)
	}
	// Refusals too can be read by the page.
	for _, by := range []apitest.Caller{c.ann, c.api.As(""), c.api.As("abc")} {
		got := by.With("Origin", page).Get(t, timesheets)
		exposed := got.Header.Get("Access-Control-Expose-Headers")
		for _, name := range []string{"Link", "ETag", "Location", "WWW-Authenticate", "Retry-After", "X-Request-Id"} {
			if !strings.Contains(exposed, name) {
				t.Errorf("%d does not expose %s: %s", got.Status, name, exposed)
			}
		}
		if got.Header.Get("Access-Control-Allow-Origin") != page || !strings.Contains(got.Header.Get("Vary"), "Origin") || got.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%d: got %v", got.Status, got.Header)
		}
	}
}

func TestAPageOfAnotherOriginMayNot(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for _, origin := range []string{"https://evil.example.com", "null", "https://timesheets.exampleco.com.evil.org", "http://timesheets.exampleco.com", "https://TIMESHEETS.exampleco.com"} {
		preflight := c.api.As("").With("Origin", origin, "Access-Control-Request-Method", "POST").Send(t, http.MethodOptions, timesheets, nil).Is(t, 204)
		got := c.ann.With("Origin", origin).Get(t, timesheets).Is(t, 200)
		for _, a := range []apitest.Answer{preflight, got} {
			if a.Header.Get("Access-Control-Allow-Origin") != "" || !strings.Contains(a.Header.Get("Vary"), "Origin") {
				t.Errorf("%s: got %v", origin, a.Header)
			}
		}
	}
}

func TestOptionsNeedNoTokenAndNameTheMethods(t *testing.T) {
	t.Parallel()
	api := shared(t)
	if got := api.As("").Send(t, http.MethodOptions, timesheets, nil).Is(t, 204).Header.Get("Allow"); got != "GET, HEAD, POST, OPTIONS" {
		t.Errorf("Allow is %q", got)
	}
	api.As("").Send(t, http.MethodOptions, "/v1/nothing", nil).IsProblem(t, 404, "not_found")
}

// What is not there is said before what else is wrong with a request about it.
func TestExistenceIsAnsweredBeforeContent(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	const nothing = "01a1fa02-09c0-7c3b-9f2e-5b8f0c1d2e3f"
	entry, week := c.ann.Post(t, timesheets, work()).Is(t, 201).Entry(t), "/v1/weeks/ann/"+weekOf(today())
	c.bea.Post(t, timesheets, work()).Is(t, 201)
	run := c.job.Post(t, "/v1/imports", fields{"source": "kimai", "mode": "upsert", "from": day(-7), "to": today()}).Is(t, 201)
	var started struct {
		ID    string
		Fence int64
	}
	run.Read(t, &started)
	long := fields{"reason": strings.Repeat("x", 2001)}
	for _, tt := range []struct {
		name          string
		by            apitest.Caller
		method        string
		unknown, path string // the same, of what is not there and of what is
		body          any
		status        int // of what is there; 0 when there is nothing to try
	}{
		{"a decision that is none", c.bob, "PUT", approvals + "/" + nothing, approvals + "/" + entry.ID, fields{"status": "maybe"}, 422},
		{"a reason to approve", c.bob, "PUT", approvals + "/" + nothing, approvals + "/" + entry.ID, fields{"reason": "good"}, 422},
		{"an unknown member", c.bob, "PUT", approvals + "/" + nothing, approvals + "/" + entry.ID, fields{"x": 1}, 422},
		{"no id", c.bob, "PUT", approvals + "/x", approvals + "/" + entry.ID, fields{"x": 1}, 422},
		{"a patch that is no object", c.ann, "PATCH", timesheets + "/" + nothing, timesheets + "/" + entry.ID, []int{}, 422},
		{"a patch of another's", c.bea, "PATCH", timesheets + "/" + entry.ID, "", []int{}, 0},
		{"a reason that is too long", c.bob, "POST", "/v1/corrections/" + nothing + "/dismiss", "", long, 0},
		{"a dismissal with an unknown member", c.bob, "POST", "/v1/corrections/" + nothing + "/dismiss", "", fields{"x": 1}, 0},
		{"an acceptance with an unknown member", c.bob, "POST", "/v1/corrections/" + nothing + "/accept", "", fields{"x": 1}, 0},
		{"an approval without If-Match", c.bob, "POST", "/v1/weeks/nobody/2026-W47/approve", week + "/approve", nil, 428},
		{"an approval with an unknown member", c.bob, "POST", "/v1/weeks/nobody/2026-W47/approve", week + "/approve", fields{"x": 1}, 422},
		{"a rejection that is no object", c.bob, "POST", "/v1/weeks/nobody/2026-W47/reject", week + "/reject", []int{}, 422},
		{"another's week to hand in", c.bea, "POST", week + "/submit", "/v1/weeks/bea/" + weekOf(today()) + "/submit", fields{"x": 1}, 422},
		{"one's own week without an entry", c.ann, "POST", "/v1/weeks/nobody/2026-W47/withdraw", "/v1/weeks/ann/2026-W40/withdraw", fields{"x": 1}, 422},
		{"no week", c.bob, "POST", "/v1/weeks/ann/2026-47/approve", week + "/approve", fields{"x": 1}, 422},
		{"a run without its fence", c.job, "POST", "/v1/imports/" + nothing + "/complete", "/v1/imports/" + started.ID + "/complete", nil, 428},
		{"a run with an unknown member", c.job, "POST", "/v1/imports/" + nothing + "/complete", "/v1/imports/" + started.ID + "/complete", fields{"x": 1}, 422},
		{"a run and a number out of range", c.job, "POST", "/v1/imports/" + nothing + "/complete", "/v1/imports/" + started.ID + "/complete", fields{"max_delete_percent": 101}, 422},
		{"a run that is given up", c.job, "POST", "/v1/imports/" + nothing + "/abort", "/v1/imports/" + started.ID + "/abort", nil, 428},
	} {
		tt.by.Send(t, tt.method, tt.unknown, tt.body).IsProblem(t, 404, "not_found")
		if tt.status != 0 {
			if p := tt.by.Send(t, tt.method, tt.path, tt.body).Problem(t); p.Status != tt.status {
				t.Errorf("%s: what is there answers %d %s, want %d", tt.name, p.Status, p.Code, tt.status)
			}
		}
	}
	c.bob.Put(t, approvals+"/"+nothing, "{").IsProblem(t, 400, "malformed_json")
	c.bob.Patch(t, timesheets+"/"+nothing, "{").IsProblem(t, 400, "malformed_json")
	c.bob.Post(t, "/v1/weeks/nobody/2026-W47/approve", "{").IsProblem(t, 400, "malformed_json")
	c.job.Post(t, "/v1/imports/"+nothing+"/complete", "{").IsProblem(t, 400, "malformed_json")
}
