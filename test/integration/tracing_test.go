package integration

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"timesheets/test/collectortest"
	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

const (
	clientsTrace = "0af7651916cd43dd8448eb211c80319c"
	clientsSpan  = "b7ad6b7169203331"
	collectorKey = "key-of-the-collector"
)

// never is a delay, in milliseconds, after which spans would be sent: they are
// when the program ends.
const never = "3600000"

func TestARequestIsASpanOfItsClientsTrace(t *testing.T) {
	t.Parallel()
	collector := collectortest.New(t)
	api := apitest.Start(t, pgtest.Database(t), apitest.Settings{
		"OTEL_EXPORTER_OTLP_ENDPOINT": collector.URL, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=" + collectorKey,
		"OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=a%20test", "OTEL_BSP_SCHEDULE_DELAY": never,
	})
	traceparent := "00-" + clientsTrace + "-" + clientsSpan + "-01"
	machine := api.Machine(t, "").With("Traceparent", traceparent, "X-Request-Id", "the-upload")
	rows := []any{row("1").but(fields{"user_id": "somebody@example.com", "project": "TopSecret"})}
	machine.Post(t, "/v1/timesheets/upload?source=the-source", rows).Is(t, http.StatusOK)
	machine.Get(t, "/v1/weeks/somebody@example.com/"+weekOf(today())).Is(t, http.StatusOK)
	machine.With("X-Request-Id", "nothing").Get(t, "/v1/timesheets/0197f3a4-0000-7000-8000-000000000000").Is(t, http.StatusNotFound)
	api.As("").Get(t, "/readyz").Is(t, http.StatusOK)
	if !apitest.Eventually(t, time.Minute, func() bool { return api.Heard(`"trace_id":"` + clientsTrace + `","span_id":"`) }) {
		t.Error("no line of the log names the trace")
	}
	api.Stop(t)

	upload := collector.Find(t, "the upload", func(s collectortest.Span) bool { return s.Name == "POST /v1/timesheets/upload" })
	if upload.Trace != clientsTrace || upload.Parent != clientsSpan || upload.Kind != "SERVER" || upload.Failed {
		t.Errorf("the upload is %+v", upload)
	}
	if upload.Resource["service.name"] != "timesheets-api" || upload.Resource["deployment.environment.name"] != "a test" {
		t.Errorf("it comes from %v", upload.Resource)
	}
	for name, want := range map[string]any{
		"http.request.method": "POST", "http.route": "/v1/timesheets/upload", "http.response.status_code": 200, "request_id": "the-upload",
	} {
		if upload.Attributes[name] != want {
			t.Errorf("%s is %v, want %v", name, upload.Attributes[name], want)
		}
	}
	statement := collector.Find(t, "a statement of the upload", func(s collectortest.Span) bool {
		text, _ := s.Attributes["db.query.text"].(string)
		return s.Parent == upload.ID && strings.Contains(text, "entries")
	})
	if statement.Kind != "CLIENT" || statement.Attributes["db.system.name"] != "postgresql" || statement.Trace != clientsTrace {
		t.Errorf("a statement is %+v", statement)
	}
	collector.Find(t, "a week", func(s collectortest.Span) bool { return s.Name == "GET /v1/weeks/:user_id/:week" })
	missing := collector.Find(t, "what is not there", func(s collectortest.Span) bool { return s.Name == "GET /v1/timesheets/:id" })
	if missing.Failed || missing.Attributes["http.response.status_code"] != 404 || missing.Attributes["problem"] != "not_found" {
		t.Errorf("what is not there is %+v", missing)
	}
	for _, s := range collector.Spans() {
		// The contract is asked for by whichever test comes first.
		if s.Trace != clientsTrace && s.Name != "GET /openapi.yaml" {
			t.Errorf("%s is of another trace", s.Name)
		}
	}
	for _, private := range []string{machine.Token(), "eyJ", "somebody", "TopSecret", "the-source", collectorKey, apitest.Audience} {
		if collector.Has(private) {
			t.Errorf("%s is in a span", private)
		}
	}
	if got := collector.Requests()[0].Get("Api-Key"); got != collectorKey {
		t.Errorf("the collector gets the key %q", got)
	}
}

func TestNothingIsSentUnlessTheOperatorSaysSo(t *testing.T) {
	t.Parallel()
	collector := collectortest.New(t)
	for name, settings := range map[string]apitest.Settings{
		"disabled":  {"OTEL_SDK_DISABLED": "true"},
		"unsampled": {"OTEL_TRACES_SAMPLER": "always_off"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.URL
			settings["OTEL_BSP_SCHEDULE_DELAY"] = "1"
			api := apitest.Start(t, pgtest.Database(t), settings)
			api.Machine(t, "").Get(t, "/v1/timesheets").Is(t, http.StatusOK)
			api.Stop(t)
			if n := len(collector.Requests()); n != 0 {
				t.Errorf("the collector gets %d requests", n)
			}
		})
	}
}

// A collector that is not there, and one that takes connections and says
// nothing.
func TestACollectorThatIsAwayChangesNoAnswer(t *testing.T) {
	t.Parallel()
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { hole.Close() })
	for name, address := range map[string]string{"nobody": "127.0.0.1:1", "silence": hole.Addr().String()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := apitest.Start(t, pgtest.Database(t), apitest.Settings{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://" + address, "OTEL_EXPORTER_OTLP_HEADERS": "api-key=" + collectorKey,
				"OTEL_EXPORTER_OTLP_TIMEOUT": "100", "OTEL_BSP_SCHEDULE_DELAY": "1", "OTEL_BSP_MAX_QUEUE_SIZE": "1", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "1",
			})
			machine := api.Machine(t, "")
			const said = "traces cannot be sent"
			lines := 0
			if !apitest.Eventually(t, time.Minute, func() bool {
				machine.Get(t, "/v1/timesheets").Is(t, http.StatusOK)
				lines = api.Said(said)
				return lines > 0
			}) {
				t.Error("nobody is told that spans are lost")
			}
			for range 20 {
				machine.Get(t, "/v1/timesheets").Is(t, http.StatusOK)
			}
			if again := api.Said(said); again > lines || lines > 1 {
				t.Errorf("it is said %d times and then %d", lines, again)
			}
			if api.Heard(collectorKey) {
				t.Error("the collector's key is in the log")
			}
		})
	}
}
