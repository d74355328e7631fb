package intake_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"timesheets/application/intake"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// settle judges the rows in the model. Which changes the rule of 24 hours
// refuses is taken from the program, and then held against the rule.
func (h *history) settle(t *rapid.T, rows []modelRow, got []string, commit bool) []string {
	return h.settleKeyed(t, rows, keysOf(rows), got, commit)
}

func (h *history) settleKeyed(t *rapid.T, rows []modelRow, keys, got []string, commit bool) []string {
	after, said := h.copy(), make([]string, len(rows))
	wins, stamps := winners(rows, keys)
	var refused, changed []int
	for i, r := range rows {
		if problem := r.problem(); problem != "" {
			said[i] = "rejected:" + problem
			continue
		}
		if wins[keys[i]] != i {
			said[i] = "unchanged:superseded"
			continue
		}
		isOver := got[i] == "rejected:day_over_24h" || got[i] == "rejected:day_over_24h!"
		said[i] = after.judge(keys[i], r, stamps[keys[i]], isOver)
		switch {
		case said[i] == "rejected:day_over_24h":
			refused = append(refused, i)
		case said[i] == "created" || said[i] == "updated":
			changed = append(changed, i)
		}
	}
	h.holdAgainst24h(t, after, rows, keys, refused, changed)
	for i, r := range rows {
		if !strings.HasPrefix(said[i], "rejected") {
			continue
		}
		content := fmt.Sprint(r.says)
		if r.problem() != "" {
			content = fmt.Sprint(r) // by its text
		}
		if problem := fmt.Sprint(keys[i], said[i], content); h.recorded[problem] {
			said[i] += "!"
		} else if commit {
			defer func() { h.recorded[problem] = true }()
		}
	}
	if commit {
		if len(changed) > 0 {
			after.writes++
		}
		after.receive(rows, keys, said)
		*h.model = *after
	}
	return said
}

// holdAgainst24h: no day is over, what was refused fits nowhere into what the
// request led to, and where nothing moves from day to day the position decides.
func (h *history) holdAgainst24h(t *rapid.T, after *model, rows []modelRow, keys []string, refused, changed []int) {
	before, sums := h.days(), after.days()
	for where, hours := range sums {
		if hours > 24 && hours > before[where] {
			t.Fatalf("%s has %d hours after %v, refused %v, of %s", where, hours, rows, refused, h)
		}
	}
	for _, i := range refused {
		room := 24 - sums[rows[i].says.where()]
		if old := after.keys[keys[i]]; old != nil && old.says.where() == rows[i].says.where() {
			room += old.counts()
		}
		if rows[i].says.hours <= room {
			t.Fatalf("row %d of %v fits into %d hours and is refused, of %s", i, rows, room, h)
		}
	}
	if !h.stays(rows, keys, append(slices.Clone(refused), changed...)) {
		return
	}
	all := append(slices.Clone(refused), changed...)
	slices.Sort(all)
	for _, i := range all {
		if old := h.keys[keys[i]]; old != nil {
			before[old.says.where()] -= max(0, old.counts()-rows[i].says.hours)
		}
	}
	for _, i := range all {
		grows, where := rows[i].says.hours, rows[i].says.where()
		if old := h.keys[keys[i]]; old != nil {
			grows = max(0, grows-old.counts())
		}
		over := grows > 0 && before[where]+grows > 24
		if over != slices.Contains(refused, i) {
			t.Fatalf("row %d of %v: over is %v, of %s", i, rows, over, h)
		}
		if !over {
			before[where] += grows
		}
	}
}

// stays tells whether none of the rows moves its entry to another day.
func (h *history) stays(rows []modelRow, keys []string, all []int) bool {
	for _, i := range all {
		if old := h.keys[keys[i]]; old != nil && old.says.where() != rows[i].says.where() {
			return false
		}
	}
	return true
}

// learn takes over the ids that the program made, which never change.
func (h *history) learn(t *rapid.T, rows []modelRow, report intake.Report) {
	h.learnKeyed(t, rows, keysOf(rows), report)
}

