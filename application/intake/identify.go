package intake

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
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
func identify(r Row, ordinals map[[sha256.Size]byte]int) string {
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

// contest finds, among the candidates (indexes of rows in their order), the
// last revision of each key. Two stamps decide where both rows have one, else
// the position in the request. The result maps every candidate to the winner
// of its key; a winner maps to itself. stamps has the last known stamp of each
// winner's key.
func contest(rows []Row, keys []string, candidates []int) (winners map[int]int, stamps map[int]time.Time) {
	type leader struct {
		index int
		stamp time.Time // the last known stamp of the key
	}
	leaders := make(map[string]leader, len(candidates))
	for _, i := range candidates {
		stamp := rows[i].SourceUpdatedAt
		lead, met := leaders[keys[i]]
		switch {
		case !met:
			leaders[keys[i]] = leader{i, stamp}
		case !stamp.IsZero() && !lead.stamp.IsZero() && stamp.Before(lead.stamp):
		case stamp.IsZero():
			leaders[keys[i]] = leader{i, lead.stamp}
		default:
			leaders[keys[i]] = leader{i, stamp}
		}
	}
	winners, stamps = make(map[int]int, len(candidates)), make(map[int]time.Time)
	for _, i := range candidates {
		lead := leaders[keys[i]]
		winners[i] = lead.index
		if !lead.stamp.IsZero() {
			stamps[lead.index] = lead.stamp
		}
	}
	return winners, stamps
}
