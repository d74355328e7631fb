package importing

import "time"

// Bounded is what a row is cut to before it is sent.
func Bounded(r Row) Row { return r.bounded() }

// Due is what a run of the tier reads of a source with the cursor.
func Due(cursor string, tier Tier, now time.Time) Window { return reachOf(cursor, now).due(tier, now) }

// Earned is the cursor of a run that read the window of a source with the
// cursor before.
func Earned(before string, read Window, began time.Time) string {
	return reachOf(before, began).earned(read, began)
}
