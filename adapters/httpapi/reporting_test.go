package httpapi

import (
	"slices"
	"testing"

	"timesheets/application/reporting"
	"timesheets/domain/fault"
)

func TestGroupsAreNamesSeparatedByCommas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]reporting.Group{
		"":               nil,
		"user_id":        {reporting.ByWorker},
		"week,user_id":   {reporting.ByWeek, reporting.ByWorker},
		" week , month ": {reporting.ByWeek, reporting.ByMonth},
		"user_id,project,week,month,status,billable,source": reporting.Groups(),
	} {
		if got, err := readGroups(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		",", "user_id,", ",week", "week,,month", "week,week", "day", "User_id", "user_id;week", "user_id week",
		"user_id,project,week,month,status,billable,source,user_id", " ", "1", "week)--",
	} {
		got, err := readGroups(text)
		if f := fault.Of(err); got != nil || f == nil || f.Kind != fault.Invalid || f.Fields[0].Pointer != "/group_by" || f.Fields[0].Code != "not_a_choice" {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
}
