package opentelemetry

import "context"

// Flush sends what was not sent yet.
func (t *Traces) Flush(ctx context.Context) error { return t.provider.ForceFlush(ctx) }
