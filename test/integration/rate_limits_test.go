package integration

import (
	"strconv"
	"strings"
	"testing"

	"timesheets/adapters/localissuer"
	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

// One token comes back in a hundred seconds, so none does during the test.
func TestWhoComesTooOftenIsToldWhenToComeAgain(t *testing.T) {
	t.Parallel()
	api := apitest.Start(t, pgtest.Database(t), apitest.Settings{
		"RATE_LIMIT_REQUESTS_PER_SECOND": "0.01", "RATE_LIMIT_REQUESTS_BURST": "3",
		"RATE_LIMIT_UPLOADS_PER_SECOND": "0.01", "RATE_LIMIT_UPLOADS_BURST": "2",
		"RATE_LIMIT_FAILURES_PER_SECOND": "0.01", "RATE_LIMIT_FAILURES_BURST": "4",
	})
	ann, bea, job := api.Person(t, "ann", ""), api.Person(t, "bea", ""), api.Machine(t, "")
	exhausted := func(a apitest.Answer) {
		t.Helper()
		a.IsProblem(t, 429, "rate_limited")
		if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 100 || a.Header.Get("RateLimit") == "" {
			t.Errorf("Retry-After is %q, RateLimit %q", a.Header.Get("Retry-After"), a.Header.Get("RateLimit"))
		}
	}
	for n := range 3 {
		got := ann.Get(t, timesheets).Is(t, 200)
		if left := got.Header.Get("RateLimit"); !strings.HasPrefix(left, `"principal";r=`+strconv.Itoa(2-n)) {
			t.Errorf("after %d requests RateLimit is %s", n+1, left)
		}
	}
	exhausted(ann.Get(t, timesheets))
	// A new token is the same person; somebody else is not held up.
	exhausted(api.As(apitest.Issuer(t).PersonToken(localissuer.Person{Subject: "ann", Scopes: []string{"read:timesheets"}, Client: "another"})).Get(t, timesheets))
	bea.Get(t, timesheets).Is(t, 200)

	for range 2 {
		job.Post(t, upload, "[]").Is(t, 200)
	}
	exhausted(job.Post(t, upload, "[]"))
	job.Get(t, timesheets).Is(t, 200) // which is counted apart

	nobody := api.As("abc")
	for range 4 {
		nobody.Get(t, timesheets).IsProblem(t, 401, "invalid_token")
	}
	exhausted(nobody.Get(t, timesheets))
	bea.Get(t, timesheets).Is(t, 200) // from the same address, with a good token
}
