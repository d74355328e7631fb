package main

import (
	"encoding/json"
	"strings"
	"testing"

	"timesheets/domain/timesheet"
)

func TestNoWorkerHasMoreThanADayOfRowsOnADay(t *testing.T) {
	t.Parallel()
	for _, count := range []int{1, 1000, 20_000, 1_000_000} {
		r := newRows(count, 0).with(func(int) bool { return true })
		type workerDay struct {
			user int
			day  timesheet.Day
		}
		sums := map[workerDay]int{}
		for i := range count {
			sums[workerDay{r.user(i), r.day(i)}] += r.seconds(i)
		}
		for at, sum := range sums {
			if sum > timesheet.SecondsADay {
				t.Fatalf("%d rows: worker %d has %d seconds on %s", count, at.user, sum, at.day)
			}
		}
	}
}

func TestARowSaysItsSecondsInHours(t *testing.T) {
	t.Parallel()
	r := newRows(5000, 3).with(func(i int) bool { return i%2 == 0 })
	var sum int64
	for i := range r.count {
		var row struct {
			ExternalID string      `json:"external_id"`
			Hours      json.Number `json:"hours"`
		}
		if err := json.Unmarshal(r.json(nil, i), &row); err != nil {
			t.Fatal(err)
		}
		d, err := timesheet.DurationFromHours(row.Hours.String())
		if err != nil || d.Seconds() != r.seconds(i) {
			t.Fatalf("row %d says %s h, which is %d s (%v), want %d", i, row.Hours, d.Seconds(), err, r.seconds(i))
		}
		if row.ExternalID != r.externalID(i) || len(row.ExternalID) != 24 {
			t.Fatalf("row %d has the key %q, want %q", i, row.ExternalID, r.externalID(i))
		}
		sum += int64(d.Seconds())
	}
	if sum != r.sum() {
		t.Errorf("the rows have %d seconds, their sum is given as %d", sum, r.sum())
	}
}

func TestFiguresAreJudgedByTheirMedian(t *testing.T) {
	t.Parallel()
	var table table
	table.least("more is better", figures{1, 9, 2}, "", 3, 2)
	table.most("less is better", figures{1, 4}, " ms", 1, 2)
	table.least("most of all", figures{3}.over(figures{1.5}), "", 2, 1)
	var b strings.Builder
	table.print(&b)
	for n, want := range []string{"2 (1–9)", "2.50 (1–4) ms", "2"} {
		l := strings.Split(b.String(), "\n")[2+n]
		if reached := []string{"must", "NO", "aim"}[n]; !strings.Contains(l, want) || !strings.HasSuffix(l, reached) {
			t.Errorf("got %q, want %q and at its end %q", l, want, reached)
		}
	}
	if err := table.missed(); err == nil || !strings.Contains(err.Error(), "less is better") {
		t.Errorf("got %v, want what was missed by name", err)
	}
}

func TestAPercentileIsOneOfTheMeasurements(t *testing.T) {
	t.Parallel()
	all := make([]int, 1000)
	for i := range all {
		all[i] = 1000 - i
	}
	for p, want := range map[float64]int{50: 500, 99: 990, 100: 1000, 0.01: 1} {
		if got := percentile(all, p); got != want {
			t.Errorf("p%v is %d, want %d", p, got, want)
		}
	}
}
