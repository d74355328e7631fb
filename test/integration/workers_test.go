package integration

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/test/integration/apitest"
)

const workers = "/v1/workers"

func worker(t *testing.T, a apitest.Answer) apitest.Worker {
	t.Helper()
	var w apitest.Worker
	a.Is(t, a.Status).Read(t, &w)
	return w
}

func TestAWorkerIsCreatedAndReplacedAsAWhole(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	profile := fields{
		"kind": "contractor", "name": "Ann Archer", "email": "Ann@ExampleCo.com", "active_from": "2026-01-01", "active_to": "2027-01-01",
		"identities": []fields{{"source": "toggl", "id": "90210"}, {"source": "kimai", "id": "12"}},
	}
	created := c.bob.Put(t, workers+"/ann", profile).Is(t, 201)
	if w := worker(t, created); w.Version != 1 || w.Email != "ann@exampleco.com" || len(w.Identities) != 2 || w.ActiveTo != "2027-01-01" {
		t.Errorf("got %+v", w)
	}
	read := c.bob.Get(t, created.Header.Get("Location")).Is(t, 200)
	if diff := cmp.Diff(worker(t, created), worker(t, read)); diff != "" || read.Header.Get("ETag") != `"1"` {
		t.Errorf("at its location (-created +read):\n%s", diff)
	}
	if w := worker(t, c.bob.Put(t, workers+"/ann", profile).Is(t, 200)); w.Version != 1 {
		t.Errorf("the same again is version %d", w.Version)
	}
	if w := worker(t, c.bob.Put(t, workers+"/ann", fields{"kind": "employee"}).Is(t, 200)); w.Version != 2 || w.Name+w.Email+w.ActiveFrom != "" || len(w.Identities) != 0 || w.CreatedAt != worker(t, created).CreatedAt {
		t.Errorf("replaced: %+v", w)
	}
	c.bob.With("If-Match", `"1"`).Put(t, workers+"/ann", profile).IsProblem(t, 412, "stale_version")
	c.bob.With("If-Match", `"2"`).Put(t, workers+"/ann", profile).Is(t, 200)
	c.bob.With("If-Match", `*`).Put(t, workers+"/bea", profile).IsProblem(t, 412, "stale_version")
}

