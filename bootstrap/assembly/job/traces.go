package job

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"timesheets/adapters/opentelemetry"
	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// OpenTraces begins to trace the job, if it is to be traced: nil if not.
func OpenTraces(c Config, log *slog.Logger) (*opentelemetry.Traces, func(), error) {
	return c.Traces.Open("timesheets-importer", log)
}

// Trace begins the span of a run, of which everything within ctx is a part. end
// says what became of it.
func (j *Job) Trace(ctx context.Context) (_ context.Context, end func(importing.Summary, error)) {
	of := trace.WithAttributes(attribute.String("timesheets.tracker", j.config.Tracker), attribute.String("timesheets.source", j.config.Source))
	ctx, span := j.traces.Tracer().Start(ctx, "import", of) //nolint:spancheck // end ends it
	return ctx, func(s importing.Summary, err error) {      //nolint:spancheck // here
		span.SetAttributes(outcome(s, err)...)
		if err != nil {
			span.SetStatus(codes.Error, fault.Of(err).Code)
		}
		span.End()
	}
}

// outcome has the words of the run's log line.
func outcome(s importing.Summary, err error) []attribute.KeyValue {
	count := func(name string, n int) attribute.KeyValue { return attribute.Int("timesheets."+name, n) }
	return []attribute.KeyValue{
		attribute.String("timesheets.import_id", s.Import),
		attribute.String("timesheets.mode", string(s.Mode)),
		attribute.String("timesheets.window", s.Window.String()),
		attribute.Bool("timesheets.dry_run", s.DryRun),
		count("exit", importing.ExitCode(s, err)),
		count("read", s.Read),
		count("created", s.Created),
		count("updated", s.Updated),
		count("unchanged", s.Unchanged),
		count("deleted", s.Deleted),
		count("conflicts", s.Conflicts),
		count("rejected", s.Rejected),
		count("unanswered", s.Unanswered()),
		count("new_problems", s.NewProblems),
		count("known_problems", s.KnownProblems),
		count("unreadable", s.Unreadable),
		count("pages", s.Pages),
		count("batches", s.Batches),
		count("retries", s.Retries),
	}
}
