package integration

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"timesheets/adapters/localissuer"
	"timesheets/domain/identity"
	"timesheets/test/integration/apitest"
)

func TestEveryCallerIsAnsweredAsTheTableOfAccessSays(t *testing.T) {
	t.Parallel()
	api := shared(t)
	callers, rows := accessTable(t)
	for _, r := range rows {
		t.Run(r.operation, func(t *testing.T) {
			t.Parallel()
			var s scene
			for i, caller := range callers {
				if s.org == "" {
					s = newScene(t, api, strings.ReplaceAll(org(t)+"_"+caller, " ", "_"))
				}
				method, path, _ := strings.Cut(s.fill(r.operation), " ")
				by := api.As(s.token(t, caller, path, api.Needs(t, method, "/v1"+path))).With("Import-Fence", fmt.Sprint(s.fence))
				if strings.HasPrefix(path, "/weeks") && method == "POST" {
					by = by.With("If-Match", "*")
				}
				got := by.Send(t, method, "/v1"+path, body(method, path))
				if cell := inCell(t, got); cell != r.cells[i] {
					t.Errorf("%s: got %s, want %s", caller, cell, r.cells[i])
				}
				checkChallenge(t, caller, got)
				if got.Status >= 400 || caller == "other organisation" {
					s.isUntouched(t, api)
				} else if method != "GET" {
					s = scene{} // the next one gets another
				}
			}
		})
	}
}

// inCell writes an answer as the table does.
func inCell(t *testing.T, a apitest.Answer) string {
	t.Helper()
	cell := fmt.Sprint(a.Status)
	if code := a.Problem(t).Code; code != "" {
		cell += " " + code
	} else if body := string(a.Body); body == "[]" || strings.HasPrefix(body, `{"changes":[]`) {
		cell += " []"
	}
	return cell
}

func TestTheTableOfAccessHasEveryOperation(t *testing.T) {
	t.Parallel()
	_, rows := accessTable(t)
	var have []string
	for _, r := range rows {
		operation, _, _ := strings.Cut(r.operation, "?")
		have = append(have, strings.NewReplacer("{entry}", "{id}", "{import}", "{id}", "{run}", "{id}", "{correction}", "{id}", "/ann", "/{user_id}", "/sources/upload", "/sources/{source}").Replace(operation))
	}
	for path, item := range shared(t).Document(t).Paths.Map() {
		for method := range item.Operations() {
			if len(item.Servers) == 0 && !slices.Contains(have, method+" "+path) {
				t.Errorf("%s %s is not in testdata/access.md", method, path)
			}
		}
	}
}

// accessRow is one row of the table: an operation, and a cell for each caller.
type accessRow struct {
	operation string
	cells     []string
}

func accessTable(t *testing.T) (callers []string, rows []accessRow) {
	t.Helper()
	text, err := os.ReadFile("testdata/access.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		switch {
		case len(cells) < 3 || strings.HasPrefix(cells[0], "--"):
		case callers == nil:
			callers = cells[1:]
		case len(cells) != len(callers)+1:
			t.Fatalf("%s has %d cells, want %d", cells[0], len(cells)-1, len(callers))
		default:
			rows = append(rows, accessRow{cells[0], cells[1:]})
		}
	}
	if len(rows) < 13 || len(callers) < 10 {
		t.Fatalf("only %d rows and %d callers were read", len(rows), len(callers))
	}
	return callers, rows
}

// scene is an organisation in which ann has logged an hour, and a machine has
// uploaded a row that was refused, another for a week that was approved when it
// was empty, and begun a run.
type scene struct {
	org, entry, imported, run, correction string
	fence                                 int
}

func newScene(t *testing.T, api *apitest.API, org string) scene {
	t.Helper()
	s := scene{org: org}
	s.entry = api.Person(t, "ann", org).Post(t, "/v1/timesheets", work()).Is(t, 201).Entry(t).ID
	s.imported = api.Machine(t, org).Post(t, "/v1/timesheets/upload", []any{row("refused").but(fields{"hours": 0})}).Is(t, 200).Report(t).ImportID
	api.Approver(t, "bob", org).With("If-Match", "*").Post(t, "/v1/weeks/ann/"+weekOf(day(-30))+"/approve", nil).Is(t, 200)
	s.correction = api.Machine(t, org).Post(t, "/v1/timesheets/upload", row("late").but(fields{"date": day(-30)})).IsProblem(t, 409, "week_approved").CorrectionID
	var run struct {
		ID    string
		Fence int
	}
	api.Machine(t, org).Post(t, "/v1/imports", declaration("kimai")).Is(t, 201).Read(t, &run)
	s.run, s.fence = run.ID, run.Fence
	return s
}

// declaration starts a run that may end without having brought anything.
func declaration(source string) fields {
	return fields{"source": source, "mode": "upsert", "from": today(), "to": today()}
}

// isUntouched tells whether all is as newScene left it.
func (s scene) isUntouched(t *testing.T, api *apitest.API) {
	t.Helper()
	everything := api.Machine(t, s.org).Get(t, "/v1/timesheets").Entries(t)
	if len(everything) != 1 || everything[0].ID != s.entry || everything[0].Version != 1 {
		t.Errorf("there is more or less than one entry of version 1: %+v", everything)
	}
	workers := api.Machine(t, s.org).Get(t, "/v1/workers")
	var all []apitest.Worker
	if workers.Read(t, &all); len(all) != 1 || all[0].Version != 1 {
		t.Errorf("there is more or less than one worker of version 1: %+v", all)
	}
}

