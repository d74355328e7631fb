// Package opentelemetry is the way to an OpenTelemetry collector: it sends it
// the spans of a program by OTLP over HTTP, in protobuf, and marks the requests
// that the program makes.
//
// It is an adapter, since a collector is a thing outside like a database; what
// is seen of requests and statements, the adapters that make them see with the
// interfaces of OpenTelemetry, and bootstrap brings the two together. Without a
// collector there is no Traces, and a nil one does nothing and costs nothing.
//
// The exporters that OpenTelemetry publishes are not used for the last step,
// one POST: both are linked with gRPC, server and all, which would make the
// import job half as large again, and read the environment behind our back.
package opentelemetry

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Config says where spans go. Samplers, resource attributes, limits and the
// sizes of batches are the SDK's, which reads them from the process's
// environment by itself.
type Config struct {
	Service  string        // what the program is called, unless the environment says otherwise
	Endpoint *url.URL      // where spans are posted, with the path
	Header   http.Header   // of each request; it may hold secrets, and is never shown
	Timeout  time.Duration // for a batch, its repetitions included
	Gzip     bool
	TLS      *tls.Config // nil: the system's certificates, and none of our own
	Continue bool        // whether W3C trace contexts are read and sent

	Log *slog.Logger
	Now func() time.Time
}

// Traces is where a program's spans come from. Its methods may be called on
// nil, which is what a program has that is not traced.
type Traces struct {
	provider   *sdktrace.TracerProvider
	client     *client
	propagator propagation.TextMapPropagator
}

// Open begins to send spans. It asks the network nothing: whatever becomes of
// the collector, nobody who makes spans fails or waits.
func Open(c Config) (*Traces, error) {
	// What the SDK thinks of its variables it says here, and nowhere else.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { c.Log.Warn("about traces", "error", err) }))
	client := newClient(c)
	exporter, err := otlptrace.New(client.life, client)
	if err != nil {
		return nil, err
	}
	t := &Traces{
		provider: sdktrace.NewTracerProvider(
			sdktrace.WithBatcher(&patientExporter{SpanExporter: exporter, log: c.Log, now: c.Now}),
			sdktrace.WithResource(named(c.Service))),
		client:     client,
		propagator: propagation.NewCompositeTextMapPropagator(),
	}
	if c.Continue {
		t.propagator = propagation.TraceContext{}
	}
	return t, nil
}

// named is what is said of the program: the environment's word counts for more.
func named(service string) *resource.Resource {
	ours := resource.NewSchemaless(semconv.ServiceName(service), semconv.TelemetrySDKName("opentelemetry"), semconv.TelemetrySDKLanguageGo)
	all, err := resource.Merge(ours, resource.Environment())
	if err != nil {
		return ours // of two schemas, which ours is not
	}
	return all
}

// Provider gives out tracers.
func (t *Traces) Provider() trace.TracerProvider {
	if t == nil {
		return noop.NewTracerProvider()
	}
	return t.provider
}

// Tracer makes the spans of this program's own code.
func (t *Traces) Tracer() trace.Tracer { return t.Provider().Tracer("timesheets") }

// Propagator reads and writes the trace that a request is a part of.
func (t *Traces) Propagator() propagation.TextMapPropagator {
	if t == nil {
		return propagation.NewCompositeTextMapPropagator()
	}
	return t.propagator
}

// Close sends what was not sent yet, for as long as ctx lasts, and ends.
func (t *Traces) Close(ctx context.Context) {
	if t == nil {
		return
	}
	_ = t.provider.Shutdown(ctx) // what was lost is logged
	t.client.end()
}
