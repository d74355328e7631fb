package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"

	"timesheets/domain/identity"
)

func TestTheContractIsAValidDocumentWithValidExamples(t *testing.T) {
	t.Parallel()
	if err := loadContract(t, openAPI).Validate(t.Context(), openapi3.EnableMultiError()); err != nil {
		t.Fatal(err)
	}
}

func TestYAMLAndJSONAreTheSameDocument(t *testing.T) {
	t.Parallel()
	d, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	want, got := loadContract(t, d.yaml.data), loadContract(t, d.json.data)
	if diff := cmp.Diff(asPlainJSON(t, want), asPlainJSON(t, got)); diff != "" {
		t.Errorf("JSON differs from YAML (-yaml +json):\n%s", diff)
	}
	// People read it from the top: title first, not whatever the alphabet says.
	if !strings.HasPrefix(string(d.json.data), `{"openapi":"3.1.0","info":{"title":`) {
		t.Errorf("JSON begins with %.60q, want the document's order", d.json.data)
	}
}

func TestEveryOperationSaysWhoMayCallIt(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, s := range identity.Scopes() {
		known[string(s)] = true
	}
	named := map[string]bool{}
	used := map[string]bool{}
	for _, op := range documentedOperations(t) {
		if op.OperationID == "" || named[op.OperationID] {
			t.Errorf("%s: operationId %q is missing or taken", op, op.OperationID)
		}
		named[op.OperationID] = true
		if op.Summary == "" || len(op.Tags) != 1 {
			t.Errorf("%s: wants a summary and one tag", op)
		}
		if op.Security == nil {
			t.Errorf("%s: no security entry; [] means public", op)
			continue
		}
		if public := len(*op.Security) == 0; public == op.isV1() {
			t.Errorf("%s: public is %t; exactly what is not under /v1 is public", op, public)
		}
		for _, alternative := range *op.Security {
			scopes := alternative["oauth2"]
			if len(alternative) != 1 || len(scopes) != 1 || !known[scopes[0]] {
				t.Errorf("%s: %v is not one scope of this API", op, alternative)
				continue
			}
			used[scopes[0]] = true
			if !strings.Contains(op.Description, "`"+scopes[0]+"`") {
				t.Errorf("%s: the description does not name %s", op, scopes[0])
			}
		}
	}
	if diff := cmp.Diff(known, used); diff != "" {
		t.Errorf("scopes that operations need (-the API's +the document's):\n%s", diff)
	}
	for _, flow := range []*openapi3.OAuthFlow{
		contractOf(t).Components.SecuritySchemes["oauth2"].Value.Flows.ClientCredentials,
		contractOf(t).Components.SecuritySchemes["oauth2"].Value.Flows.AuthorizationCode,
	} {
		if diff := cmp.Diff(slices.Sorted(maps.Keys(known)), slices.Sorted(maps.Keys(flow.Scopes))); diff != "" {
			t.Errorf("scopes of a flow (-want +got):\n%s", diff)
		}
	}
}

