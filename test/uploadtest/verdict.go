package uploadtest

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type result struct {
	Index      int       `json:"index"`
	ExternalID string    `json:"external_id,omitzero"`
	Outcome    string    `json:"outcome"`
	Code       string    `json:"code,omitzero"`
	Error      *rowError `json:"error,omitempty"`
	Known      bool      `json:"known,omitzero"`
}

type rowError struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

// row is what the rules below look at.
type row struct {
	ExternalID  string         `json:"external_id"`
	UserID      string         `json:"user_id"`
	Worker      jsontext.Value `json:"worker"`
	Date        string         `json:"date"`
	Project     string         `json:"project"`
	Task        string         `json:"task"`
	Description string         `json:"description"`
	Billable    *bool          `json:"billable"`
	Seconds     jsontext.Value `json:"seconds"`
	StartedAt   string         `json:"started_at"`
	TimeZone    string         `json:"time_zone"`
	Tags        []string       `json:"tags"`
}

// verdict judges one row against what is kept, and keeps it unless dryRun.
func (a *API) verdict(source string, text jsontext.Value, dryRun bool) result {
	var r row
	code := "wrong_type"
	if err := json.Unmarshal(text, &r, json.RejectUnknownMembers(true)); err == nil {
		code = r.problem()
	}
	key := source + "/" + r.ExternalID
	if code != "" {
		recorded := key + " " + code + " " + string(text)
		known := a.problems[recorded]
		if !dryRun && !a.Forget {
			a.problems[recorded] = true
		}
		return result{ExternalID: r.ExternalID, Outcome: "rejected", Code: code, Error: &rowError{code, "Refused: " + code + "."}, Known: known}
	}
	held, known := a.entries[key]
	if !dryRun && !a.Forget {
		a.entries[key] = string(text)
	}
	outcome := "created"
	switch {
	case known && held == string(text):
		outcome = "unchanged"
	case known:
		outcome = "updated"
	}
	return result{ExternalID: r.ExternalID, Outcome: outcome}
}

// problem gives the code of the first rule that the row breaks.
func (r row) problem() string {
	seconds := 0
	for _, text := range append([]string{r.ExternalID, r.UserID, r.Project, r.Task, r.Description, r.TimeZone}, r.Tags...) {
		if strings.ContainsRune(text, 0) {
			return "nul"
		}
	}
	if len(r.Worker) > 0 {
		return "unknown_worker"
	}
	if r.UserID == "" || r.Project == "" || r.Date == "" || len(r.Seconds) == 0 {
		return "required"
	}
	for _, limit := range []struct {
		text string
		most int
	}{{r.ExternalID, 255}, {r.UserID, 255}, {r.Project, 200}, {r.Task, 200}, {r.Description, 2000}} {
		if utf8.RuneCountInString(limit.text) > limit.most {
			return "length"
		}
	}
	if len(r.Tags) > 20 {
		return "too_many"
	}
	day, err := time.Parse(time.DateOnly, r.Date)
	switch {
	case r.ExternalID == "":
		return "length"
	case err != nil:
		return "not_a_date"
	case day.Year() < 2000 || day.Year() > 2030:
		return "out_of_range"
	case json.Unmarshal(r.Seconds, &seconds) != nil:
		return "not_a_number"
	case seconds < 1 || seconds > 86400:
		return "out_of_range"
	}
	return ""
}
