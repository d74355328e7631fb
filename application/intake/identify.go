package intake

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"timesheets/domain/timesheet"
)

// sourceOf gives the source of a request: the query's, else that of the first
// row, else "upload". A row that cannot be read, or that names what is no
// source, says nothing about the others.
func sourceOf(query string, rows []Row) (string, error) {
	if query != "" {
		return query, timesheet.CheckUploadSource(query)
	}
	for _, row := range rows {
		switch {
		case row.Source == "" && row.Problem == nil:
			return timesheet.SourceUpload, nil
		case row.Source != "" && timesheet.CheckUploadSource(row.Source) == nil:
			return row.Source, nil
		}
	}
	return timesheet.SourceUpload, nil
}

// identify makes an external id for a row that has none: from the worker and
// the date as written, project, task, start, seconds, description and the
// ordinal among the rows of the request in which all of these are equal.
// Repeating a request makes the same ids again.
func identify(r *Row, ordinals map[[sha256.Size]byte]int) string {
	buf := make([]byte, 0, 256)
	text := func(s string) {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	c := r.Content
	if r.Worker != nil {
		text("worker")
		text(r.Worker.Source)
		text(r.Worker.ID)
		text(r.Worker.Email)
	} else {
		text("user_id")
		text(r.WrittenUserID)
	}
	text(r.WrittenDate)
	text(c.Project)
	text(c.Task)
	text(c.Description)
	buf = binary.AppendVarint(buf, int64(c.Duration.Seconds()))
	if !c.StartedAt.IsZero() {
		buf = binary.AppendVarint(buf, c.StartedAt.UnixMicro())
	}
	same := sha256.Sum256(buf)
	ordinal := ordinals[same]
	ordinals[same] = ordinal + 1
	sum := sha256.Sum256(binary.AppendVarint(same[:], int64(ordinal)))
	return timesheet.MadePrefix + base64.RawURLEncoding.EncodeToString(sum[:18])
}

// contest finds, among the candidates (indexes of rows), the last revision of
// each key. Two stamps decide where both rows have one, else the position in
// the request. winners gives, by row, the winner of its key, itself if it is,
// and -1 for a row that is no candidate. stamps has the last known stamp of each
// winner's key, where there is one. The candidates are sorted by their keys.
func contest(rows []Row, keys []string, candidates []int) (winners []int, stamps map[int]time.Time) {
	slices.SortFunc(candidates, func(i, j int) int { return cmp.Or(strings.Compare(keys[i], keys[j]), i-j) })
	winners, stamps = make([]int, len(rows)), make(map[int]time.Time)
	for i := range winners {
		winners[i] = -1
	}
	for rest := candidates; len(rest) > 0; {
		winner, last, n := rest[0], rows[rest[0]].SourceUpdatedAt, 1
		for ; n < len(rest) && keys[rest[n]] == keys[winner]; n++ {
			switch stamp := rows[rest[n]].SourceUpdatedAt; {
			case stamp.IsZero():
				winner = rest[n]
			case last.IsZero() || !stamp.Before(last):
				winner, last = rest[n], stamp
			}
		}
		for _, i := range rest[:n] {
			winners[i] = winner
		}
		if !last.IsZero() {
			stamps[winner] = last
		}
		rest = rest[n:]
	}
	return winners, stamps
}
