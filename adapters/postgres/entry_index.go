package postgres

import "strings"

// The indexes of entries by status, project and source begin with a number that
// is made of the organisation and the value: new entries find their places by it
// in less time than by two texts.

// having is the condition that entries, which table names ("", or "e." and the
// like), belong to the organisation $1 and have one of the values, which are SQL, in one of those
// columns. Where a worker or an import is asked for too, their indexes are better,
// and a plain condition leaves the planner no other.
//
// Two pairs may have the same number, so it never stands alone. What stands beside
// it is true of nearly all that have the number. Written as equations it would make
// the planner expect far fewer than there are, and sort all entries of a project
// for a page of them.
func having(table, column string, values ...string) string {
	org := table + "org_id"
	numbers := make([]string, len(values))
	for i, value := range values {
		numbers[i] = indexed(value, "$1")
	}
	return indexed(table+column, org) + ` IN (` + strings.Join(numbers, ", ") + `) AND (` +
		org + ` = $1 AND ` + table + column + ` IN (` + strings.Join(values, ", ") + `))::int <> 0`
}

// indexed is what those indexes begin with.
func indexed(value, org string) string {
	return `hashtextextended(` + value + `, hashtextextended(` + org + `, 0))`
}
