package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"timesheets/test/trackertest"
	"timesheets/test/uploadtest"
)

const secret = "the-secret-of-a-test"

// world is all that the program talks to, on real sockets.
type world struct {
	kimai  *trackertest.Kimai
	api    *uploadtest.API
	issuer *httptest.Server
	env    map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{kimai: trackertest.NewKimai("kimai-token"), api: uploadtest.New("issued")}
	w.issuer = serve(t, http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		out.Header().Set("Content-Type", "application/json")
		if r.FormValue("client_secret") != secret || r.FormValue("audience") != "https://api.example" || r.FormValue("organization") != "org_1" {
			out.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(out, `{"error":"access_denied","error_description":"Unauthorized"}`)
			return
		}
		fmt.Fprint(out, `{"access_token":"issued","token_type":"Bearer","expires_in":3600,"scope":"batch:upload"}`)
	}))
	w.env = map[string]string{
		"TIMESHEETS_API_URL": serve(t, w.api).URL + "/v1",
		"AUTH0_TOKEN_URL":    w.issuer.URL + "/oauth/token", "AUTH0_AUDIENCE": "https://api.example", "AUTH0_ORGANIZATION": "org_1",
		"AUTH0_CLIENT_ID": "job", "AUTH0_CLIENT_SECRET": secret,
		"TRACKER": "kimai", "TRACKER_URL": serve(t, w.kimai).URL, "TRACKER_TOKEN": "kimai-token",
	}
	return w
}

func serve(t *testing.T, handler http.Handler) *httptest.Server {
	t.Helper()
	socket := httptest.NewServer(handler)
	t.Cleanup(socket.Close)
	return socket
}

// start runs the program with the world's environment.
func (w *world) start(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return w.startWith(t, "", args...)
}

func (w *world) startWith(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var environ []string
	for name, value := range w.env {
		environ = append(environ, name+"="+value)
	}
	var out, err bytes.Buffer
	code = run(t.Context(), args, environ, strings.NewReader(stdin), &out, &err)
	for _, text := range []string{out.String(), err.String()} {
		for _, hidden := range []string{secret, "kimai-token"} {
			if strings.Contains(text, hidden) {
				t.Errorf("a secret is shown:\n%s", text)
			}
		}
	}
	return code, out.String(), err.String()
}

var october = []string{"--from", "2026-10-01", "--to", "2026-10-31"}

// summary gives the last line of a log, which is the run's.
func summary(t *testing.T, log string) map[string]any {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(log), "\n")
	var last map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatalf("%v in\n%s", err, log)
	}
	return last
}

func TestARunLogsOneLineAndEachNewProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code, stdout, stderr := w.start(t, append([]string{"run"}, october...)...)
	if code != 3 || stdout != "" || strings.Count(stderr, "row rejected") != 4 {
		t.Errorf("exit %d\n%s\n%s", code, stdout, stderr)
	}
	if s := summary(t, stderr); s["msg"] != "import finished" || s["created"] != 533.0 || s["rejected"] != 4.0 || s["exit"] != 3.0 || s["source"] != "kimai" {
		t.Errorf("got %v", s)
	}
	code, _, stderr = w.start(t, append([]string{"run"}, october...)...)
	if s := summary(t, stderr); code != 0 || strings.Count(stderr, "\n") != 1 || s["unchanged"] != 533.0 || s["known_problems"] != 4.0 {
		t.Errorf("the second time: exit %d\n%s", code, stderr)
	}
}

func TestAPlanIsATableForPeopleAndChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code, stdout, _ := w.start(t, append([]string{"plan"}, october...)...)
	if code != 3 || len(w.api.Entries()) != 0 {
		t.Errorf("exit %d, %d entries were made", code, len(w.api.Entries()))
	}
	for _, part := range []string{"Would import kimai, 2026-10-01 to 2026-10-31: 537 entries", "533  created", "ana.ruiz@fjordline.example", "2026-10-05", "Webshop relaunch", "… and 333 more", "Would be refused", "2026-W44", "out_of_range"} {
		if !strings.Contains(stdout, part) {
			t.Errorf("%q is not in\n%s", part, stdout)
		}
	}
}

