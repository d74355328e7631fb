package opentelemetry_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/trace"

	"timesheets/adapters/opentelemetry"
	"timesheets/test/collectortest"
)

const key = "a key that nobody may see"

// diary is a log that can be read while it is written.
type diary struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// open traces for the test, to an address that ends before /v1/traces.
func open(t *testing.T, address string, change func(*opentelemetry.Config)) (*opentelemetry.Traces, *diary) {
	t.Helper()
	endpoint, err := url.Parse(address + "/v1/traces?api-key=" + url.QueryEscape(key))
	if err != nil {
		t.Fatal(err)
	}
	said := &diary{}
	c := opentelemetry.Config{
		Service: "the-service", Endpoint: endpoint, Header: http.Header{"Api-Key": {key}}, Timeout: 10 * time.Second, Continue: true,
		Log: slog.New(slog.NewJSONHandler(said, nil)), Now: time.Now,
	}
	if change != nil {
		change(&c)
	}
	traces, err := opentelemetry.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { traces.Close(t.Context()) })
	return traces, said
}

func TestSpansArriveWhenTracesAreClosed(t *testing.T) {
	t.Parallel()
	for _, packed := range []bool{false, true} {
		collector := collectortest.New(t)
		traces, said := open(t, collector.URL, func(c *opentelemetry.Config) { c.Gzip = packed })
		_, span := traces.Tracer().Start(t.Context(), "work")
		span.End()
		traces.Close(t.Context())
		got := collector.Find(t, "work", func(s collectortest.Span) bool { return s.Name == "work" })
		if got.ID != span.SpanContext().SpanID().String() || got.Parent != "" || got.Resource["service.name"] != "the-service" {
			t.Errorf("got %+v", got)
		}
		header := collector.Requests()[0]
		if header.Get("Api-Key") != key || (header.Get("Content-Encoding") == "gzip") != packed {
			t.Errorf("the header is %v", header)
		}
		if said.String() != "" {
			t.Errorf("it says %s", said)
		}
	}
}

func TestWhatACollectorAsksForAgainIsSentAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		statuses []int
		requests int
		arrives  bool
	}{
		{"busy", []int{503, 429}, 3, true},
		{"a gateway", []int{502}, 2, true},
		{"refused", []int{400}, 1, false},
		{"unauthorized", []int{401}, 1, false},
		{"elsewhere", []int{307}, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			collector := collectortest.New(t)
			collector.Refuse(tt.statuses...)
			traces, said := open(t, collector.URL, nil)
			_, span := traces.Tracer().Start(t.Context(), "work")
			span.End()
			traces.Close(t.Context())
			if n := len(collector.Requests()); n != tt.requests || (len(collector.Spans()) == 1) != tt.arrives {
				t.Errorf("%d requests and %d spans, want %d and %v", n, len(collector.Spans()), tt.requests, tt.arrives)
			}
			if (said.String() == "") != tt.arrives || strings.Contains(said.String(), key) {
				t.Errorf("it says %q", said)
			}
		})
	}
}

func TestACollectorThatIsAwayIsComplainedAboutOnce(t *testing.T) {
	t.Parallel()
	collector := collectortest.New(t)
	var mu sync.Mutex
	now := time.Now()
	traces, said := open(t, collector.URL, func(c *opentelemetry.Config) {
		c.Now = func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		}
	})
	flush := func(statuses ...int) {
		t.Helper()
		collector.Refuse(statuses...)
		_, span := traces.Tracer().Start(t.Context(), "work")
		span.End()
		if err := traces.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	lines := func(text string) int { return strings.Count(said.String(), text) }
	for range 5 {
		flush(400)
	}
	flush()
	flush(400)
	flush()
	if lines("cannot be sent") != 1 || lines("sent again") != 1 || lines("\n") != 2 || lines(`"spans_lost":5`) != 1 {
		t.Errorf("it says %s", said)
	}
	mu.Lock()
	now = now.Add(11 * time.Minute)
	mu.Unlock()
	flush(400)
	if lines("cannot be sent") != 2 || lines("\n") != 3 {
		t.Errorf("later it says %s", said)
	}
	if strings.Contains(said.String(), key) || strings.Contains(said.String(), url.QueryEscape(key)) {
		t.Errorf("a secret is in %s", said)
	}
}

