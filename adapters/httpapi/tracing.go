package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/valyala/fasthttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
)

// Traces makes a span of each request that is no probe. The zero value makes
// none, and a request then costs what it costs.
type Traces struct {
	Tracer     trace.Tracer
	Propagator propagation.TextMapPropagator // reads what trace the client is in
}

// continued is what the request whose header is h is a part of; nil when
// requests are not traced.
func (t Traces) continued(h *fasthttp.RequestHeader) context.Context {
	if t.Tracer == nil {
		return nil
	}
	return t.Propagator.Extract(context.Background(), carrier{h})
}

// carrier is a header as propagators read it.
type carrier struct{ *fasthttp.RequestHeader }

func (c carrier) Get(key string) string { return string(c.Peek(key)) }

// Set is not called: nothing is sent on.
func (carrier) Set(string, string) {}

// Keys is not called either.
func (carrier) Keys() []string { return nil }

// begin starts the span of x, as a part of parent. Of the request it has the
// method only, and that if it is a known one: a path names people.
func (t Traces) begin(parent context.Context, x *exchange) {
	if t.Tracer == nil || isProbe(x.path) {
		return
	}
	if parent == nil { // the header could not be read
		parent = context.Background()
	}
	of := trace.WithAttributes(semconv.HTTPRequestMethodKey.String(knownMethod(x)), attribute.String("request_id", x.id))
	//nolint:spancheck // endSpan ends it
	_, x.span = t.Tracer.Start(parent, spanName(x), trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(x.began), of)
}

func knownMethod(x *exchange) string {
	if !isRoutable(x.method) {
		return "_OTHER"
	}
	return x.method
}

// spanName is the method with the route's pattern, so that names are few.
func spanName(x *exchange) string {
	method := x.method
	if !isRoutable(method) {
		method = "HTTP"
	}
	if x.route == routeNone || x.route == routeUnreadable {
		return method
	}
	return method + " " + x.route
}

// within is ctx as a part of x's span, and ctx itself when it has none.
func (x *exchange) within(ctx context.Context) context.Context {
	if x.span == nil {
		return ctx
	}
	return trace.ContextWithSpan(ctx, x.span)
}

// endSpan says what became of the request. Errors are known by their codes:
// their texts may quote what the client sent.
func (x *exchange) endSpan(status int, took time.Duration) {
	if x.span == nil {
		return
	}
	x.span.SetName(spanName(x))
	x.span.SetAttributes(semconv.HTTPResponseStatusCode(status))
	if x.route != routeNone && x.route != routeUnreadable {
		x.span.SetAttributes(semconv.HTTPRoute(x.route))
	}
	if x.code != "" {
		x.span.SetAttributes(attribute.String("problem", x.code))
	}
	if status >= http.StatusInternalServerError || x.cut() {
		x.span.SetAttributes(semconv.ErrorTypeKey.String(x.code))
		x.span.SetStatus(codes.Error, x.code)
	}
	x.span.End(trace.WithTimestamp(x.began.Add(took)))
}