func (s scene) fill(operation string) string {
	return strings.NewReplacer("{entry}", s.entry, "{week}", weekOf(today()), "{correction}", s.correction, "{import}", s.imported, "{run}", s.run, "{today}", today()).Replace(operation)
}

// body is one that the operation takes from whom it may.
func body(method, path string) any {
	switch {
	case path == "/timesheets/upload":
		return row("another")
	case path == "/imports" && method == "POST":
		return declaration("toggl")
	case strings.HasSuffix(path, "/complete"):
		return fields{"cursor": "next"}
	case strings.HasSuffix(path, "/reject"), strings.HasSuffix(path, "/reopen"):
		return fields{"reason": "why not"}
	case strings.HasPrefix(path, "/weeks"), strings.HasPrefix(path, "/corrections"), strings.HasPrefix(path, "/imports"), strings.HasPrefix(path, "/rows"):
		return nil
	case method == "POST":
		return work().but(fields{"user_id": "ann"})
	case method == "PATCH":
		return fields{"task": "Checkout"}
	case strings.HasPrefix(path, "/workers"):
		return fields{"kind": "employee"}
	}
	return nil
}

// token is the access token of one of the table's callers; needed are the
// scopes of which the operation wants one.
func (s scene) token(t *testing.T, caller, path string, needed []string) string {
	t.Helper()
	all := slices.DeleteFunc(identity.Scopes(), func(s identity.Scope) bool { return s == identity.ApproveTimesheets })
	person := localissuer.Person{Subject: "ann", Organization: s.org, Scopes: apitest.Scopes(all...)}
	machine := localissuer.Machine{Client: "import-job", Organization: s.org, Scopes: apitest.Scopes(identity.Scopes()...)}
	issuer := apitest.Issuer(t)
	changed := func(claims map[string]any) string {
		person.Claims = claims
		return issuer.PersonToken(person)
	}
	forMachines := strings.HasPrefix(path, "/timesheets/upload") || strings.HasPrefix(path, "/imports") ||
		strings.HasPrefix(path, "/sources") || strings.HasPrefix(path, "/rows") || strings.HasPrefix(path, "/changes")
	switch caller {
	case "no token":
		return ""
	case "expired":
		return changed(map[string]any{"iat": time.Now().Add(-time.Hour).Unix(), "exp": time.Now().Add(-10 * time.Minute).Unix()})
	case "wrong audience":
		return changed(map[string]any{"aud": "https://api.exampleco.com/another"})
	case "wrong issuer":
		return changed(map[string]any{"iss": "https://another.eu.auth0.com/"})
	case "wrong signature":
		head, signature, _ := strings.Cut(issuer.PersonToken(person), ".")
		claims, signature, _ := strings.Cut(signature, ".")
		flipped := map[bool]string{true: "B", false: "A"}[signature[9] == 'A']
		return head + "." + claims + "." + signature[:9] + flipped + signature[10:]
	case "no organisation":
		return changed(map[string]any{"org_id": nil})
	case "wrong scope":
		machine.Scopes = slices.DeleteFunc(apitest.Scopes(identity.Scopes()...), func(s string) bool { return slices.Contains(needed, s) })
		person.Scopes = machine.Scopes
		if forMachines {
			return issuer.MachineToken(machine)
		}
		return issuer.PersonToken(person)
	case "machine":
		return issuer.MachineToken(machine)
	case "person":
		return issuer.PersonToken(person)
	case "other person":
		person.Subject = "bea"
		return issuer.PersonToken(person)
	case "approver":
		person.Subject, person.Scopes = "bob", apitest.Scopes(identity.Scopes()...)
		return issuer.PersonToken(person)
	case "other organisation":
		machine.Organization, person.Organization = s.org+"_elsewhere", s.org+"_elsewhere"
		person.Subject, person.Scopes = "bob", apitest.Scopes(identity.Scopes()...)
		if forMachines {
			return issuer.MachineToken(machine)
		}
		return issuer.PersonToken(person)
	}
	t.Fatalf("nobody is called %q", caller)
	return ""
}

// checkChallenge holds WWW-Authenticate against RFC 6750, section 3.1.
func checkChallenge(t *testing.T, caller string, got apitest.Answer) {
	t.Helper()
	challenge, code := got.Header.Get("WWW-Authenticate"), got.Problem(t).Code
	want := map[string]string{
		"invalid_token": `error="invalid_token"`, "insufficient_scope": `error="insufficient_scope"`,
		"machines_only": `error="insufficient_scope"`, "persons_only": `error="insufficient_scope"`,
	}[code]
	if !strings.Contains(challenge, want) || want == "" && strings.Contains(challenge, "error=") {
		t.Errorf("%s: the challenge of %s is %s", caller, code, challenge)
	}
	if scope := got.Problem(t).Scope; want == `error="insufficient_scope"` && (scope == "" || !strings.Contains(challenge, `scope="`)) {
		t.Errorf("%s: the challenge %s and the scope %q do not say what would do", caller, challenge, scope)
	}
}