func TestALogLineSaysWhichImportItWasAndHowFarTheSourceIsRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	yesterday := time.Now().UTC().AddDate(0, 0, -1).Format(time.RFC3339)
	w.api.SetCursor("kimai", yesterday)
	_, _, stderr := w.start(t, "run", "--mirror")
	run := w.api.Runs()[0]
	s := summary(t, stderr)
	if s["import_id"] != run.ID || s["mode"] != "mirror" || s["deleted"] != 0.0 || s["cursor_before"] != yesterday || s["cursor"] != run.Cursor || run.Cursor == "" {
		t.Errorf("of %+v: %v", run, s)
	}
}

func TestTheModeIsThatOfTheCommandLineElseThatOfTheEnvironment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tt := range []struct{ variable, flag, want string }{
		{"", "--max-delete-count=3", ""}, {"", "--mirror", "mirror"}, {"", "--tier=recent", "upsert"},
		{"mirror", "--tier=recent", "mirror"}, {"mirror", "--no-mirror", "upsert"}, {"mirror", "--allow-empty", "mirror"}, {"upsert", "--mirror", "mirror"},
	} {
		w.env["IMPORT_MODE"] = tt.variable
		before := len(w.api.Runs())
		code, _, stderr := w.start(t, "plan", tt.flag)
		if runs := w.api.Runs(); tt.want == "" && code != 2 || tt.want != "" && (len(runs) == before || runs[len(runs)-1].Mode != tt.want) {
			t.Errorf("IMPORT_MODE=%s and %s: exit %d, %v\n%s", tt.variable, tt.flag, code, runs[before:], stderr)
		}
	}
	w.env["IMPORT_MODE"] = "sync"
	if code, _, stderr := w.start(t, "run"); code != 2 || !strings.Contains(stderr, "IMPORT_MODE is upsert or mirror") {
		t.Errorf("exit %d\n%s", code, stderr)
	}
}

func TestAPlanOfAMirrorShowsWhatItWouldDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.start(t, append([]string{"run"}, october...)...)
	w.kimai.Delete(w.kimai.IDs()[0])
	code, stdout, _ := w.start(t, append([]string{"plan", "--mirror"}, october...)...)
	for _, part := range []string{"Would import kimai as a mirror, 2026-10-01 to 2026-10-31", "1  would be deleted (the tracker no longer has them)", "Import " + w.api.Runs()[1].ID + "; the source is read up to "} {
		if code != 0 || !strings.Contains(stdout, part) {
			t.Errorf("exit %d, and %q is not in\n%s", code, part, stdout)
		}
	}
	if len(w.api.Entries()) != 533 {
		t.Errorf("%d entries are left", len(w.api.Entries()))
	}
}

func TestTimewarriorIsImportedFromAFileAndFromStandardInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	export, err := os.ReadFile("../../adapters/trackers/timewarrior/testdata/timew-1.4.3-export.json")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "export.json")
	if err := os.WriteFile(file, export, 0o600); err != nil {
		t.Fatal(err)
	}
	maps.Copy(w.env, map[string]string{
		"TRACKER": "timewarrior", "TRACKER_FILE": file, "TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann", "TRACKER_TIME_ZONE": "Europe/Berlin",
		"TRACKER_SOURCE": "timew-ann", "TRACKER_DEFAULT_PROJECT": "Other",
	})
	if code, _, stderr := w.start(t, "run"); code != 3 || summary(t, stderr)["created"] != 9.0 || summary(t, stderr)["running"] != 1.0 {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	w.env["TRACKER_FILE"] = "-"
	if code, _, stderr := w.startWith(t, string(export), "run"); code != 0 || summary(t, stderr)["unchanged"] != 9.0 {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if _, ok := w.api.Entries()["timew-ann/laptop/20261019T063000Z"]; !ok {
		t.Errorf("got %v", w.api.Entries())
	}
}

func TestAProgramThatWaitsForStandardInputCanBeStopped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	maps.Copy(w.env, map[string]string{
		"TRACKER": "timewarrior", "TRACKER_FILE": "-", "TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann", "TRACKER_TIME_ZONE": "Europe/Berlin",
	})
	in, out := io.Pipe()
	t.Cleanup(func() { out.Close() })
	var environ []string
	for name, value := range w.env {
		environ = append(environ, name+"="+value)
	}
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		_, _ = io.WriteString(out, "[") // which is over when it has been read
		stop()
	}()
	var shown, logged bytes.Buffer
	code := run(ctx, []string{"run"}, environ, in, &shown, &logged)
	if code != 1 || summary(t, logged.String())["msg"] != "import not finished" {
		t.Errorf("exit %d\n%s", code, logged.String())
	}
	if runs := w.api.Runs(); len(runs) != 1 || runs[0].State != "aborted" {
		t.Errorf("got %+v", runs)
	}
}

