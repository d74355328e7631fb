package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// table is what was measured, beside what was promised.
type table struct {
	facts [][2]string
	lines []line
	notes []string
}

// line is one figure. Where less is better, most is true.
type line struct {
	work, measured string
	value          float64
	aim, must      float64
	most           bool
	unit           string
}

func (t *table) fact(name, value string) { t.facts = append(t.facts, [2]string{name, value}) }

// notef adds a sentence below the table: what a figure is made of.
func (t *table) notef(format string, args ...any) {
	t.notes = append(t.notes, fmt.Sprintf(format, args...))
}

// least adds a figure that should be at least aim, and must be at least must.
func (t *table) least(work string, f figures, unit string, aim, must float64) {
	t.lines = append(t.lines, line{work, f.String(), f.median(), aim, must, false, unit})
}

// most adds a figure that should be at most aim, and must be at most must.
func (t *table) most(work string, f figures, unit string, aim, must float64) {
	t.lines = append(t.lines, line{work, f.String(), f.median(), aim, must, true, unit})
}

func (l line) within(limit float64) bool {
	if l.most {
		return l.value <= limit
	}
	return l.value >= limit
}

func (l line) reached() string {
	switch {
	case l.within(l.aim):
		return "aim"
	case l.within(l.must):
		return "must"
	}
	return "NO"
}

func (t *table) print(w io.Writer) {
	facts := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range t.facts {
		fmt.Fprintf(facts, "%s\t%s\n", f[0], f[1])
	}
	_ = facts.Flush()
	fmt.Fprintln(w)
	lines := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(lines, "work\tmeasured\taim\tmust\treached")
	for _, l := range t.lines {
		sign := ""
		if l.most {
			sign = "≤ "
		}
		fmt.Fprintf(lines, "%s\t%s%s\t%s%s\t%s%s\t%s\n", l.work, l.measured, l.unit, sign, number(l.aim), sign, number(l.must), l.reached())
	}
	_ = lines.Flush()
	fmt.Fprintln(w)
	for _, note := range t.notes {
		fmt.Fprintf(w, "- %s\n", note)
	}
}

// missed is nil when every must is reached.
func (t *table) missed() error {
	var works []string
	for _, l := range t.lines {
		if !l.within(l.must) {
			works = append(works, l.work)
		}
	}
	if len(works) == 0 {
		return nil
	}
	return fmt.Errorf("not reached: %s", strings.Join(works, "; "))
}

// figures are the measurements of one thing.
type figures []float64

func (f figures) median() float64 {
	if len(f) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// String gives the median, with the smallest and the largest where there are several.
func (f figures) String() string {
	if len(f) < 2 {
		return number(f.median())
	}
	return fmt.Sprintf("%s (%s–%s)", number(f.median()), number(slices.Min(f)), number(slices.Max(f)))
}

// over divides pair by pair.
func (f figures) over(g figures) figures {
	ratios := make(figures, min(len(f), len(g)))
	for i := range ratios {
		ratios[i] = f[i] / g[i]
	}
	return ratios
}

// percentile gives the smallest of all that p per cent do not exceed, 0 < p ≤ 100.
func percentile[T cmp.Ordered](all []T, p float64) T {
	sorted := slices.Sorted(slices.Values(all))
	rank := int(float64(len(sorted))*p/100+0.999999) - 1
	return sorted[min(max(rank, 0), len(sorted)-1)]
}

// number writes three digits or more.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 100 || v == float64(int(v)):
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
