package opentelemetry

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// NameTraces is next, with the trace and the span of the context in every line
// that is logged with one.
func NameTraces(next slog.Handler) slog.Handler { return naming{next} }

type naming struct{ slog.Handler }

// Handle is part of slog.Handler, as are the others.
func (n naming) Handle(ctx context.Context, line slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		line.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return n.Handler.Handle(ctx, line)
}

func (n naming) WithAttrs(attributes []slog.Attr) slog.Handler {
	return naming{n.Handler.WithAttrs(attributes)}
}

func (n naming) WithGroup(name string) slog.Handler { return naming{n.Handler.WithGroup(name)} }