func TestTheContractHasTheRoutesThatTheServerHasWithTheirScopes(t *testing.T) {
	t.Parallel()
	want, got := map[string][]string{}, map[string][]string{}
	parameter := regexp.MustCompile(`:(\w+)`)
	for _, r := range (&Server{}).routes() {
		name := r.method + " " + parameter.ReplaceAllString(r.path, "{$1}")
		for _, scope := range r.needs {
			want[name] = append(want[name], string(scope))
		}
	}
	for _, op := range documentedOperations(t) {
		if !op.isV1() {
			continue
		}
		for _, alternative := range *op.Security {
			got[op.String()] = append(got[op.String()], alternative["oauth2"]...)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes and their scopes (-server +document):\n%s", diff)
	}
}

func TestEveryOperationNamesEveryStatusThatItCanAnswer(t *testing.T) {
	t.Parallel()
	for _, op := range documentedOperations(t) {
		want := []string{"400", "408", "413", "431", "503"} // what any request can run into
		if op.isV1() {
			want = append(want, "401", "403", "406", "429", "500")
		}
		if op.RequestBody != nil {
			want = append(want, "415", "422")
		}
		if strings.Contains(op.path, "{") && op.OperationID != "putWorker" { // which creates what is not there
			want = append(want, "404")
		}
		if op.Parameters.GetByInAndName("header", "If-Match") != nil {
			want = append(want, "412")
		}
		if op.Parameters.GetByInAndName("query", "limit") != nil {
			want = append(want, "422")
		}
		for _, status := range want {
			if op.Responses.Value(status) == nil {
				t.Errorf("%s: %s is not documented", op, status)
			}
		}
		if op.Responses.Default() != nil {
			t.Errorf("%s: default would let any status pass", op)
		}
	}
}

func TestEveryErrorIsAProblemWithItsHeaders(t *testing.T) {
	t.Parallel()
	required := map[string][]string{
		"401": {"WWW-Authenticate"},
		"405": {"Allow"},
		"429": {"Retry-After", "RateLimit", "RateLimit-Policy"},
		"503": {"Retry-After"},
	}
	check := func(t *testing.T, name, status string, r *openapi3.Response) {
		t.Helper()
		for _, header := range append([]string{"X-Request-Id"}, required[status]...) {
			if h := r.Headers[header]; h == nil || !h.Value.Required {
				t.Errorf("%s: %s does not promise the header %s", name, status, header)
			}
		}
		if code, err := strconv.Atoi(status); err != nil || code < 400 {
			return
		}
		problem := r.Content["application/problem+json"]
		if len(r.Content) != 1 || problem == nil || problem.Schema.Ref != "#/components/schemas/Problem" {
			t.Errorf("%s: %s is not a problem (RFC 9457)", name, status)
		}
	}
	for _, op := range documentedOperations(t) {
		for status, r := range op.Responses.Map() {
			check(t, op.String(), status, r.Value)
		}
	}
	check(t, "components", "405", contractOf(t).Components.Responses["MethodNotAllowed"].Value)
}

func TestEveryExampleFitsItsSchema(t *testing.T) {
	t.Parallel()
	examined := 0
	examine := func(t *testing.T, where string, media *openapi3.MediaType, how openapi3.SchemaValidationOption) {
		t.Helper()
		if media.Schema == nil {
			return
		}
		if len(media.Examples) == 0 && !strings.Contains(where, "/openapi.json") {
			t.Errorf("%s: no example", where)
		}
		for name, example := range media.Examples {
			examined++
			if err := fits(media.Schema, example.Value.Value, how); err != nil {
				t.Errorf("%s: example %s: %v", where, name, err)
			}
		}
	}
	for _, op := range documentedOperations(t) {
		if op.RequestBody != nil {
			for name, media := range op.RequestBody.Value.Content {
				examine(t, op.String()+" "+name, media, openapi3.VisitAsRequest())
			}
		}
		for status, r := range op.Responses.Map() {
			for name, media := range r.Value.Content {
				examine(t, op.String()+" "+status+" "+name, media, openapi3.VisitAsResponse())
			}
		}
	}
	for name, schema := range contractOf(t).Components.Schemas {
		if schema.Value.Description == "" {
			t.Errorf("schema %s has no description", name)
		}
		for i, example := range schema.Value.Examples {
			examined++
			if err := fits(schema, example, openapi3.VisitAsRequest()); err != nil {
				t.Errorf("schema %s: example %d: %v", name, i, err)
			}
		}
	}
	for name, header := range contractOf(t).Components.Headers {
		examined++
		if example := header.Value.Example; example != nil {
			if err := fits(header.Value.Schema, example, openapi3.VisitAsResponse()); err != nil {
				t.Errorf("header %s: %v", name, err)
			}
		}
	}
	if examined < 250 {
		t.Errorf("only %d examples were found: this test looks past most", examined)
	}
}

// Every problem that an example shows is in the table, with that status, and
// its type leads there.
func TestEveryExampleOfAProblemIsInTheTable(t *testing.T) {
	t.Parallel()
	d, err := readContract()
	if err != nil {
		t.Fatal(err)
	}
	statuses := map[string]string{}
	for _, p := range d.problems {
		if statuses[p.Code] != "" {
			t.Errorf("%s stands twice in the table", p.Code)
		}
		statuses[p.Code] = p.Status
		for status := range strings.SplitSeq(p.Status, ", ") {
			if n, err := strconv.Atoi(status); err != nil || http.StatusText(n) == "" || n < 400 {
				t.Errorf("%s: %q is no status of an error", p.Code, status)
			}
		}
	}
	// Two lines of a Markdown table are its head; none may be lost to a typo.
	description := contractOf(t).Components.Schemas["ProblemCode"].Value.Description
	if rows := strings.Count(description, "\n|") - 2; rows != len(d.problems) {
		t.Errorf("the table has %d rows, %d were read", rows, len(d.problems))
	}
	for name, r := range contractOf(t).Components.Responses {
		media := r.Value.Content["application/problem+json"]
		if media == nil {
			continue
		}
		for code, example := range media.Examples {
			problem := example.Value.Value.(map[string]any)
			if !strings.Contains(statuses[code], fmt.Sprint(problem["status"])) || problem["code"] != code {
				t.Errorf("%s: %s with status %v is not what the table says (%q)", name, code, problem["status"], statuses[code])
			}
			if want := "https://api.exampleco.com/docs/problems#" + code; problem["type"] != want {
				t.Errorf("%s: type %v, want %s", name, problem["type"], want)
			}
		}
	}
}

// documentedOperation is an operation of the contract with the path that it stands under.
type documentedOperation struct {
	*openapi3.Operation
	method, path string
	item         *openapi3.PathItem
}

func (o documentedOperation) String() string { return o.method + " " + o.path }

// isV1 is true for what stands under the document's own server, /v1.
func (o documentedOperation) isV1() bool { return len(o.item.Servers) == 0 }

func documentedOperations(t *testing.T) []documentedOperation {
	t.Helper()
	var all []documentedOperation
	for path, item := range contractOf(t).Paths.Map() {
		for method, op := range item.Operations() {
			all = append(all, documentedOperation{op, method, path, item})
		}
	}
	if len(all) < 20 {
		t.Fatalf("%d operations, want at least 20", len(all))
	}
	return all
}

// contractOf is the contract as all tests read it, and none may change it.
func contractOf(t *testing.T) *openapi3.T {
	t.Helper()
	doc, err := readOnce()
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var readOnce = sync.OnceValues(func() (*openapi3.T, error) { return openapi3.NewLoader().LoadFromData(openAPI) })

func loadContract(t *testing.T, data []byte) *openapi3.T {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func fits(schema *openapi3.SchemaRef, value any, how openapi3.SchemaValidationOption) error {
	return schema.Value.VisitJSON(value, openapi3.EnableJSONSchema2020(), openapi3.MultiErrors(), how)
}

func asPlainJSON(t *testing.T, v any) any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
