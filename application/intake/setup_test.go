package intake_test

import (
	"context"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

// plain lets values be compared by what they hold.
var plain = cmp.AllowUnexported(timesheet.Day{}, timesheet.Duration{})

// codeOf is the code of a fault, "" for none.
func codeOf(err error) string {
	if err == nil {
		return ""
	}
	return fault.Of(err).Code
}

// statements lets a test come between the statements of an office.
type statements struct {
	starts func(ctx context.Context, sql string) context.Context
}

// untraced marks a context whose statements are not shown to the test.
type untraced struct{}

func (s *statements) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	if ctx.Value(untraced{}) != nil {
		return ctx
	}
	var all []string
	for _, q := range data.Batch.QueuedQueries {
		all = append(all, q.SQL)
	}
	return s.starts(ctx, strings.Join(all, ";\n"))
}

func (*statements) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (*statements) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if ctx.Value(untraced{}) != nil {
		return ctx
	}
	return s.starts(ctx, data.SQL)
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
