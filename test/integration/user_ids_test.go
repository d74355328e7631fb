package integration

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"timesheets/adapters/localissuer"
	"timesheets/domain/identity"
	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

// scenario is an API whose tokens name people by e-mail address, as those of
// the published scenario do.
var scenario = apitest.Shared(startScenario)

func startScenario(t testing.TB) *apitest.API {
	return apitest.Start(t, pgtest.Database(t), apitest.Settings{
		"AUTH0_USER_ID_CLAIM": apitest.EmailClaim,
		"CORS_ORIGINS":        "http://localhost:4200",
	})
}

// named is a person whose token has the claims.
func named(t *testing.T, claims map[string]any, scopes ...identity.Scope) apitest.Caller {
	t.Helper()
	scopes = append(scopes, identity.ReadTimesheets, identity.CreateTimesheets, identity.DeleteTimesheets)
	return scenario(t).As(apitest.Issuer(t).PersonToken(localissuer.Person{Subject: "auth0|someone", Scopes: apitest.Scopes(scopes...), Claims: claims}))
}

// address is one that nobody else has, in capitals and not.
func address(name string) (small, written string) {
	written = name + rand.Text() + "@ExampleCo.com"
	return strings.ToLower(written), written
}

func TestAnAddressIsOnePersonHoweverItIsWritten(t *testing.T) {
	t.Parallel()
	job := scenario(t).Machine(t, "")
	small, written := address("Dora")
	dora := named(t, map[string]any{apitest.EmailClaim: written})
	if e := dora.Post(t, timesheets, work()).Is(t, 201).Entry(t); e.UserID != small || e.CreatedBy != small {
		t.Errorf("a token of %s made %+v", written, e)
	}
	loud := strings.ToUpper(written)
	dora.Post(t, timesheets, work().but(fields{"user_id": loud})).Is(t, 201)
	job.Post(t, timesheets, work().but(fields{"user_id": loud})).Is(t, 201)
	job.Post(t, upload, row(small).but(fields{"user_id": written})).Is(t, 201)
	other := job.Post(t, upload, row("moved from x to "+small).but(fields{"user_id": "x", "hours": nil, "seconds": 1})).Is(t, 201).Entry(t)
	job.Patch(t, timesheets+"/"+other.ID, fields{"user_id": loud}).Is(t, 200)
	if all := named(t, map[string]any{apitest.EmailClaim: small}).Get(t, timesheets+"?user_id="+written).Is(t, 200).Entries(t); len(all) != 5 {
		t.Errorf("she has %d entries, want 5", len(all))
	}
	if w := worker(t, dora.Get(t, workers+"/"+url.PathEscape(loud)).Is(t, 200)); w.UserID != small {
		t.Errorf("got %+v", w)
	}
}

func TestNobodyApprovesTheirOwnHoursUnderAnotherSpelling(t *testing.T) {
	t.Parallel()
	small, written := address("Erin")
	erin := named(t, map[string]any{apitest.EmailClaim: written}, identity.ApproveTimesheets)
	e := scenario(t).Machine(t, "").Post(t, upload, row(small).but(fields{"user_id": small})).Is(t, 201).Entry(t)
	erin.Put(t, approvals+"/"+e.ID, nil).IsProblem(t, 403, "own_entry")
	for _, waiting := range erin.Get(t, approvals+"?limit=500").Is(t, 200).Entries(t) {
		if waiting.UserID == small {
			t.Errorf("she is shown %+v", waiting)
		}
	}
}

func TestOnlyAddressesLoseTheirCapitals(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"Fred", "a@B@c", " G@X", "İpek@x.org"} {
		e := scenario(t).Machine(t, "").Post(t, timesheets, work().but(fields{"user_id": id, "hours": nil, "seconds": 1})).Is(t, 201).Entry(t)
		want := map[string]string{" G@X": " g@x"}[id]
		if want == "" {
			want = id
		}
		if e.UserID != want {
			t.Errorf("%q became %q", id, e.UserID)
		}
	}
}

func TestAPersonWhoCannotBeNamedIsRefused(t *testing.T) {
	t.Parallel()
	named(t, nil).Get(t, timesheets).IsProblem(t, 403, "user_id_claim_missing")
	named(t, map[string]any{apitest.EmailClaim: 17}).Get(t, timesheets).IsProblem(t, 403, "user_id_claim_invalid")
	named(t, map[string]any{apitest.EmailClaim: ""}).Get(t, timesheets).IsProblem(t, 403, "user_id_claim_missing")
	named(t, map[string]any{apitest.EmailClaim: "g@x.org", "email_verified": false}).Get(t, timesheets).IsProblem(t, 403, "email_not_verified")
	named(t, map[string]any{apitest.EmailClaim: "g@x.org", "https://api.exampleco.com/email_verified": false}).Get(t, timesheets).IsProblem(t, 403, "email_not_verified")
	named(t, map[string]any{apitest.EmailClaim: "g@x.org", "email_verified": true}).Get(t, timesheets).Is(t, 200)
}
