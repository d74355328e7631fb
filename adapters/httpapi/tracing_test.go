package httpapi

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"timesheets/domain/identity"
)

const (
	clientsTrace = "0af7651916cd43dd8448eb211c80319c"
	clientsSpan  = "b7ad6b7169203331"
	traceparent  = "00-" + clientsTrace + "-" + clientsSpan + "-01"
)

// traced is a configuration with traces, and the spans that end.
func traced() (Config, *tracetest.SpanRecorder) {
	spans := tracetest.NewSpanRecorder()
	config := configured()
	config.Traces = Traces{
		Tracer:     sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)).Tracer("test"),
		Propagator: propagation.TraceContext{},
	}
	return config, spans
}

// ended waits for the one span that ends.
func ended(t *testing.T, spans *tracetest.SpanRecorder) sdktrace.ReadOnlySpan {
	t.Helper()
	eventually(t, "a span ends", func() bool { return len(spans.Ended()) > 0 })
	all := spans.Ended()
	if len(all) != 1 {
		t.Fatalf("there are %d spans", len(all))
	}
	return all[0]
}

func attributesOf(span sdktrace.ReadOnlySpan) map[string]string {
	found := map[string]string{}
	for _, a := range span.Attributes() {
		found[string(a.Key)] = a.Value.String()
	}
	return found
}

func TestARequestIsOneSpanOfItsClientsTrace(t *testing.T) {
	t.Parallel()
	const id = "request-1"
	for _, tt := range []struct {
		name       string
		request    string // without what every request has
		span       string
		status     codes.Code
		attributes map[string]string
	}{
		{
			"answered", "GET /v1/things/ann@exampleco.com?query=secret", "GET /v1/things/:id", codes.Unset,
			map[string]string{"http.request.method": "GET", "http.route": "/v1/things/:id", "http.response.status_code": "204"},
		},
		{
			"failed", "POST /v1/broken", "POST /v1/broken", codes.Error,
			map[string]string{"http.request.method": "POST", "http.route": "/v1/broken", "http.response.status_code": "500", "problem": "internal", "error.type": "internal"},
		},
		{
			"nowhere", "GET /ann@exampleco.com", "GET", codes.Unset,
			map[string]string{"http.request.method": "GET", "http.response.status_code": "404", "problem": "not_found"},
		},
		{
			"by an unknown method", "SECRET /v1/broken", "HTTP", codes.Unset,
			map[string]string{"http.request.method": "_OTHER", "http.response.status_code": "405", "problem": "method_not_allowed"},
		},
		{
			"not as HTTP", "GET //", "GET", codes.Unset,
			map[string]string{"http.request.method": "GET", "http.response.status_code": "400", "problem": "bad_request"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config, spans := traced()
			var within trace.SpanContext
			r := serving(t, config,
				readable("/things/:id", func(ctx context.Context, _ identity.Principal, c *fiber.Ctx) error {
					within = trace.SpanContextFromContext(ctx)
					return answerNothing(c)
				}),
				writable("/broken", func(context.Context, identity.Principal, *fiber.Ctx) error { return errors.New("secret") }))
			r.raw(t, tt.request+" HTTP/1.1\r\nHost: x\r\nTraceparent: "+traceparent+"\r\nX-Request-Id: "+id+"\r\nAuthorization: Bearer ann\r\nConnection: close\r\n\r\n", false)
			got := ended(t, spans)
			tt.attributes["request_id"] = id
			if diff := cmp.Diff(tt.attributes, attributesOf(got)); diff != "" || got.Name() != tt.span || got.Status().Code != tt.status {
				t.Errorf("got the span %s, %v: %s", got.Name(), got.Status(), diff)
			}
			if got.Parent().SpanID().String() != clientsSpan || got.SpanContext().TraceID().String() != clientsTrace || got.SpanKind() != trace.SpanKindServer {
				t.Errorf("got the trace %s and the parent %s", got.SpanContext().TraceID(), got.Parent().SpanID())
			}
			if within.IsValid() && within.SpanID() != got.SpanContext().SpanID() {
				t.Errorf("what the handler does is a part of %s", within.SpanID())
			}
		})
	}
}

func TestTheSpanOfAnExportEndsWithIt(t *testing.T) {
	t.Parallel()
	config, spans := traced()
	pages := 0
	r := serving(t, config, readable("/export", func(_ context.Context, _ identity.Principal, c *fiber.Ctx) error {
		return exportPages(c, typeNDJSON, func(ctx context.Context) ([]byte, error) {
			pages++
			if len(spans.Ended()) > 0 || !trace.SpanContextFromContext(ctx).IsValid() {
				t.Errorf("page %d is no part of the span", pages)
			}
			if pages == 3 {
				return nil, io.EOF
			}
			return []byte("{}\n"), nil
		})
	}))
	r.raw(t, "GET /v1/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ann\r\nConnection: close\r\n\r\n", false)
	if got := ended(t, spans); got.Name() != "GET /v1/export" || pages != 3 {
		t.Errorf("got %s after %d pages", got.Name(), pages)
	}
}

func TestProbesAreNoSpans(t *testing.T) {
	t.Parallel()
	config, spans := traced()
	r := serving(t, config)
	for _, path := range []string{livenessPath, readinessPath, "/openapi.json"} {
		r.raw(t, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false)
	}
	if got := ended(t, spans); got.Name() != "GET /openapi.json" {
		t.Errorf("got %s", got.Name())
	}
}

// A body that breaks off takes the header with it; what was remembered of it
// still says whose request it was.
func TestARequestThatBreaksOffIsASpanToo(t *testing.T) {
	t.Parallel()
	config, spans := traced()
	r := serving(t, config, writable("/things", nil))
	r.raw(t, "POST /v1/things HTTP/1.1\r\nHost: x\r\nTraceparent: "+traceparent+"\r\nTransfer-Encoding: chunked\r\n\r\nnot a chunk\r\n", false)
	if got := ended(t, spans); got.Name() != "POST" || got.SpanContext().TraceID().String() != clientsTrace {
		t.Errorf("got %s of %s", got.Name(), got.SpanContext().TraceID())
	}
}

//nolint:paralleltest // others' allocations would be counted
func TestWithoutTracesARequestHasNoPartInThem(t *testing.T) {
	r := serving(t, configured())
	x := &exchange{}
	if n := testing.AllocsPerRun(100, func() {
		r.config.Traces.begin(r.config.Traces.continued(nil), x)
		if x.span != nil || x.within(r.life) != r.life {
			t.Error("there is a span")
		}
		x.endSpan(http.StatusOK, 0)
	}); n != 0 {
		t.Errorf("that takes %v allocations", n)
	}
}

// BenchmarkTracing shows what a request costs with and without traces.
func BenchmarkTracing(b *testing.B) {
	on, _ := traced()
	on.Traces.Tracer = sdktrace.NewTracerProvider().Tracer("test") // which keeps nothing
	for name, config := range map[string]Config{"off": configured(), "on": on} {
		b.Run(name, func(b *testing.B) {
			r := serving(b, config, readable("/things/:id", nothing))
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			request, err := http.NewRequest(http.MethodGet, "http://"+r.addr+"/v1/things/1", nil)
			if err != nil {
				b.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer ann")
			b.ReportAllocs()
			for b.Loop() {
				answer, err := client.Do(request)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		})
	}
}
