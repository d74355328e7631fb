package intake_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"timesheets/application/intake"
	"timesheets/domain/fault"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// load is what clients upload between them: shuffled, overlapping batches of
// the same keys, with several revisions of each.
type load struct {
	batches [][]intake.Row
	last    map[string]intake.Row
}

func newLoad(seed uint64, uploads, keys int) load {
	random := rand.New(rand.NewPCG(seed, 7))
	l := load{last: make(map[string]intake.Row)}
	for range uploads {
		var batch []intake.Row
		for _, key := range random.Perm(keys)[:keys/2+random.IntN(keys/2)] {
			stamp := 1 + random.IntN(40)
			row := office.Row(fmt.Sprintf("key %03d", key), office.Stamped(stamp), office.Of(fmt.Sprint("worker ", (key+stamp)%6)), func(r *intake.Row) {
				r.Content.Day, r.Content.Duration = r.Content.Day.Add(-key%12), fixture.Seconds(int64(1+stamp))
			})
			batch = append(batch, row)
			if known, met := l.last[row.ExternalID]; !met || known.SourceUpdatedAt.Before(row.SourceUpdatedAt) {
				l.last[row.ExternalID] = row
			}
		}
		l.batches = append(l.batches, batch)
	}
	return l
}

// landed fails the test unless every key is there once, with its last revision
// and a history without gaps.
func (l load) landed(t *testing.T, o *office.Office) {
	t.Helper()
	for key, row := range l.last {
		if s := o.Held(t, key).Snapshot(); !s.Content.Same(row.Content) || !s.Received.SourceUpdatedAt.Equal(row.SourceUpdatedAt) || s.Received.Digest != row.Content.Digest() {
			t.Errorf("%s has the revision of %s, want that of %s", key, s.Received.SourceUpdatedAt, row.SourceUpdatedAt)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM entries`); n != len(l.last) {
		t.Errorf("%d entries for %d keys", n, len(l.last))
	}
	if n := o.Count(t, `SELECT count(*) FROM entries e WHERE (SELECT count(*) FROM history h WHERE h.id = e.id AND h.version < e.version) <> e.version - 1`); n != 0 {
		t.Errorf("%d entries have gaps in their history", n)
	}
	if writes, changes := o.Count(t, `SELECT count(*) - max(number) FROM writes`), o.Count(t, `SELECT (SELECT count(*) FROM entries) + (SELECT count(*) FROM history) -
		(SELECT count(*) FROM writes w JOIN (SELECT write_id FROM entries UNION ALL SELECT write_id FROM history) c USING (write_id))`); writes != 0 || changes != 0 {
		t.Errorf("the feed lacks %d writes and %d changes", writes, changes)
	}
}

// killing makes uploads die at one of their statements: the connection is gone,
// and nobody knows what became of it.
func killing() (*statements, func(context.Context, int) context.Context) {
	type key struct{}
	tracer := &statements{starts: func(ctx context.Context, _ string) context.Context {
		if left, doomed := ctx.Value(key{}).(*atomic.Int64); doomed && left.Add(-1) == 0 {
			dead, cancel := context.WithCancel(ctx)
			cancel()
			return dead
		}
		return ctx
	}}
	return tracer, func(ctx context.Context, after int) context.Context {
		var left atomic.Int64
		left.Store(int64(after))
		return context.WithValue(ctx, key{}, &left)
	}
}

// 30 overlapping uploads by 8 clients, some of which are killed on the way and
// start again.
func TestOverlappingUploadsOfClientsThatAreKilled(t *testing.T) {
	t.Parallel()
	const uploads, clients = 30, 8
	for name, send := range map[string]func(ctx context.Context, o *office.Office, run intake.Import, part int, rows []intake.Row) error{
		"requests": func(ctx context.Context, o *office.Office, _ intake.Import, _ int, rows []intake.Row) error {
			_, err := o.Receiver.Receive(ctx, fixture.Job(), intake.Upload{Source: office.Source, Rows: rows})
			return err
		},
		"parts of a run": func(ctx context.Context, o *office.Office, run intake.Import, part int, rows []intake.Row) error {
			_, err := upload(ctx, o, run, part, rows...)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tracer, doom := killing()
			o := office.Open(t, office.Settings{Tracer: tracer})
			l := newLoad(11, uploads, 120)
			run := begin(t, o, mirror)
			var next, kills atomic.Int64
			atOnce(slices.Repeat([]func(){func() {
				for {
					part := int(next.Add(1))
					if part > uploads {
						return
					}
					// At-least-once: until there is an answer, from the start.
					for attempt := 0; ; attempt++ {
						ctx := t.Context()
						if part%3 != 0 && attempt < 4 {
							ctx = doom(ctx, 1+(part*5+attempt*3)%8)
						}
						err := send(ctx, o, run, part, l.batches[part-1])
						if err == nil {
							break
						}
						if kills.Add(1); !errors.Is(err, fault.Unavailable) || attempt > 20 {
							t.Errorf("part %d: %v", part, err)
							return
						}
					}
				}
			}}, clients)...)
			if n := kills.Load(); n < 20 {
				t.Errorf("only %d were killed", n)
			}
			l.landed(t, o)
			rows := 0
			for _, batch := range l.batches {
				rows += len(batch)
			}
			if name == "requests" {
				return
			}
			if got := look(t, o, run.ID); got.Received != rows || got.Created != len(l.last) || o.Count(t, `SELECT count(*) FROM import_parts`) != uploads {
				t.Errorf("the run counts %+v of %d rows", got.Counts, rows)
			}
			keys := len(l.last)
			if ended := complete(t, o, run, distinct(keys), limits(0, 0)); ended.Deleted != 0 {
				t.Errorf("ended %+v", ended)
			}
		})
	}
}

// Two jobs of one source, of which one is always frozen in the middle: whoever
// comes back finds the run taken over and starts again, and every key is there
// once.
func TestJobsThatTakeEachOtherOver(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	l := newLoad(12, 12, 60)
	ended := 0
	for ended < 2 {
		frozen := begin(t, o)
		for part, batch := range l.batches[:6] {
			bring(t, o, frozen, part+1, batch...)
		}
		endLease(t, o, frozen)
		awake := begin(t, o)
		var thawed error
		atOnce(func() {
			for part, batch := range l.batches {
				if _, err := upload(t.Context(), o, awake, part+1, slices.Clone(batch)...); err != nil {
					t.Error(err)
				}
			}
		}, func() {
			for part, batch := range l.batches {
				// Rows are the receiver's once it has them: each job has its own.
				if _, err := upload(t.Context(), o, frozen, part+1, slices.Clone(batch)...); codeOf(err) != "import_not_open" {
					t.Errorf("the frozen job goes on: %v", err)
				}
			}
			_, thawed = o.Runner.Complete(t.Context(), fixture.Job(), ref(frozen), completion(cursor("old")))
		})
		if codeOf(thawed) != "import_not_open" {
			t.Errorf("the frozen job completes: %v", thawed)
		}
		complete(t, o, awake, cursor(fmt.Sprint(ended)))
		if got := sourceOf(t, o, office.Source).Cursor; got != fmt.Sprint(ended) {
			t.Errorf("the cursor is %q", got)
		}
		ended++
	}
	l.landed(t, o)
}
