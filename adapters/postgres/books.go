package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"timesheets/application/reporting"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// Books is what reports and the change feed are read from.
type Books struct{ pool *pgxpool.Pool }

var _ reporting.Books = (*Books)(nil)

// NewBooks gives the books in the pool's database.
func NewBooks(pool *pgxpool.Pool) *Books { return &Books{pool} }

// groupColumns gives each group its expression. A week stands for its Monday
// and a month for its first day: date arithmetic, unlike to_char, depends on no
// setting.
var groupColumns = map[reporting.Group]string{
	reporting.ByWorker:   `user_id`,
	reporting.ByProject:  `project`,
	reporting.ByWeek:     mondayOf,
	reporting.ByMonth:    `(day - (extract(day FROM day)::int - 1))`,
	reporting.ByStatus:   `status`,
	reporting.ByBillable: `billable`,
	reporting.BySource:   `source`,
}

// Hours adds up in the database.
func (b *Books) Hours(ctx context.Context, org identity.Organization, q reporting.Question, limit int) ([]reporting.Total, error) {
	var columns strings.Builder
	ordinals := make([]string, 0, len(q.GroupBy))
	for i, g := range q.GroupBy {
		columns.WriteString(groupColumns[g] + ", ")
		ordinals = append(ordinals, strconv.Itoa(i+1))
	}
	counted, args := having("", "status", "'pending'", "'approved'"), []any{string(org), q.From.Time(), q.To.Time()}
	if q.UserID != "" {
		counted, args = `org_id = $1 AND user_id = $4 AND status IN ('pending', 'approved')`, append(args, q.UserID)
	}
	sql := `SELECT ` + columns.String() + `sum(seconds)::int8, count(*)::int8 FROM entries
		WHERE ` + counted + ` AND deleted_at IS NULL AND day BETWEEN $2 AND $3`
	if len(ordinals) > 0 {
		by := strings.Join(ordinals, ", ")
		sql += ` GROUP BY ` + by + ` ORDER BY ` + by
	} else {
		sql += ` HAVING count(*) > 0`
	}
	return query(ctx, b.pool, func(row pgx.CollectableRow) (t reporting.Total, err error) {
		values, err := row.Values()
		if err != nil {
			return t, err
		}
		n := len(q.GroupBy)
		t.Of = make([]string, n)
		for i, g := range q.GroupBy {
			if t.Of[i], err = groupText(g, values[i]); err != nil {
				return t, err
			}
		}
		t.Seconds, t.Entries = values[n].(int64), values[n+1].(int64)
		return t, nil
	}, sql+fmt.Sprintf(` LIMIT %d`, limit), args...)
}

// groupText writes the value of a group as reports show it.
func groupText(g reporting.Group, value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case bool:
		return strconv.FormatBool(v), nil
	case time.Time:
		if g == reporting.ByMonth {
			return v.Format("2006-01"), nil
		}
		return timesheet.DayIn(v).Week().String(), nil
	}
	return "", fmt.Errorf("a group of the type %T", value)
}

// Changes reads writes in the order of their numbers, and what each of them
// wrote from where it is now: an entry that was changed since has its earlier
// states in history. Of a large write no more is read than the page can hold,
// from the position at which the page begins.
func (b *Books) Changes(ctx context.Context, org identity.Organization, after reporting.Place, limit int) ([]reporting.Change, error) {
	return query(ctx, b.pool, func(row pgx.CollectableRow) (c reporting.Change, err error) {
		var run *timesheet.ID
		c.Entry, err = scanEntry(behind{row, []any{&c.Number, &c.By, &run, &c.Index}})
		if run != nil {
			c.ImportID = *run
		}
		c.At = c.Entry.Snapshot().UpdatedAt
		return c, err
	}, `
		SELECT w.number, w.principal, w.import_id, v.position, `+entryColumnsOf("v")+`
		FROM writes w CROSS JOIN LATERAL (
			(SELECT position, `+entryColumns+` FROM entries e
			WHERE e.org_id = $1 AND e.write_id = w.write_id AND e.position > CASE w.number WHEN $2 THEN $3 ELSE -1 END
			ORDER BY position LIMIT $4)
			UNION ALL
			(SELECT position, `+entryColumns+` FROM history h
			WHERE h.org_id = $1 AND h.write_id = w.write_id AND h.position > CASE w.number WHEN $2 THEN $3 ELSE -1 END
			ORDER BY position LIMIT $4)
			ORDER BY position LIMIT $4
		) v
		WHERE w.org_id = $1 AND w.number >= $2
		ORDER BY w.number, v.position LIMIT $4`, string(org), after.Number, after.Index, limit)
}

// LastWrite reads the organisation's counter.
func (b *Books) LastWrite(ctx context.Context, org identity.Organization) (int64, error) {
	numbers, err := query(ctx, b.pool, pgx.RowTo[int64], `SELECT number FROM write_counters WHERE org_id = $1`, string(org))
	if err != nil || len(numbers) == 0 {
		return 0, err
	}
	return numbers[0], nil
}
