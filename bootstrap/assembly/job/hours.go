package job

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"timesheets/application/importing"
	"timesheets/domain/timesheet"
)

// What a person reads at a glance.
const (
	maxWorkers = 40
	maxWeeks   = 8 // the last ones
)

// printHours writes hours: a line a worker, a column a week.
func printHours(w io.Writer, title string, list []importing.WorkerWeek) {
	if len(list) == 0 {
		return
	}
	var weeks []timesheet.Week
	var workers []string
	seconds := map[string]map[timesheet.Week]int{}
	total := map[string]int{}
	for _, h := range list {
		if seconds[h.Worker] == nil {
			seconds[h.Worker] = map[timesheet.Week]int{}
			workers = append(workers, h.Worker)
		}
		if !h.Week.IsZero() && !slices.Contains(weeks, h.Week) {
			weeks = append(weeks, h.Week)
		}
		seconds[h.Worker][h.Week] += h.Seconds
		total[h.Worker] += h.Seconds
	}
	slices.SortFunc(weeks, func(a, b timesheet.Week) int { return a.Monday().Unix() - b.Monday().Unix() })
	weeks = weeks[max(0, len(weeks)-maxWeeks):]
	fmt.Fprintf(w, "\n%s\n", title)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	heads := make([]string, len(weeks))
	for i, week := range weeks {
		heads[i] = week.String()
	}
	width := 0
	shown := workers[:min(len(workers), maxWorkers)]
	for _, worker := range shown {
		width = max(width, len([]rune(short(worker, 40))))
	}
	name := func(s string) string { return "  " + s + strings.Repeat(" ", width-len([]rune(s))) }
	fmt.Fprintf(table, "%s\t%s\tall\t\n", name(""), strings.Join(heads, "\t"))
	for _, worker := range shown {
		fmt.Fprint(table, name(short(worker, 40)))
		for _, week := range weeks {
			fmt.Fprintf(table, "\t%s", orDash(seconds[worker][week]))
		}
		fmt.Fprintf(table, "\t%.2f\t\n", hours(total[worker]))
	}
	table.Flush()
	if more := len(workers) - len(shown); more > 0 {
		fmt.Fprintf(w, "  … and %d more workers\n", more)
	}
}

func orDash(seconds int) string {
	if seconds == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", hours(seconds))
}
