package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"timesheets/domain/timesheet"
)

const (
	workers = 500
	days    = 365
)

// rows are what a tracker of 500 people holds of one year: about 270 bytes of
// JSON each, ids that grow with time as those of most trackers do, and no
// worker with more than 24 hours on a day.
type rows struct {
	count  int
	prefix int           // of the external ids, so that several sets differ
	first  timesheet.Day // of the year
	long   int           // seconds of the longest row

	// revised tells which rows say something else than at first.
	revised func(i int) bool
}

// newRows gives count rows of the year that ends yesterday. Sets with another
// prefix share no key.
func newRows(count, prefix int) rows {
	return rowsOf(count, prefix, timesheet.DayIn(time.Now().UTC()).Add(-days))
}

// rowsOf gives count rows of the 365 days from first on.
func rowsOf(count, prefix int, first timesheet.Day) rows {
	each := count/(workers*days) + 2 // rows of a worker on a day, at most
	return rows{count: count, prefix: prefix, first: first, long: min(2*3600+1800, (20*3600)/each)}
}

// with gives the same rows, those that revised names in a second revision.
func (r rows) with(revised func(int) bool) rows {
	r.revised = revised
	return r
}

func (r rows) changed(i int) bool { return r.revised != nil && r.revised(i) }

func (r rows) externalID(i int) string { return string(r.appendExternalID(nil, i)) }

// appendExternalID writes 24 hexadecimal digits. The client shares the machine
// with what it measures, so it should cost little.
func (r rows) appendExternalID(dst []byte, i int) []byte {
	var id [12]byte
	binary.BigEndian.PutUint32(id[:], uint32(r.prefix))
	binary.BigEndian.PutUint64(id[4:], uint64(i))
	return hex.AppendEncode(dst, id[:])
}

// user spreads the rows that follow each other over all workers.
func (r rows) user(i int) int { return i * 263 % workers }

func userID(n int) string { return userIDs[n] }

var userIDs = func() (ids [workers]string) {
	for n := range ids {
		ids[n] = fmt.Sprintf("auth0|5f7c8ec7c33c6c004bbafe%04x", n)
	}
	return ids
}()

func (r rows) day(i int) timesheet.Day { return r.first.Add(i * days / r.count) }

// seconds are whole minutes, one more in the second revision.
func (r rows) seconds(i int) int {
	s := 60 * (1 + i*7919%(r.long/60-2))
	if r.changed(i) {
		s += 60
	}
	return s
}

// sum gives the seconds of all rows.
func (r rows) sum() int64 {
	var sum int64
	for i := range r.count {
		sum += int64(r.seconds(i))
	}
	return sum
}

var (
	projects = []string{"Customer portal", "Billing migration", "Mobile app", "Warehouse integration", "Internal"}
	tasks    = []string{"Development", "Code review", "Meeting", "Support"}
	texts    = []string{
		"Investigated slow search and added the missing index to orders",
		"Pairing on the checkout rewrite, follow-ups noted in the ticket",
		"Weekly planning with the customer and notes for the team after",
		"Reviewed pull requests and answered questions from the support",
	}
)

func (r rows) project(i int) string { return projects[i*31%len(projects)] }
func (r rows) task(i int) string    { return tasks[i*17%len(tasks)] }
func (r rows) text(i int) string    { return texts[i*13%len(texts)] }

// json appends row i.
func (r rows) json(dst []byte, i int) []byte {
	dst = append(dst, `{"external_id":"`...)
	dst = r.appendExternalID(dst, i)
	dst = append(dst, `","user_id":"`...)
	dst = append(dst, userID(r.user(i))...)
	dst = append(dst, `","date":"`...)
	dst = r.day(i).Time().AppendFormat(dst, time.DateOnly)
	dst = append(dst, `","project":"`...)
	dst = append(dst, r.project(i)...)
	dst = append(dst, `","task":"`...)
	dst = append(dst, r.task(i)...)
	dst = append(dst, `","description":"`...)
	dst = append(dst, r.text(i)...)
	dst = append(dst, `","billable":true,"hours":`...)
	dst = strconv.AppendFloat(dst, float64(r.seconds(i)*10000/3600)/10000, 'f', -1, 64)
	return append(dst, '}')
}

// array gives rows from (inclusive) to (exclusive) as a request carries them.
func (r rows) array(from, to int) []byte {
	body := append(make([]byte, 0, 300*(to-from)), '[')
	for i := from; i < to; i++ {
		if i > from {
			body = append(body, ',')
		}
		body = r.json(body, i)
	}
	return append(body, ']')
}
