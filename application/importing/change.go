package importing

import (
	"cmp"
	"slices"
)

// list keeps what a summary says of a single row.
func (s *Summary) list(result Result, l line) {
	problem := result.Outcome == Conflict || result.Outcome == Rejected
	change := Change{
		ExternalID: l.externalID,
		Worker:     l.worker,
		Date:       l.date,
		Project:    l.project,
		Seconds:    l.seconds,
		Outcome:    result.Outcome,
		Code:       result.Code,
		Text:       result.Text,
		Known:      result.Known,
	}
	if problem {
		code := result.Code
		if _, held := s.Codes[code]; !held && len(s.Codes) >= maxCodes {
			code = Others
		}
		s.Codes[code]++
	}
	if problem && (s.DryRun || !result.Known) && len(s.Problems) < maxLines {
		s.Problems = append(s.Problems, change)
	}
	if s.DryRun && !problem && result.Outcome != Unchanged && len(s.Changes) < maxLines {
		s.Changes = append(s.Changes, change)
	}
}

// sort puts the lists in the order in which a person reads them. Batches are
// answered in any order.
func (s *Summary) sort() {
	for _, list := range [][]Change{s.Problems, s.Changes} {
		slices.SortStableFunc(list, func(a, b Change) int {
			return cmp.Or(cmp.Compare(a.Worker, b.Worker), cmp.Compare(a.Date, b.Date), cmp.Compare(a.ExternalID, b.ExternalID))
		})
	}
}
