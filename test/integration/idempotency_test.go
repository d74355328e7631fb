package integration

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"timesheets/test/integration/apitest"
	"timesheets/test/pgtest"
)

// sameAnswer tells whether a request was answered as it was before, but for
// what names the request itself.
func sameAnswer(t *testing.T, first, again apitest.Answer) {
	t.Helper()
	if again.Header.Get("Idempotency-Replayed") != "true" {
		t.Error("a replayed answer does not say so")
	}
	if first.Status != again.Status {
		t.Errorf("the status was %d, replayed it is %d", first.Status, again.Status)
	}
	for _, name := range []string{"Location", "ETag", "Content-Type", "Cache-Control", "Retry-After"} {
		if first.Header.Get(name) != again.Header.Get(name) {
			t.Errorf("%s was %q, replayed it is %q", name, first.Header.Get(name), again.Header.Get(name))
		}
	}
	if string(first.Body) != string(again.Body) {
		t.Errorf("the body was\n%s\nreplayed it is\n%s", first.Body, again.Body)
	}
}

func TestARepeatedRequestGetsTheFirstAnswerAgain(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	ann := c.ann.With("Idempotency-Key", "6f7a1c1e")
	first := ann.Post(t, timesheets, work()).Is(t, 201)
	if first.Header.Get("Idempotency-Replayed") != "" {
		t.Error("the first answer says that it is replayed")
	}
	for range 2 {
		sameAnswer(t, first, ann.Post(t, timesheets, work()))
	}
	// Also when the entry has changed since: an answer is no report.
	c.ann.Delete(t, first.Header.Get("Location")).Is(t, 204)
	sameAnswer(t, first, ann.Post(t, timesheets, work()))
	if all := c.ann.Get(t, timesheets).Entries(t); len(all) != 0 {
		t.Errorf("repeating it made %+v", all)
	}
}

func TestARefusalIsRepeatedTooAsLongAsTheRequestWasJudged(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	ann := c.ann.With("Idempotency-Key", "full")
	full := c.ann.Post(t, timesheets, work().but(fields{"hours": 24})).Is(t, 201)
	first := ann.Post(t, timesheets, work())
	first.IsProblem(t, 422, "day_over_24h")
	c.ann.Delete(t, full.Header.Get("Location")).Is(t, 204) // there would be room now
	sameAnswer(t, first, ann.Post(t, timesheets, work()))

	// What was not judged may be sent again, mended.
	mended := c.ann.With("Idempotency-Key", "mended")
	mended.Post(t, timesheets, `{"date":`).IsProblem(t, 400, "malformed_json")
	mended.Post(t, timesheets, work()).Is(t, 201)
	forbidden := c.ann.With("Idempotency-Key", "forbidden")
	forbidden.Post(t, timesheets, work().but(fields{"user_id": "bea"})).IsProblem(t, 403, "other_worker")
	forbidden.Post(t, timesheets, work()).Is(t, 201)
}

func TestARefusalThatSaysWhenToComeBackSaysSoAgain(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.job.Post(t, "/v1/imports", declares()).Is(t, 201)
	job := c.job.With("Idempotency-Key", "start")
	first := job.Post(t, "/v1/imports", declares())
	if first.IsProblem(t, 409, "import_running"); first.Header.Get("Retry-After") == "" {
		t.Error("nobody knows when the run ends")
	}
	sameAnswer(t, first, job.Post(t, "/v1/imports", declares()))
}

func TestAKeyBelongsToOneRequestOfOneCaller(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	key := []string{"Idempotency-Key", "shared"}
	first := c.ann.With(key...).Post(t, timesheets, work()).Is(t, 201)
	c.ann.With(key...).Post(t, timesheets, work().but(fields{"hours": 2})).IsProblem(t, 422, "idempotency_key_reused")
	c.ann.With(key...).Post(t, timesheets, `{ "date":"`+today()+`","project":"StoreZero","hours":1}`).IsProblem(t, 422, "idempotency_key_reused")
	sameAnswer(t, first, c.ann.With(key...).Post(t, timesheets, work()))
	if all := c.ann.Get(t, timesheets).Entries(t); len(all) != 1 {
		t.Errorf("another request with the key made %+v", all)
	}
	other := c.bea.With(key...).Post(t, timesheets, work()).Is(t, 201)
	if other.Header.Get("Idempotency-Replayed") != "" || other.Entry(t).UserID != "bea" {
		t.Errorf("bea's request with ann's key: %+v", other.Entry(t))
	}
	elsewhere := c.api.Person(t, "ann", c.org+"_elsewhere").With(key...).Post(t, timesheets, work()).Is(t, 201)
	if elsewhere.Header.Get("Idempotency-Replayed") != "" {
		t.Error("a key counts in another organisation")
	}
}

func TestAKeyIsTextThatCanBeSeen(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	c.ann.With("Idempotency-Key", strings.Repeat("k", 255)).Post(t, timesheets, work()).Is(t, 201)
	for _, key := range [][]string{{""}, {strings.Repeat("k", 256)}, {"a b"}, {"ä"}, {"a", "b"}} {
		ann := c.ann
		for _, k := range key {
			ann = ann.With("Idempotency-Key", k)
		}
		ann.Post(t, timesheets, work()).IsProblem(t, 400, "bad_header")
	}
}

func TestFiftyRequestsWithOneKeyAtOnceMakeOneEntry(t *testing.T) {
	t.Parallel()
	c := newCompany(t)
	ann := c.ann.With("Idempotency-Key", "at-once")
	var all sync.WaitGroup
	answers := make([]apitest.Answer, 50)
	for i := range answers {
		all.Go(func() { answers[i] = ann.Post(t, timesheets, work()) })
	}
	all.Wait()
	carriedOut, entries := 0, map[string]bool{}
	for _, a := range answers {
		switch a.Status {
		case http.StatusCreated:
			entries[a.Entry(t).ID] = true
			if a.Header.Get("Idempotency-Replayed") == "" {
				carriedOut++
			}
		case http.StatusConflict:
			if p := a.IsProblem(t, 409, "idempotency_in_progress"); a.Header.Get("Retry-After") == "" {
				t.Errorf("who shall wait is not told how long: %+v", p)
			}
		default:
			t.Errorf("got %d %s", a.Status, a.Body)
		}
	}
	if list := c.ann.Get(t, timesheets).Entries(t); carriedOut != 1 || len(entries) != 1 || len(list) != 1 {
		t.Errorf("%d requests were carried out, answers name %d entries, there are %d", carriedOut, len(entries), len(list))
	}
}

func TestAnswersAreRepeatedByAnotherProcessToo(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	api := apitest.Start(t, database, nil)
	send := func(api *apitest.API, n int) apitest.Answer {
		return api.Person(t, "ann", "").With("Idempotency-Key", fmt.Sprint(n)).Post(t, timesheets, work().but(fields{"hours": n}))
	}
	created, refused := send(api, 1).Is(t, 201), send(api, 24).Is(t, 422)
	another := apitest.Start(t, database, nil)
	sameAnswer(t, created, send(another, 1))
	api.Stop(t)
	api.Run(t)
	api.AwaitReady(t)
	sameAnswer(t, created, send(api, 1))
	sameAnswer(t, refused, send(api, 24))
}
