package service

import (
	"log/slog"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"

	"timesheets/adapters/httpapi"
	"timesheets/adapters/opentelemetry"
)

// OpenTraces begins to trace the API, if it is to be traced: nil if not.
func OpenTraces(c Config, log *slog.Logger) (*opentelemetry.Traces, func(), error) {
	return c.Traces.Open("timesheets-api", log)
}

// TraceRequests is what HTTP makes spans with.
func TraceRequests(t *opentelemetry.Traces) httpapi.Traces {
	if t == nil {
		return httpapi.Traces{}
	}
	return httpapi.Traces{Tracer: t.Tracer(), Propagator: t.Propagator()}
}

// TraceStatements makes spans of what the database is asked within a request:
// with the statement, without its parameters, and not as whom.
func TraceStatements(t *opentelemetry.Traces) pgx.QueryTracer {
	if t == nil {
		return nil // and no tracer that is nil, which the driver would call
	}
	return otelpgx.NewTracer(otelpgx.WithTracerProvider(t.Provider()), otelpgx.WithDisableConnectionDetailsInAttributes())
}