// The listener takes connections, and nobody is behind it.
func TestNobodyWaitsForACollectorThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	hole, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	traces, said := open(t, "http://"+hole.Addr().String(), nil)
	began := time.Now()
	for range 20_000 { // more than are kept
		_, span := traces.Tracer().Start(t.Context(), "work")
		span.End()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	traces.Close(ctx)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
	if strings.Count(said.String(), "\n") > 2 || strings.Contains(said.String(), key) {
		t.Errorf("it says %s", said)
	}
}

func TestRequestsCarryTheTraceAndShowNoQuery(t *testing.T) {
	t.Parallel()
	collector := collectortest.New(t)
	traces, _ := open(t, collector.URL, nil)
	var carried string
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		carried = r.Header.Get("Traceparent")
		w.WriteHeader(http.StatusTeapot)
	}))
	defer other.Close()
	ctx, parent := traces.Tracer().Start(t.Context(), "work")
	client := http.Client{Transport: traces.Transport(http.DefaultTransport)}
	send := func(address string) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := client.Do(request); err == nil {
			answer.Body.Close()
		}
		if len(request.Header) > 0 {
			t.Errorf("the request itself has %v now", request.Header)
		}
	}
	send(other.URL + "/page?token=secret")
	send("http://user:password@127.0.0.1:1/nobody?token=secret")
	parent.End()
	traces.Close(t.Context())

	at, _ := url.Parse(other.URL)
	got := collector.Find(t, "the request", func(s collectortest.Span) bool { return s.Attributes["url.full"] == other.URL+"/page" })
	if got.Name != "GET" || got.Kind != "CLIENT" || got.Parent != parent.SpanContext().SpanID().String() || !got.Failed {
		t.Errorf("got %+v", got)
	}
	if want := "00-" + got.Trace + "-" + got.ID + "-01"; carried != want {
		t.Errorf("the other side gets %q, want %q", carried, want)
	}
	delete(got.Attributes, "server.port")
	want := map[string]any{
		"http.request.method": "GET", "url.full": other.URL + "/page", "server.address": at.Hostname(),
		"http.response.status_code": 418, "error.type": "418",
	}
	if diff := cmp.Diff(want, got.Attributes); diff != "" {
		t.Errorf("its attributes: %s", diff)
	}
	nobody := collector.Find(t, "the one without an answer", func(s collectortest.Span) bool { return s.Attributes["url.full"] == "http://127.0.0.1:1/nobody" })
	if !nobody.Failed || nobody.Attributes["error.type"] == nil {
		t.Errorf("got %+v", nobody)
	}
	if collector.Has("secret") || collector.Has("password") {
		t.Error("a secret is in a span")
	}
}

func TestWithoutACollectorThereIsNothing(t *testing.T) {
	t.Parallel()
	var traces *opentelemetry.Traces
	if got := traces.Transport(http.DefaultTransport); got != http.DefaultTransport {
		t.Errorf("requests go through %T", got)
	}
	ctx, span := traces.Tracer().Start(t.Context(), "work")
	if span.IsRecording() || trace.SpanContextFromContext(ctx).IsValid() {
		t.Error("there is a span")
	}
	traces.Close(t.Context())
}

func TestLogLinesNameTheirTrace(t *testing.T) {
	t.Parallel()
	said := &diary{}
	log := slog.New(opentelemetry.NameTraces(slog.NewTextHandler(said, nil))).With("a", 1)
	log.Info("outside")
	if strings.Contains(said.String(), "trace_id") {
		t.Errorf("got %s", said)
	}
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	log.InfoContext(trace.ContextWithSpanContext(t.Context(), span), "inside")
	if want := "a=1 trace_id=" + span.TraceID().String() + " span_id=" + span.SpanID().String() + "\n"; !strings.HasSuffix(said.String(), want) {
		t.Errorf("got %s, want %s at the end", said, want)
	}
}
