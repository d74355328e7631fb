package httpapi

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// The bodies that the clients of Auth0's published scenario send, and their
// neighbours: what the document takes, and what it refuses.
func TestTheContractTakesWhatTheScenariosClientsSend(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, operation, body string }{
		{"the Python cron job", "uploadTimesheets", `{"user_id":"007","date":"2017-05-10T17:40:20.095Z","project":"StoreZero","hours":5}`},
		{"the Angular page adds", "addEntry", `{"date":"2017-05-10","project":"StoreZero","hours":5}`},
		{"the Angular page approves", "decideEntry", `{}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if err := fits(bodySchema(t, tt.operation), fromJSON(t, tt.body), openapi3.VisitAsRequest()); err != nil {
				t.Error(err)
			}
		})
	}
	if contractOf(t).Paths.Value("/approvals/{id}").Put.RequestBody.Value.Required {
		t.Error("approving needs a body; the mobile app sends none")
	}
}

func TestTheSampleAppsJavaDateIsRefused(t *testing.T) {
	t.Parallel()
	row := fromJSON(t, `{"date":"Wed May 10 17:40:20 UTC 2017","project":"StoreZero","hours":5}`)
	if fits(bodySchema(t, "addEntry"), row, openapi3.VisitAsRequest()) == nil {
		t.Error("Java's Date.toString passes as a date")
	}
}

func TestRowsOfAnUpload(t *testing.T) {
	t.Parallel()
	good := `{"user_id":"ann","date":"2026-11-19","project":"StoreZero","hours":7.5}`
	for _, tt := range []struct {
		name, change string // a JSON object: members to set, or null to leave out
		fits         bool
	}{
		{"as it is", `{}`, true},
		{"everything said", `{"task":"t","description":"d","billable":false,"started_at":"2026-11-19T09:00:00+01:00","time_zone":"Europe/Berlin","tags":["a"],"source":"toggl","external_id":"1","source_updated_at":"2026-11-19T09:00:00Z","seconds":27000}`, true},
		{"seconds alone", `{"hours":null,"seconds":1}`, true},
		{"hours as text", `{"hours":"7.33"}`, true},
		{"hours with an exponent", `{"hours":"1e0"}`, true},
		{"neither hours nor seconds", `{"hours":null}`, false},
		{"no time at all", `{"hours":0}`, false},
		{"negative hours", `{"hours":-1}`, false},
		{"24 hours", `{"hours":24}`, true},
		{"more than 24 hours", `{"hours":24.0003}`, false},
		{"hours with a comma", `{"hours":"7,5"}`, false},
		{"86400 seconds", `{"seconds":86400}`, true},
		{"86401 seconds", `{"seconds":86401}`, false},
		{"half a second", `{"seconds":0.5}`, false},
		{"no project", `{"project":null}`, false},
		{"an empty project", `{"project":""}`, false},
		{"a project of 200", `{"project":"` + strings.Repeat("ü", 200) + `"}`, true},
		{"a project of 201", `{"project":"` + strings.Repeat("ü", 201) + `"}`, false},
		{"no date", `{"date":null}`, false},
		{"a timestamp as date", `{"date":"2026-11-19T23:59:59.123-05:00"}`, true},
		{"a German date", `{"date":"19.11.2026"}`, false},
		{"nobody", `{"user_id":null}`, false},
		{"a reference to a worker", `{"user_id":null,"worker":{"source":"toggl","id":"1"}}`, true},
		{"a worker's address", `{"user_id":null,"worker":{"email":"ann@exampleco.com"}}`, true},
		{"user_id and worker", `{"worker":{"email":"ann@exampleco.com"}}`, false},
		{"half a reference", `{"user_id":null,"worker":{"source":"toggl"}}`, false},
		{"address and identity", `{"user_id":null,"worker":{"source":"toggl","id":"1","email":"ann@exampleco.com"}}`, false},
		{"an empty reference", `{"user_id":null,"worker":{}}`, false},
		{"21 tags", `{"tags":["` + strings.Repeat(`a","`, 20) + `a"]}`, false},
		{"a tag of 51", `{"tags":["` + strings.Repeat("a", 51) + `"]}`, false},
		{"an external_id that the server makes", `{"external_id":"~x"}`, false},
		{"an external_id of 256", `{"external_id":"` + strings.Repeat("a", 256) + `"}`, false},
		{"a source in upper case", `{"source":"Toggl"}`, false},
		{"a source of 64", `{"source":"` + strings.Repeat("a", 64) + `"}`, false},
		{"a local timestamp", `{"started_at":"2026-11-19T09:00:00"}`, false},
		{"a member that only the server sets", `{"approved":true}`, false},
		{"an unknown member", `{"Project":"x"}`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			row := fromJSON(t, good).(map[string]any)
			maps.Copy(row, fromJSON(t, tt.change).(map[string]any))
			maps.DeleteFunc(row, func(_ string, v any) bool { return v == nil })
			schema := bodySchema(t, "uploadTimesheets")
			for form, body := range map[string]any{"object": row, "array": []any{row}} {
				if err := fits(schema, body, openapi3.VisitAsRequest()); (err == nil) != tt.fits {
					t.Errorf("%s: got %v, want it to fit: %t", form, err, tt.fits)
				}
			}
		})
	}
}

func TestDecisionsAndChanges(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		operation, body string
		fits            bool
	}{
		{"decideEntry", `{"status":"approved"}`, true},
		{"decideEntry", `{"status":"rejected","reason":"twice"}`, true},
		{"decideEntry", `{"status":"rejected"}`, false},
		{"decideEntry", `{"reason":"twice"}`, false},
		{"decideEntry", `{"status":"pending"}`, false},
		{"decideEntry", `{"approved":true}`, false},
		{"changeEntry", `{}`, true},
		{"changeEntry", `{"task":null,"tags":null,"billable":null}`, true},
		{"changeEntry", `{"project":null}`, false},
		{"changeEntry", `{"source":"toggl"}`, false},
		{"putWorker", `{"kind":"employee"}`, true},
		{"putWorker", `{}`, false},
		{"putWorker", `{"kind":"employee","user_id":"ann"}`, false},
		{"putWorker", `{"kind":"employee","identities":[{"source":"toggl"}]}`, false},
	} {
		t.Run(tt.operation+" "+tt.body, func(t *testing.T) {
			t.Parallel()
			if err := fits(bodySchema(t, tt.operation), fromJSON(t, tt.body), openapi3.VisitAsRequest()); (err == nil) != tt.fits {
				t.Errorf("got %v, want it to fit: %t", err, tt.fits)
			}
		})
	}
}

// A member that nobody documented is refused in every request body.
func TestEveryRequestBodyIsClosed(t *testing.T) {
	t.Parallel()
	for _, op := range documentedOperations(t) {
		if op.RequestBody == nil {
			continue
		}
		for name, media := range op.RequestBody.Value.Content {
			if media.Schema == nil {
				continue
			}
			for example, e := range media.Examples {
				body := asPlainJSON(t, e.Value.Value)
				object, ok := body.(map[string]any)
				if !ok {
					object = body.([]any)[0].(map[string]any)
				}
				object["surprise"] = true
				if fits(media.Schema, body, openapi3.VisitAsRequest()) == nil {
					t.Errorf("%s %s: example %s passes with a member that nobody knows", op, name, example)
				}
			}
		}
	}
}

func bodySchema(t *testing.T, operationID string) *openapi3.SchemaRef {
	t.Helper()
	for _, op := range documentedOperations(t) {
		if op.OperationID == operationID {
			return op.RequestBody.Value.Content["application/json"].Schema
		}
	}
	t.Fatalf("no operation %s", operationID)
	return nil
}

func fromJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
