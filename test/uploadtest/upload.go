package uploadtest

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// upload answers a readable upload with a report: a part of a run with the
// one that it was answered with before, if it was.
func (a *API) upload(w http.ResponseWriter, r *http.Request, body []byte) {
	q := r.URL.Query()
	source, dryRun := q.Get("source"), q.Get("dry_run") == "true"
	part, _ := strconv.Atoi(q.Get("part"))
	digest := sha256.Sum256(body)
	var of *run
	if q.Has("import_id") {
		if of = a.held(w, r, q.Get("import_id")); of == nil {
			return
		}
		source, dryRun = of.source, of.dryRun
		if recorded, ok := of.parts[part]; ok && recorded.digest != digest {
			Problem(w, http.StatusConflict, "part_mismatch", "The part came with another body.")
			return
		}
	}
	var rows []jsontext.Value
	if err := json.UnmarshalRead(bytes.NewReader(body), &rows); err != nil {
		Problem(w, http.StatusBadRequest, "malformed_json", err.Error())
		return
	}
	if len(rows) > 5000 {
		Problem(w, http.StatusRequestEntityTooLarge, "too_many_rows", "An upload has at most 5,000 rows.")
		return
	}
	a.batches = append(a.batches, Batch{Query: r.URL.RawQuery, Rows: len(rows), Bytes: len(body), Digest: digest})
	if of != nil {
		if recorded, ok := of.parts[part]; ok {
			answer(w, http.StatusOK, recorded.report)
			return
		}
	}
	report := a.judge(source, rows, dryRun, q.Get("results") == "all", of)
	if of != nil {
		of.parts[part] = recordedPart{digest, report}
		of.received += len(rows)
	}
	answer(w, http.StatusOK, report)
}

func (a *API) judge(source string, rows []jsontext.Value, dryRun, all bool, of *run) map[string]any {
	counts := map[string]int{}
	results := []result{}
	for i, row := range rows {
		verdict := a.verdict(source, row, dryRun)
		verdict.Index = i
		counts[verdict.Outcome]++
		if all || verdict.Outcome == "rejected" {
			results = append(results, verdict)
		}
		if of != nil && of.mode == "mirror" && readable(verdict.ExternalID) {
			of.keys[source+"/"+verdict.ExternalID] = true
		}
	}
	return map[string]any{
		"import_id": "01a1fa02-09c0-7000-8000-5f0e2d3c4b5a", "dry_run": dryRun, "received": len(rows),
		"created": counts["created"], "updated": counts["updated"], "unchanged": counts["unchanged"], "deleted": 0,
		"conflicts": 0, "rejected": counts["rejected"], "results": results, "results_truncated": false,
	}
}

// readable tells whether an id can be the key of an entry.
func readable(id string) bool {
	return id != "" && utf8.RuneCountInString(id) <= 255 && !strings.HasPrefix(id, "~") && !strings.ContainsRune(id, 0)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.MarshalWrite(w, body) // who no longer listens needs no answer
}
