package jobs

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
)

// What goes through a proxy without TLS can be read there, the token too: http
// is for addresses inside a cluster, which no proxy has to lead to.
func TestAProxyIsAskedForNothingThatItCouldRead(t *testing.T) {
	t.Parallel()
	for url, want := range map[string][]string{
		"http://timesheets-api.internal/v1":  nil,
		"https://timesheets-api.internal/v1": {"CONNECT timesheets-api.internal:443"},
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var asked []string
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				asked = append(asked, r.Method+" "+r.Host)
				w.WriteHeader(http.StatusBadGateway)
			}))
			t.Cleanup(proxy.Close)
			job := start(t, map[string]string{
				"TIMESHEETS_API_URL": url, "AUTH0_ISSUER_URL": apitest.Issuer(t).URL(), "AUTH0_AUDIENCE": apitest.Audience,
				"AUTH0_CLIENT_ID": "cron-job", "AUTH0_CLIENT_SECRET": "of-the-cron-job",
				"TRACKER": "timewarrior", "TRACKER_FILE": exported, "TRACKER_MACHINE": "laptop", "TRACKER_USER": "ann", "TRACKER_TIME_ZONE": "UTC",
				"HTTP_PROXY": proxy.URL, "HTTPS_PROXY": proxy.URL,
			}, "", "check")
			job.end(t).is(t, 1)
			mu.Lock()
			defer mu.Unlock()
			if diff := cmp.Diff(want, asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}