func TestAWorkerSeesOnlyThemselvesAndApproversEverybodyInOrder(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for i := range 7 {
		c.bob.Put(t, fmt.Sprintf("%s/w%d", workers, 6-i), fields{"kind": "employee"}).Is(t, 201)
	}
	c.ann.Post(t, timesheets, work()).Is(t, 201)
	names := func(by apitest.Caller, query string) (all []string) {
		for path := workers + query; path != ""; {
			page := by.Get(t, path).Is(t, 200)
			var list []apitest.Worker
			page.Read(t, &list)
			for _, w := range list {
				all = append(all, w.UserID)
			}
			path = page.Next(t)
		}
		return all
	}
	want := []string{"ann", "w0", "w1", "w2", "w3", "w4", "w5", "w6"}
	for _, by := range []apitest.Caller{c.bob, c.job} {
		if diff := cmp.Diff(want, names(by, "?limit=3")); diff != "" {
			t.Errorf("everybody (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]string{"ann"}, names(c.ann, "?limit=3")); diff != "" {
		t.Errorf("what ann sees (-want +got):\n%s", diff)
	}
	c.ann.Get(t, workers+"/w0").IsProblem(t, 404, "not_found")
}

func TestAUserIDMayHaveAnyCharacter(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for _, id := range []string{"auth0|5f7c8ec7c33c6c004bbafe82", "a/b", "a b", "ä+ß", "100%", "..", "a?b#c", strings.Repeat("x", 255)} {
		at := workers + "/" + url.PathEscape(id)
		made := c.bob.Put(t, at, fields{"kind": "employee"}).Is(t, 201)
		if w := worker(t, c.bob.Get(t, made.Header.Get("Location")).Is(t, 200)); w.UserID != id {
			t.Errorf("%q became %q", id, w.UserID)
		}
	}
	c.bob.Put(t, workers+"/"+strings.Repeat("x", 256), fields{"kind": "employee"}).IsProblem(t, 422, "length")
	c.bob.Put(t, workers+"/%ff", fields{"kind": "employee"}).IsProblem(t, 422, "not_utf8")
	c.bob.Get(t, workers+"/%ff").IsProblem(t, 404, "not_found")
}

// A cursor has the last user_id in it, escaped: the longest is twelve times as
// long there as an ordinary one is in all.
func TestListsArePagedThroughWhateverTheUserIDs(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	for i, char := range []string{"\U0001F600", "中", "\x01"} {
		c.job.Post(t, upload, work().but(fields{"user_id": strings.Repeat(char, 255), "external_id": fmt.Sprint(i)})).Is(t, 201)
	}
	for _, path := range []string{workers + "?limit=1", "/v1/weeks?limit=1"} {
		pages := 0
		for next := path; next != ""; pages++ {
			next = c.job.Get(t, next).Is(t, 200).Next(t)
		}
		if pages != 3 {
			t.Errorf("%s: %d pages, want 3", path, pages)
		}
	}
}

func TestAnAddressAndAnIdentityBelongToOneWorker(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.bob.Put(t, workers+"/ann", fields{"kind": "employee", "email": "ann@exampleco.com", "identities": []fields{{"source": "toggl", "id": "1"}}}).Is(t, 201)
	c.bob.Put(t, workers+"/bea", fields{"kind": "employee", "email": "ANN@exampleco.com"}).IsProblem(t, 409, "email_taken")
	c.bob.Put(t, workers+"/bea", fields{"kind": "employee", "identities": []fields{{"source": "toggl", "id": "1"}}}).IsProblem(t, 409, "identity_taken")
	c.bob.Put(t, workers+"/bea", fields{"kind": "employee", "identities": []fields{{"source": "kimai", "id": "1"}}}).Is(t, 201)
}

func TestAWorkerThatBreaksARuleIsRefused(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	ok := fields{"kind": "employee"}
	for _, tt := range []struct {
		name          string
		body          any
		code, pointer string
	}{
		{"no kind", fields{}, "not_a_kind", "/kind"},
		{"another kind", fields{"kind": "robot"}, "not_a_kind", "/kind"},
		{"an address that is none", ok.but(fields{"email": "ann"}), "not_an_email", "/email"},
		{"an empty name", ok.but(fields{"name": ""}), "length", "/name"},
		{"a long name", ok.but(fields{"name": strings.Repeat("x", 201)}), "length", "/name"},
		{"a name of control characters", ok.but(fields{"name": "a\x00b"}), "length", "/name"},
		{"an identity twice", ok.but(fields{"identities": []fields{{"source": "a", "id": "1"}, {"source": "a", "id": "1"}}}), "duplicate", "/identities"},
		{"an identity of no source", ok.but(fields{"identities": []fields{{"source": "A", "id": "1"}}}), "not_a_source", "/identities"},
		{"half an identity", ok.but(fields{"identities": []fields{{"source": "a"}}}), "length", "/identities"},
		{"an end before the beginning", ok.but(fields{"active_from": "2026-02-01", "active_to": "2026-01-31"}), "out_of_range", "/active_to"},
		{"a day that is none", ok.but(fields{"active_from": "2026-02-30"}), "not_a_date", "/active_from"},
		{"another member", ok.but(fields{"user_id": "bea"}), "unknown_member", "/user_id"},
	} {
		p := c.bob.Put(t, workers+"/ann", tt.body).Is(t, 422).Problem(t)
		if len(p.Errors) != 1 || p.Errors[0].Code != tt.code || p.Errors[0].Pointer != tt.pointer {
			t.Errorf("%s: got %+v, want %s at %s", tt.name, p, tt.code, tt.pointer)
		}
	}
	c.bob.Get(t, workers+"/ann").IsProblem(t, 404, "not_found")
}

func TestAnUnknownWorkerIsKnownOnceMapped(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	byID := row("1").but(fields{"user_id": nil, "worker": fields{"source": "toggl", "id": "90210"}})
	byEmail := row("2").but(fields{"user_id": nil, "worker": fields{"email": "ANN@exampleco.com"}})
	first := c.job.Post(t, upload+"?source=toggl", []any{byID, byEmail}).Is(t, 200).Report(t)
	if first.Rejected != 2 || first.Results[0].Code != "unknown_worker" || first.Results[1].Code != "unknown_worker" {
		t.Fatalf("got %+v", first)
	}
	var none []apitest.Worker
	if c.bob.Get(t, workers).Read(t, &none); len(none) != 0 {
		t.Errorf("a reference made the workers %+v", none)
	}
	c.bob.Put(t, workers+"/ann", fields{"kind": "contractor", "email": "ann@exampleco.com", "identities": []fields{{"source": "toggl", "id": "90210"}}}).Is(t, 201)
	again := c.job.Post(t, upload+"?source=toggl", []any{byID, byEmail}).Is(t, 200).Report(t)
	if again.Created != 2 {
		t.Fatalf("mapped, and yet: %+v", again)
	}
	for _, e := range c.job.Get(t, timesheets).Entries(t) {
		if e.UserID != "ann" {
			t.Errorf("it belongs to %s", e.UserID)
		}
	}
	c.job.Post(t, upload+"?source=toggl", row("3").but(fields{"user_id": nil, "worker": fields{"source": "kimai", "id": "90210"}})).IsProblem(t, 422, "unknown_worker")
}
