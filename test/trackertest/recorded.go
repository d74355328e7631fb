package trackertest

import (
	"embed"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

//go:embed recorded/*.json
var files embed.FS

// Record is one object as Kimai keeps it: an entry whose user, project and
// activity are ids, or what such an id stands for.
type Record map[string]any

// recorded gives the objects of one file, numbers as they are written there.
func recorded(name string) []Record {
	file, err := files.Open("recorded/" + name + ".json")
	if err != nil {
		panic(err) // the file is part of the program
	}
	decoder := json.NewDecoder(file)
	decoder.UseNumber()
	var records []Record
	if err := decoder.Decode(&records); err != nil {
		panic(err)
	}
	return records
}

// First and Last are the days that the recorded entries begin on.
const (
	First = "2026-10-05"
	Last  = "2026-10-30"
)

// layout is how Kimai writes instants: the offset has no colon.
const layout = "2006-01-02T15:04:05-0700"

// shifted gives the entry as if it had been made weeks later, at the same hour
// of the same day of the week where its user lives.
func shifted(entry Record, weeks int, zone *time.Location) Record {
	entry = maps.Clone(entry)
	for _, member := range []string{"begin", "end"} {
		text, _ := entry[member].(string)
		if at, err := time.Parse(layout, text); err == nil {
			local := time.Date(at.Year(), at.Month(), at.Day()+7*weeks, at.Hour(), at.Minute(), at.Second(), 0, zone)
			entry[member] = local.Format(layout)
		}
	}
	return entry
}

// byID finds the record with an id.
func byID(records []Record, id any) Record {
	i := slices.IndexFunc(records, func(r Record) bool { return r["id"] == id })
	if i < 0 {
		return nil
	}
	return records[i]
}
