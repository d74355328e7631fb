package main

import (
	"context"
	"fmt"
	"path/filepath"
)

const source = "tracker"

// imported is what one load of all rows must come to.
func imported(got, want counts, err error) error {
	if err == nil && got != want {
		err = fmt.Errorf("the import counts %+v, want %+v", got, want)
	}
	return err
}

// measureImports loads the same rows through the API and by \copy, in turn:
// new, unchanged, one in ten changed.
func measureImports(ctx context.Context, s *stage, o options, t *table) error {
	m := &importsMeasured{stage: s, db: s.base, rows: newRows(o.rows, 1), file: filepath.Join(s.folder, "rows.txt")}
	for pair := range o.pairs {
		if err := m.pair(ctx, pair); err != nil {
			return err
		}
	}
	if _, err := m.db.pool.Exec(ctx, `DROP TABLE copied`); err != nil {
		return err
	}
	peak, err := peakMemory(m.db.api.cmd.Process.Pid)
	if err != nil {
		return err
	}
	t.least(`new rows : \copy`, m.fresh.over(m.copied), "", 1.5, 1.1)
	t.least(`the same again, unchanged : \copy`, m.same.over(m.copied), "", 3, 2)
	t.most("… bytes of WAL a row", m.log, "", 1, 4)
	t.most("… tuples written in entries and history", m.tuples, "", 0, 0)
	t.least(`10 % changed : \copy`, m.changed.over(m.copied), "", 2, 1.5)
	t.most("API's peak memory", figures{peak}, " MiB", 64, 96)
	t.notef(`\copy %s rows/s, new %s, unchanged %s, 10 %% changed %s.`, thousands(m.copied), thousands(m.fresh), thousands(m.same), thousands(m.changed))
	t.notef("CPU a row, API + PostgreSQL: new %s, unchanged %s, 10 %% changed %s; PostgreSQL alone for \\copy %s µs.", m.cpuFresh, m.cpuSame, m.cpuChanged, number(m.cpuCopied.server.median()))
	t.notef(`\copy loads what the API stored, ids and all, into a table made with LIKE entries INCLUDING ALL. Between new and unchanged entries is vacuumed, as autovacuum would.`)
	t.notef("The API's peak memory is that of its process over all %d imports.", 3*o.pairs)
	return nil
}

type importsMeasured struct {
	*stage
	db   *database
	rows rows
	file string // what \copy loads

	copied, fresh, same, changed             figures // rows a second
	cpuCopied, cpuFresh, cpuSame, cpuChanged perRow
	log, tuples                              figures
}

func (m *importsMeasured) pair(ctx context.Context, number int) error {
	// Who is first has an advantage or not: they take turns.
	if number > 0 && number%2 == 1 {
		if err := m.copyRows(ctx); err != nil {
			return err
		}
	}
	if err := m.db.empty(ctx); err != nil {
		return err
	}
	n := m.rows.count
	writes := (n + rowsARequest - 1) / rowsARequest
	if err := m.load(ctx, m.rows, counts{Received: n, Created: n}, &m.fresh, &m.cpuFresh); err != nil {
		return err
	}
	if err := m.verify(ctx, m.rows, 0, writes); err != nil {
		return err
	}
	if number == 0 {
		if _, err := m.psql(ctx, m.db, `\copy entries to '`+m.file+`'`); err != nil {
			return err
		}
	}
	if number%2 == 0 {
		if err := m.copyRows(ctx); err != nil {
			return err
		}
	}
	if err := m.unchanged(ctx, writes); err != nil {
		return err
	}
	revised := m.rows.with(func(i int) bool { return i%10 == 3 })
	tenth := (n + 6) / 10
	if err := m.load(ctx, revised, counts{Received: n, Updated: tenth, Unchanged: n - tenth}, &m.changed, &m.cpuChanged); err != nil {
		return err
	}
	return m.verify(ctx, revised, tenth, 2*writes)
}

// unchanged loads the rows once more: nothing may be written.
func (m *importsMeasured) unchanged(ctx context.Context, writes int) error {
	if err := m.db.analyze(ctx); err != nil {
		return err
	}
	if err := m.settle(ctx); err != nil {
		return err
	}
	first, err := m.db.transaction(ctx)
	if err != nil {
		return err
	}
	before, err := m.wal(ctx)
	if err != nil {
		return err
	}
	n := m.rows.count
	if err := m.load(ctx, m.rows, counts{Received: n, Unchanged: n}, &m.same, &m.cpuSame); err != nil {
		return err
	}
	after, err := m.wal(ctx)
	if err != nil {
		return err
	}
	tuples, err := m.db.writtenSince(ctx, first)
	if err != nil {
		return err
	}
	m.log, m.tuples = append(m.log, float64(after-before)/float64(n)), append(m.tuples, tuples)
	return m.verify(ctx, m.rows, 0, writes)
}

func (m *importsMeasured) load(ctx context.Context, r rows, want counts, speed *figures, cpu *perRow) error {
	if err := m.settle(ctx); err != nil {
		return err
	}
	before, err := m.cpu(m.db)
	if err != nil {
		return err
	}
	got, took, err := m.db.client.load(ctx, source, r)
	if err := imported(got, want, err); err != nil {
		return err
	}
	after, err := m.cpu(m.db)
	if err != nil {
		return err
	}
	*speed = append(*speed, perSecond(r.count, took))
	cpu.add(before, after, r.count)
	return nil
}

func (m *importsMeasured) verify(ctx context.Context, r rows, history, writes int) error {
	if err := m.db.holds(ctx, "entries", r, history); err != nil {
		return err
	}
	return m.db.recorded(ctx, history, writes)
}

func (m *importsMeasured) copyRows(ctx context.Context) error {
	if err := m.db.twin(ctx, "copied"); err != nil {
		return err
	}
	if err := m.settle(ctx); err != nil {
		return err
	}
	before, err := m.cpu(m.db)
	if err != nil {
		return err
	}
	took, err := m.psql(ctx, m.db, `\copy copied from '`+m.file+`'`)
	if err != nil {
		return err
	}
	after, err := m.cpu(m.db)
	if err != nil {
		return err
	}
	m.cpuCopied.add(before, after, m.rows.count)
	m.copied = append(m.copied, perSecond(m.rows.count, took))
	if err := m.db.holds(ctx, "copied", m.rows, 0); err != nil {
		return err
	}
	_, err = m.db.pool.Exec(ctx, `TRUNCATE copied`)
	return err
}