func TestCheckSaysALineOfEverything(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code, stdout, _ := w.start(t, "check")
	if code != 0 || strings.Count(stdout, "ok ") != 4 || !strings.Contains(stdout, `Kimai "2.66.0", 537 entries can be read`) {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	for _, tt := range []struct{ name, variable, value, says string }{
		{"a wrong secret", "AUTH0_CLIENT_SECRET", "wrong", "FAILED  token"},
		{"a wrong path", "TIMESHEETS_API_URL", strings.TrimSuffix(w.env["TIMESHEETS_API_URL"], "/v1"), "FAILED  api"},
		{"a wrong token of the tracker", "TRACKER_TOKEN", "wrong", "FAILED  tracker"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			other := &world{env: maps.Clone(w.env)}
			other.env[tt.variable] = tt.value
			if code, stdout, _ := other.start(t, "check"); code != 2 || !strings.Contains(stdout, tt.says) {
				t.Errorf("exit %d\n%s", code, stdout)
			}
		})
	}
}

func TestWhatIsAwayIsWorthAnotherTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.issuer.Close()
	if code, stdout, _ := w.start(t, "check"); code != 1 || !strings.Contains(stdout, "FAILED  token") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	if code, _, stderr := w.start(t, append([]string{"run", "--timeout", "100ms"}, october...)...); code != 1 || summary(t, stderr)["msg"] != "import not finished" {
		t.Errorf("exit %d\n%s", code, stderr)
	}
	if len(w.api.Batches()) != 0 {
		t.Error("something was uploaded without a token")
	}
}

func TestAStoppedProgramSaysSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, stop := context.WithCancel(t.Context())
	w.kimai.Before(func(int) { stop() })
	var environ []string
	for name, value := range w.env {
		environ = append(environ, name+"="+value)
	}
	var out, err bytes.Buffer
	code := run(ctx, append([]string{"run"}, october...), environ, strings.NewReader(""), &out, &err)
	if code != 1 || !strings.Contains(err.String(), "import not finished") {
		t.Errorf("exit %d\n%s", code, err.String())
	}
}

func TestEveryMistakeOfTheConfigurationIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.env = map[string]string{"TRACKER": "kimai", "TRACKER_USER_ID": "name", "TRACKER_SOURCE": "API!"}
	code, _, stderr := w.start(t, "run")
	if code != 2 {
		t.Errorf("exit %d", code)
	}
	for _, part := range []string{"TIMESHEETS_API_URL", "AUTH0_AUDIENCE", "AUTH0_CLIENT_ID", "AUTH0_CLIENT_SECRET", "AUTH0_DOMAIN", "TRACKER_SOURCE"} {
		if !strings.Contains(stderr, part) {
			t.Errorf("%s is not named in\n%s", part, stderr)
		}
	}
	w.env["TRACKER_SOURCE"] = ""
	if _, _, stderr = w.start(t, "run"); !strings.Contains(stderr, "Set TRACKER_URL: ") || !strings.Contains(stderr, "TRACKER_USER_ID is one of email") {
		t.Errorf("the tracker's settings are not named in\n%s", stderr)
	}
}

