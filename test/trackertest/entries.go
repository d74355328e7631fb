package trackertest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"
)

// matching gives the entries that a query asks for, in its order.
func (k *Kimai) matching(q url.Values) ([]Record, error) {
	begin, err := boundary(q.Get("begin"))
	if err != nil {
		return nil, err
	}
	end, err := boundary(q.Get("end"))
	if err != nil {
		return nil, err
	}
	var found []Record
	for _, entry := range k.entries {
		text, _ := entry["begin"].(string)
		at, err := time.Parse(layout, text)
		readable := err == nil
		switch {
		case readable && !begin.IsZero() && at.Before(begin), readable && !end.IsZero() && at.After(end):
		case (k.confined || q.Get("user") == "") && entry["user"] != json.Number(Owner):
		case q.Get("active") == "0" && entry["end"] == nil, q.Get("active") == "1" && entry["end"] != nil:
		default:
			found = append(found, entry)
		}
	}
	if q.Get("orderBy") != "id" || q.Get("order") != "ASC" {
		slices.Reverse(found) // newest first, about as Kimai does without being asked
	}
	return found, nil
}

// boundary reads begin and end: without a zone, in that of the token's user,
// who is in UTC here.
func boundary(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse("2006-01-02T15:04:05", text)
}

// full puts objects in the place of ids.
func (k *Kimai) full(entry Record) Record {
	entry = maps.Clone(entry)
	for member, records := range map[string][]Record{"user": k.users, "project": k.projects, "activity": k.activities} {
		if record := byID(records, entry[member]); record != nil {
			entry[member] = record
		}
	}
	return entry
}

// Add puts entries in, which may be as wrong as one likes; their place is by
// id.
func (k *Kimai) Add(entries ...Record) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.entries = append(k.entries, entries...)
	slices.SortStableFunc(k.entries, func(a, b Record) int { return cmp.Compare(idOf(a), idOf(b)) })
}

// Edit changes the entry with an id.
func (k *Kimai) Edit(id int, change func(Record)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, entry := range k.entries {
		if idOf(entry) == id {
			change(entry)
		}
	}
}

// Delete takes the entry with an id away, without a trace, as Kimai does.
func (k *Kimai) Delete(id int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.entries = slices.DeleteFunc(k.entries, func(r Record) bool { return idOf(r) == id })
}

// Clear takes all entries away.
func (k *Kimai) Clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.entries = nil
}

// IDs gives the ids of all entries, in their order.
func (k *Kimai) IDs() []int {
	k.mu.Lock()
	defer k.mu.Unlock()
	ids := make([]int, len(k.entries))
	for i, entry := range k.entries {
		ids[i] = idOf(entry)
	}
	return ids
}

// Entry gives an entry like the recorded ones, by the user with the id 3, of
// one hour that begins at nine.
func Entry(id int, date string) Record {
	return Record{
		"id": id, "begin": date + "T09:00:00+0200", "end": date + "T10:00:00+0200", "duration": 3600, "break": 0,
		"description": fmt.Sprintf("Entry %d", id), "billable": true, "exported": false, "tags": []string{}, "metaFields": []any{},
		"user": json.Number("3"), "project": json.Number("1"), "activity": json.Number("1"),
	}
}

// idOf gives the id of an entry, 0 for one without.
func idOf(r Record) int {
	switch id := r["id"].(type) {
	case int:
		return id
	case json.Number:
		n, _ := id.Int64()
		return int(n)
	}
	return 0
}
