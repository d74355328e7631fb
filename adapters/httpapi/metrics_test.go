package httpapi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
)

// sample is the value of the counter or gauge name with these labels, names and
// values in turns; 0 when there is none.
func sample(t testing.TB, r *running, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == name && hasLabels(metric, labels) {
				return metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + float64(metric.GetHistogram().GetSampleCount())
			}
		}
	}
	return 0
}

func hasLabels(metric *dto.Metric, labels []string) bool {
	for i := 0; i+1 < len(labels); i += 2 {
		found := false
		for _, pair := range metric.GetLabel() {
			found = found || pair.GetName() == labels[i] && pair.GetValue() == labels[i+1]
		}
		if !found {
			return false
		}
	}
	return true
}

func TestRequestsAreCountedByWhatNoClientCanMakeUp(t *testing.T) {
	t.Parallel()
	r := serving(t, configured(), append(things(), readable("/things/:id", nothing))...)
	for _, id := range []string{"1", "2", "3"} {
		r.call(t, "GET", "/v1/things/"+id, "ann", "")
		r.call(t, "GET", "/nowhere/"+id, "", "")
		r.call(t, "BREW"+id, "/healthz", "", "")
		r.raw(t, "GET /"+id+" HTTP/1.1\r\n\r\n", false)
	}
	r.call(t, "GET", "/v1/things", "", "")
	eventually(t, "all is counted", func() bool { return sample(t, r, "timesheets_http_requests_in_flight") == 0 })
	for _, tt := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"timesheets_http_requests_total", []string{"route", "/v1/things/:id", "method", "GET", "status", "204"}, 3},
		{"timesheets_http_request_duration_seconds", []string{"route", "/v1/things/:id", "method", "GET"}, 3},
		{"timesheets_http_requests_total", []string{"route", "none", "method", "GET", "status", "404"}, 3},
		{"timesheets_http_requests_total", []string{"route", "none", "method", "other", "status", "405"}, 3},
		{"timesheets_http_requests_total", []string{"route", "unreadable", "method", "GET", "status", "400"}, 3},
		{"timesheets_http_requests_total", []string{"route", "/v1/things", "method", "GET", "status", "401"}, 1},
		{"timesheets_http_problems_total", []string{"code", "not_found"}, 3},
		{"timesheets_http_problems_total", []string{"code", "unauthenticated"}, 1},
	} {
		if got := sample(t, r, tt.name, tt.labels...); got != tt.want {
			t.Errorf("%s%v is %g, want %g", tt.name, tt.labels, got, tt.want)
		}
	}
}

func TestTheMetricsServerServesMetricsAndLivenessAndNothingElse(t *testing.T) {
	t.Parallel()
	config := configured()
	config.Limits.Connections = 1
	r := serving(t, config)
	if got, _ := r.raw(t, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", false); got.StatusCode != 200 {
		t.Fatalf("got %d", got.StatusCode)
	}
	// Its client holds the only connection that there is.
	if got := read(t, reader(r.dial(t)), "GET"); got.StatusCode != 503 {
		t.Fatalf("another connection: %d", got.StatusCode)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := MetricsServer(r.registry)
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	}()
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport}
	for path, want := range map[string]int{"/metrics": 200, "/healthz": 200, "/readyz": 404, "/": 404, "/debug/pprof/": 404} {
		response, err := client.Get("http://" + ln.Addr().String() + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != want {
			t.Errorf("%s: %d, %v", path, response.StatusCode, err)
		}
		if path == "/metrics" && !strings.Contains(string(body), `timesheets_http_requests_total{method="GET",route="/healthz",status="200"} 1`) {
			t.Errorf("%s: %s", path, body)
		}
	}
}