// What each part judges, before any of them is put together.
func TestAMistakeIsNamedOnceWhoeverFindsIt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change map[string]string
		want   []string // the beginnings of the lines, in their order
	}{
		{"addresses", map[string]string{
			"TIMESHEETS_API_URL": "timesheets.example.com", "AUTH0_TOKEN_URL": "http://issuer.example.com/", "TRACKER_URL": "http://kimai.example.com", "LOG_FORMAT": "xml",
		}, []string{"TRACKER_URL must begin with https://", "AUTH0_TOKEN_URL: The URL must begin with https://", "TIMESHEETS_API_URL must be an address", "LOG_FORMAT is text or json"}},
		{"an address, and a token that is missing", map[string]string{"TRACKER_URL": "kimai", "TRACKER_TOKEN": ""}, []string{"Set TRACKER_TOKEN or TRACKER_TOKEN_FILE", "TRACKER_URL must be an address"}},
		{"nothing is set", map[string]string{
			"TIMESHEETS_API_URL": "", "AUTH0_TOKEN_URL": "", "AUTH0_AUDIENCE": "", "AUTH0_CLIENT_ID": "", "AUTH0_CLIENT_SECRET": "", "TRACKER_URL": "", "TRACKER_TOKEN": "",
		}, []string{
			"TIMESHEETS_API_URL is not set", "AUTH0_AUDIENCE is not set", "AUTH0_CLIENT_ID is not set", "set AUTH0_DOMAIN, AUTH0_ISSUER_URL or AUTH0_TOKEN_URL",
			"AUTH0_CLIENT_SECRET or AUTH0_CLIENT_SECRET_FILE is not set", "Set TRACKER_URL: ", "Set TRACKER_TOKEN or TRACKER_TOKEN_FILE",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			maps.Copy(w.env, tt.change)
			code, stdout, stderr := w.start(t, "check")
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			if code != 2 || stdout != "" || len(lines) != len(tt.want)+2 {
				t.Fatalf("exit %d\n%s%s", code, stdout, stderr)
			}
			for i, want := range tt.want {
				if !strings.HasPrefix(lines[i+1], want) {
					t.Errorf("got %q, want %q", lines[i+1], want)
				}
			}
		})
	}
}

func TestWrongUsageIsNoUseTryingAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, args := range map[string][]string{
		"no command":           {},
		"an unknown command":   {"import"},
		"an unknown flag":      {"run", "--since", "2026-10-01"},
		"half a window":        {"run", "--from", "2026-10-01"},
		"no date":              {"run", "--from", "monday", "--to", "2026-10-01"},
		"no time":              append([]string{"run", "--timeout", "0s"}, october...),
		"a timeout of no sort": {"run", "--timeout", "soon"},
		"an unknown tier":      {"run", "--tier", "monthly"},
		"a tier and a window":  append([]string{"run", "--tier", "nightly"}, october...),
		"guards of no mirror":  {"run", "--max-delete-percent", "50"},
		"a negative count":     {"run", "--mirror", "--max-delete-count", "-1"},
		"too many percent":     {"run", "--mirror", "--max-delete-percent", "101"},
		"no number":            {"run", "--mirror", "--max-delete-count", "many"},
	} {
		if code, _, stderr := w.start(t, args...); code != 2 || stderr == "" {
			t.Errorf("%s: exit %d, %q", name, code, stderr)
		}
	}
	w.env["TRACKER"] = "stopwatch"
	if code, _, stderr := w.start(t, "run"); code != 2 || !strings.Contains(stderr, "kimai, timewarrior") {
		t.Errorf("an unknown tracker: exit %d, %q", code, stderr)
	}
}

func TestHelpAndTheListOfTrackersNeedNoConfiguration(t *testing.T) {
	t.Parallel()
	w := &world{}
	if code, stdout, _ := w.start(t, "trackers"); code != 0 || !strings.Contains(stdout, "TRACKER=kimai") || !strings.Contains(stdout, "TRACKER_MACHINE") || !strings.Contains(stdout, "TRACKER_TOKEN or TRACKER_TOKEN_FILE") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
	if code, stdout, _ := w.start(t, "--help"); code != 0 || !strings.Contains(stdout, "plan") {
		t.Errorf("exit %d\n%s", code, stdout)
	}
}
