package jobs

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"timesheets/test/collectortest"
	"timesheets/test/integration/apitest"
)

func TestARunIsOneTraceThroughTheAPI(t *testing.T) {
	t.Parallel()
	collector := collectortest.New(t)
	w := newWorldWith(t, apitest.Settings{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_BSP_SCHEDULE_DELAY": "3600000"})
	var unmarked atomic.Int32
	tracker := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if len(r.Header["Traceparent"]) != 1 {
			unmarked.Add(1)
		}
		w.kimai.ServeHTTP(answer, r)
	}))
	t.Cleanup(tracker.Close)
	w.env["TRACKER_URL"] = tracker.URL
	w.env["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = collector.URL + "/v1/traces"
	w.env["OTEL_SERVICE_NAME"] = "import-of-kimai"
	w.fill(7, 3)
	o := w.run(t).is(t, 0)
	w.api.Stop(t) // which sends its spans

	run := collector.Find(t, "the run", func(s collectortest.Span) bool { return s.Name == "import" })
	if run.Parent != "" || run.Failed || run.Resource["service.name"] != "import-of-kimai" {
		t.Errorf("the run is %+v", run)
	}
	for name, want := range map[string]any{
		"timesheets.source": "kimai", "timesheets.import_id": o.Import, "timesheets.read": 7, "timesheets.created": 7, "timesheets.exit": 0,
	} {
		if run.Attributes[name] != want {
			t.Errorf("%s of the run is %v, want %v", name, run.Attributes[name], want)
		}
	}
	if !strings.Contains(o.stderr, `"trace_id":"`+run.Trace+`","span_id":"`+run.ID+`"`) {
		t.Errorf("the log does not name the trace: %s", o.stderr)
	}
	if n := unmarked.Load(); n > 0 {
		t.Errorf("%d requests to the tracker are no part of the trace", n)
	}
	call := func(address string) collectortest.Span {
		t.Helper()
		found := collector.Find(t, address, func(s collectortest.Span) bool { return s.Kind == "CLIENT" && s.Attributes["url.full"] == address })
		if found.Trace != run.Trace || found.Parent != run.ID {
			t.Errorf("%s is no part of the run: %+v", address, found)
		}
		return found
	}
	call(tracker.URL + "/api/timesheets")
	call(apitest.Issuer(t).URL() + "oauth/token")
	sent := call(w.api.URL + "/v1/timesheets/upload")
	served := collector.Find(t, "the upload in the API", func(s collectortest.Span) bool { return s.Name == "POST /v1/timesheets/upload" })
	if served.Trace != run.Trace || served.Parent != sent.ID || served.Resource["service.name"] != "timesheets-api" {
		t.Errorf("the upload in the API is %+v, want it to be a part of %s", served, sent.ID)
	}
	for _, private := range []string{w.env["AUTH0_CLIENT_SECRET"], w.env["TRACKER_TOKEN"], "eyJ", "import_id=", "?"} {
		for _, s := range collector.Spans() {
			if s.Attributes["db.query.text"] != nil {
				continue // where a question mark is an operator
			}
			for name, value := range s.Attributes {
				if text, _ := value.(string); strings.Contains(text, private) {
					t.Errorf("%q is in %s of %s: %v", private, name, s.Name, value)
				}
			}
		}
	}
}

func TestACollectorThatIsAwayChangesNoRun(t *testing.T) {
	t.Parallel()
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hole.Close() })
	w := newWorld(t)
	w.fill(5, 2)
	w.env["OTEL_EXPORTER_OTLP_ENDPOINT"], w.env["OTEL_EXPORTER_OTLP_TIMEOUT"] = "http://"+hole.Addr().String(), "200"
	w.env["OTEL_EXPORTER_OTLP_HEADERS"] = "api-key=key-of-the-collector"
	o := start(t, w.env, "", "run").end(t)
	if o.code != 0 || strings.Count(o.stderr, "traces cannot be sent") != 1 || strings.Contains(o.stderr, "key-of-the-collector") {
		t.Errorf("exit %d, and it says %s", o.code, o.stderr)
	}
	if n := len(w.held(t)); n != 5 {
		t.Errorf("%d entries landed", n)
	}
}

func TestTracesThatCouldNeverWorkEndTheJobAtOnce(t *testing.T) {
	t.Parallel()
	env := map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_HEADERS": "of-the-collector"}
	o := start(t, env, "", "run").end(t).is(t, 2)
	for _, name := range []string{"TIMESHEETS_API_URL", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_HEADERS"} {
		if !strings.Contains(o.stderr, name) || strings.Contains(o.stderr, "of-the-collector") {
			t.Errorf("of %s it says %s", name, o.stderr)
		}
	}
}
