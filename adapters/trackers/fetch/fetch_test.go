package fetch_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"timesheets/adapters/trackers/fetch"
	"timesheets/domain/fault"
	"timesheets/test/fixture"
)

// client asks a server that answers with handler.
func client(t *testing.T, handler http.HandlerFunc) *fetch.Client {
	t.Helper()
	socket := httptest.NewServer(handler)
	t.Cleanup(socket.Close)
	base, err := fetch.Base("TRACKER_URL", socket.URL+"/base/")
	if err != nil {
		t.Fatal(err)
	}
	return fetch.New(base, http.Header{"X-Key": {"k"}}, time.Now, nil)
}

func TestARequestCarriesWhatTheTrackerWants(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.String() != "/base/things?a=1" || r.Header.Get("X-Key") != "k" || r.Header.Get("Accept") != "application/json" || r.UserAgent() != "timesheets-importer" {
			t.Errorf("asked for %s with %v", r.URL, r.Header)
		}
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
		_, _ = io.WriteString(w, `[]`)
	})
	answer, err := c.Get(t.Context(), "/things", map[string][]string{"a": {"1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "[]" {
		t.Errorf("got %q, %v", body, err)
	}
}

func TestAnAnswerIsBoundedHoweverItIsPacked(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	var packed bytes.Buffer
	pack := gzip.NewWriter(&packed)
	for range 64 {
		_, _ = pack.Write(bytes.Repeat([]byte{' '}, 1<<20))
	}
	_ = pack.Close()
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/base/gzip" {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
			return
		}
		for range 64 {
			if _, err := w.Write(bytes.Repeat([]byte{' '}, 1<<20)); err != nil {
				return
			}
		}
	})
	for _, path := range []string{"/plain", "/gzip"} {
		answer, err := c.Get(t.Context(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		if err == nil || n > 32<<20 {
			t.Errorf("%s: %d bytes came, %v", path, n, err)
		}
	}
}

func TestAHeaderWithoutEndIsNotRead(t *testing.T) {
	t.Parallel()
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Long", strings.Repeat("x", 1<<20))
	})
	if _, err := c.Get(t.Context(), "", nil); fault.Of(err).Kind != fault.Unavailable {
		t.Errorf("got %v, want fault.Unavailable", err)
	}
}

func TestOnlyThisMachineMayBeSpokenToInTheClear(t *testing.T) {
	t.Parallel()
	for address, fine := range map[string]bool{
		"https://tracker.example.com":      true,
		"https://tracker.example.com:8443": true,
		"http://localhost:8001":            true,
		"http://127.0.0.1":                 true,
		"http://[::1]:80/kimai":            true,
		"http://tracker.example.com":       false,
		"http://10.0.0.7":                  false,
		"http://localhost.example.com":     false,
		"HTTP://tracker.example.com":       false,
		"https:tracker":                    false,
		"//tracker.example.com":            false,
		"":                                 false,
		"https://tracker.example.com/#x":   false,
		"https://tracker.example.com/\x7f": false,
	} {
		if _, err := fetch.Base("TRACKER_URL", address); (err == nil) != fine {
			t.Errorf("%q: got %v", address, err)
		}
	}
}