func (h *history) learnKeyed(t *rapid.T, rows []modelRow, keys []string, report intake.Report) {
	for i, key := range keys {
		result := report.Results[i]
		if rows[i].key == "" && rows[i].problem() == "" {
			if made, met := h.made[key]; met && made != result.ExternalID || result.ExternalID[0] != '~' {
				t.Fatalf("row %d has the key %s, had %s", i, result.ExternalID, made)
			}
			h.made[key] = result.ExternalID
		}
		e := h.keys[key]
		if e == nil || rows[i].problem() != "" || result.Code == intake.Outdated {
			continue
		}
		if !e.id.IsZero() && result.ID != e.id || result.ID.IsZero() {
			t.Fatalf("row %d names the entry %s, not %s", i, result.ID, e.id)
		}
		e.id = result.ID
		switch {
		case result.Outcome != timesheet.OutcomeConflict:
		case e.opened.IsZero():
			e.opened = result.CorrectionID
		case e.opened != result.CorrectionID:
			t.Fatalf("row %d names the correction %s, not %s", i, result.CorrectionID, e.opened)
		}
		if !e.open() {
			e.opened = timesheet.ID{}
		}
	}
}

// compare holds the database against the model.
func (h *history) compare(t *rapid.T) {
	rows, err := h.Pool.Query(h.ctx, `
		SELECT e.external_id, e.id, format('v%s %s %s %s %s', e.version, CASE WHEN e.deletion = 'revert' THEN '' ELSE format('%s/%s/%s/%s', e.user_id, e.day, e.project, e.seconds / 3600) END, e.status, coalesce(e.deletion, ''), e.hand_by IS NOT NULL),
			e.received_digest, coalesce(extract(epoch FROM e.received_stamp - $3) / 60, 0)::int,
			CASE WHEN c.id IS NULL THEN '' WHEN c.deletion THEN format('removal@%s %s', coalesce(extract(epoch FROM c.stamp - $3) / 60, 0)::int, c.why) ELSE format('%s/%s/%s/%s@%s %s', c.user_id, c.day, c.project, c.seconds / 3600, coalesce(extract(epoch FROM c.stamp - $3) / 60, 0)::int, c.why) END, c.id
		FROM entries e LEFT JOIN corrections c ON c.org_id = e.org_id AND c.source = e.source AND c.external_id = e.external_id AND c.state = 'open'
		WHERE e.org_id = $1 AND e.source = $2`, string(h.org), office.Source, fixture.Now)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	var key, says, proposes string
	var id timesheet.ID
	var correction *timesheet.ID
	var digest []byte
	var stamp int
	if _, err := pgx.ForEachRow(rows, []any{&key, &id, &says, &digest, &stamp, &proposes, &correction}, func() error {
		if correction == nil {
			correction = &timesheet.ID{}
		}
		got[key] = fmt.Sprintf("%s %s, last %x@%d, proposed %s %s", id, says, digest, stamp, proposes, correction)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for key, e := range h.keys {
		if made, ok := h.made[key]; ok {
			key = made
		}
		deletion, handed, proposes, last := string(e.gone), "f", "", timesheet.Digest{}
		received := last[:0]
		if e.last != nil {
			last = e.last.content().Digest()
			received = last[:]
		}
		if e.deleted {
			deletion = "hand"
		}
		if e.touched {
			handed = "t"
		}
		if e.proposal != nil {
			proposes = fmt.Sprintf("%s/%s/%s/%d@%d %s", e.proposal.user, e.proposal.day, e.proposal.project, e.proposal.hours, e.proposed, e.why)
		}
		if e.removal {
			proposes = fmt.Sprintf("removal@%d %s", e.proposed, e.why)
		}
		says := fmt.Sprintf("%s/%s/%s/%d", e.says.user, e.says.day, e.says.project, e.says.hours)
		if e.gone == timesheet.ByRevert {
			says = "" // what such a tombstone said is nobody's to see
		}
		want[key] = fmt.Sprintf("%s v%d %s %s %s %s, last %x@%d, proposed %s %s", e.id, e.version, says, e.status, deletion, handed, received, e.stamp, proposes, e.opened)
	}
	for key := range got {
		if got[key] != want[key] {
			t.Fatalf("%s in the database:\n%s\nby the contract:\n%s", key, got[key], want[key])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("the database has %v, the contract %v", got, want)
	}
	var writes, earlier int
	if err := h.Pool.QueryRow(h.ctx, `SELECT coalesce((SELECT number FROM write_counters WHERE org_id = $1), 0), (SELECT count(*) FROM history WHERE org_id = $1)`,
		string(h.org)).Scan(&writes, &earlier); err != nil {
		t.Fatal(err)
	}
	if writes != h.writes || earlier != h.earlier {
		t.Fatalf("%d writes and %d earlier states, by the contract %d and %d", writes, earlier, h.writes, h.earlier)
	}
}
