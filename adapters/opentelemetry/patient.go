package opentelemetry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// complainEvery is how often it is said that spans are lost.
const complainEvery = 10 * time.Minute

// patientExporter bears a collector that is away: spans are lost then, which is
// said once, and once more when they arrive again, however often both happen.
type patientExporter struct {
	sdktrace.SpanExporter
	log *slog.Logger
	now func() time.Time

	mu   sync.Mutex
	said time.Time // when it was last said that spans are lost
	told bool      // and not yet that they arrive again
	lost int       // since that was last true
}

// ExportSpans never fails, since the SDK would write a line for each time.
func (e *patientExporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		if e.told {
			e.log.Info("traces are sent again", "spans_lost", e.lost)
		}
		e.told, e.lost = false, 0
		return nil
	}
	e.lost += len(spans)
	if now := e.now(); e.said.IsZero() || now.Sub(e.said) >= complainEvery {
		e.said, e.told = now, true
		e.log.Warn("traces cannot be sent", "error", err, "spans_lost", e.lost)
	}
	return nil
}
