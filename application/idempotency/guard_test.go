package idempotency_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/replay"
	"timesheets/domain/timesheet"
	"timesheets/test/fixture"
	"timesheets/test/fixture/office"
)

// claim is a request of ann's with the key and the body.
func claim(key, body string) replay.Claim {
	return replay.Claim{
		Organization: identity.DefaultOrganization, Principal: fixture.Person("ann").Key(), Route: "POST /v1/timesheets", Key: key, Request: sha256.Sum256([]byte(body)),
	}
}

// answered is the answer to the request that made the entry.
func answered(e timesheet.Entry) replay.Answer {
	return replay.Answer{Status: 201, Headers: map[string]string{"Location": "/v1/timesheets/" + e.ID().String()}, Body: []byte(e.ID().String() + "\x00\xff")}
}

// post carries a request out as the API does: claim, effect and answer
// together, or the answer that was given before.
func post(ctx context.Context, o *office.Office, c replay.Claim) (replay.Answer, bool, error) {
	held, given, err := o.Guard.Begin(ctx, c)
	switch {
	case err != nil:
		return replay.Answer{}, false, err
	case given != nil:
		return *given, true, nil
	}
	entry, err := o.Recorder.Record(ctx, fixture.Person("ann"), hour(), func(e timesheet.Entry) (replay.Claim, replay.Answer) { return held, answered(e) })
	return answered(entry), false, err
}

func hour() timesheet.Content {
	c := fixture.Content()
	c.Duration = fixture.Hours("1")
	return c
}

func TestARequestWithAKeyIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	first, replayed, err := post(t.Context(), o, claim("1", "a"))
	if err != nil || replayed {
		t.Fatalf("replayed %v, %v", replayed, err)
	}
	for range 3 {
		again, replayed, err := post(t.Context(), o, claim("1", "a"))
		if err != nil || !replayed {
			t.Fatalf("replayed %v, %v", replayed, err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("(-first +again)\n%s", diff)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM entries`); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestAKeyBelongsToItsOrganisationPrincipalAndRoute(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	claims := []replay.Claim{claim("1", "a"), claim("2", "a"), claim("1", "a"), claim("1", "a"), claim("1", "a")}
	claims[2].Organization, claims[3].Principal, claims[4].Route = "other", fixture.Person("bob").Key(), "POST /v1/imports"
	for i, c := range claims {
		if _, replayed, err := post(t.Context(), o, c); err != nil || replayed {
			t.Errorf("%d: replayed %v, %v", i, replayed, err)
		}
	}
	if n := o.Count(t, `SELECT count(*) FROM entries`); n != len(claims) {
		t.Errorf("%d entries", n)
	}
}

func TestAKeyIsNotForAnotherRequest(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	another := func() {
		t.Helper()
		if _, _, err := post(t.Context(), o, claim("1", "b")); !errors.Is(err, fault.Invalid) || fault.Of(err).Code != "idempotency_key_reused" {
			t.Errorf("got %v", err)
		}
	}
	held, _, err := o.Guard.Begin(t.Context(), claim("1", "a"))
	if err != nil {
		t.Fatal(err)
	}
	another() // while the first is carried out
	if err := o.Guard.Finish(t.Context(), held, replay.Answer{Status: 422, Body: []byte("no")}); err != nil {
		t.Fatal(err)
	}
	another() // once it has an answer
	pass(t, o, 71*time.Hour)
	another() // for as long as it is kept
}

func TestOfRequestsAtOnceOneIsCarriedOut(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	var all sync.WaitGroup
	var noting sync.Mutex
	var answers []string
	carriedOut, busy := 0, 0
	for range 12 {
		all.Go(func() {
			answer, replayed, err := post(t.Context(), o, claim("1", "a"))
			noting.Lock()
			defer noting.Unlock()
			switch {
			case err == nil:
				answers = append(answers, string(answer.Body))
				if !replayed {
					carriedOut++
				}
			case errors.Is(err, fault.Conflict) && fault.Of(err).Code == "idempotency_in_progress" && fault.Of(err).RetryAfter > 0:
				busy++
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if slices.Sort(answers); carriedOut != 1 || len(slices.Compact(answers)) != 1 {
		t.Errorf("%d were carried out, %d found it busy, answers %q", carriedOut, busy, answers)
	}
	if n := o.Count(t, `SELECT count(*) FROM entries`); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestWhichAnswersAreKept(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	for status, kept := range map[int]bool{
		404: true, 409: true, 412: true, 422: true, 400: false, 401: false, 403: false, 408: false, 413: false, 415: false, 428: false, 429: false, 500: false, 503: false,
	} {
		c := claim(fmt.Sprint(status), "a")
		held, given, err := o.Guard.Begin(t.Context(), c)
		if err != nil || given != nil {
			t.Fatal(given, err)
		}
		want := replay.Answer{Status: status, Headers: map[string]string{"Content-Type": "application/problem+json"}, Body: []byte("{}")}
		if err := o.Guard.Finish(t.Context(), held, want); err != nil {
			t.Fatal(err)
		}
		_, given, err = o.Guard.Begin(t.Context(), c)
		if err != nil || (given != nil) != kept {
			t.Errorf("%d: kept %v, %v; want %v", status, given != nil, err, kept)
		}
		if kept {
			if diff := cmp.Diff(&want, given); diff != "" {
				t.Errorf("%d (-want +got)\n%s", status, diff)
			}
		}
	}
}

func TestAKeyWhoseRequestFailedIsFreeForAnyOther(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	held, _, err := o.Guard.Begin(t.Context(), claim("1", "a"))
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Guard.Finish(t.Context(), held, replay.Answer{Status: 403}); err != nil {
		t.Fatal(err)
	}
	if _, replayed, err := post(t.Context(), o, claim("1", "b")); err != nil || replayed {
		t.Errorf("replayed %v, %v", replayed, err)
	}
}

// The answer of an effect is kept with it. Ending the claim once more, as a
// handler does whose answer got lost on the way, changes nothing.
func TestTheAnswerOfAnEffectOutlivesWhateverComesAfter(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	held, _, err := o.Guard.Begin(t.Context(), claim("1", "a"))
	if err != nil {
		t.Fatal(err)
	}
	entry, err := o.Recorder.Record(t.Context(), fixture.Person("ann"), hour(), func(e timesheet.Entry) (replay.Claim, replay.Answer) { return held, answered(e) })
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Guard.Finish(t.Context(), held, replay.Answer{Status: 503}); err != nil {
		t.Fatal(err)
	}
	if answer, replayed, err := post(t.Context(), o, claim("1", "a")); err != nil || !replayed || answer.Status != 201 || string(answer.Body) != string(answered(entry).Body) {
		t.Errorf("%d, replayed %v, %v", answer.Status, replayed, err)
	}
}

// pass lets time go by for every key: the clock of leases is the database's.
func pass(t *testing.T, o *office.Office, d time.Duration) {
	t.Helper()
	o.Exec(t, `UPDATE idempotency_keys SET created_at = created_at - make_interval(secs => $1), lease_until = lease_until - make_interval(secs => $1)`, d.Seconds())
}

// takeover gives the hold of a request that went on for longer than its lease,
// and that of the one that took its key over.
func takeover(t *testing.T, o *office.Office) (former, present replay.Claim) {
	t.Helper()
	former, _, err := o.Guard.Begin(t.Context(), claim("1", "a"))
	if err != nil {
		t.Fatal(err)
	}
	pass(t, o, 20*time.Second)
	if _, _, err := o.Guard.Begin(t.Context(), claim("1", "a")); fault.Of(err).Code != "idempotency_in_progress" {
		t.Fatalf("the lease is 30 s: %v", err)
	}
	pass(t, o, 10*time.Second)
	present, given, err := o.Guard.Begin(t.Context(), claim("1", "a"))
	if err != nil || given != nil {
		t.Fatal(given, err)
	}
	return former, present
}

func TestWhoWasTakenOverHasNoEffect(t *testing.T) {
	t.Parallel()
	settleBoth := func(t *testing.T, o *office.Office, former replay.Claim) {
		t.Helper()
		before := o.Footprint(t)
		_, err := o.Recorder.Record(t.Context(), fixture.Person("ann"), hour(), func(e timesheet.Entry) (replay.Claim, replay.Answer) { return former, answered(e) })
		if !errors.Is(err, fault.Conflict) || fault.Of(err).Code != "idempotency_in_progress" {
			t.Errorf("the effect of the former holder: %v", err)
		}
		if err := o.Guard.Finish(t.Context(), former, replay.Answer{Status: 422}); !errors.Is(err, fault.Conflict) {
			t.Errorf("the answer of the former holder: %v", err)
		}
		if err := o.Guard.Finish(t.Context(), former, replay.Answer{Status: 500}); err != nil {
			t.Errorf("the former holder gives up: %v", err)
		}
		if diff := cmp.Diff(before, o.Footprint(t)); diff != "" {
			t.Errorf("the former holder wrote (-before +after)\n%s", diff)
		}
	}
	t.Run("while the other is at work", func(t *testing.T) {
		t.Parallel()
		o := office.Open(t, office.Settings{})
		former, present := takeover(t, o)
		settleBoth(t, o, former)
		if _, err := o.Recorder.Record(t.Context(), fixture.Person("ann"), hour(), func(e timesheet.Entry) (replay.Claim, replay.Answer) { return present, answered(e) }); err != nil {
			t.Errorf("the present holder: %v", err)
		}
	})
	t.Run("once the other is done", func(t *testing.T) {
		t.Parallel()
		o := office.Open(t, office.Settings{})
		former, present := takeover(t, o)
		if err := o.Guard.Finish(t.Context(), present, replay.Answer{Status: 409}); err != nil {
			t.Fatal(err)
		}
		settleBoth(t, o, former)
	})
	t.Run("once the other has given up and a third has the key", func(t *testing.T) {
		t.Parallel()
		o := office.Open(t, office.Settings{})
		former, present := takeover(t, o)
		if err := o.Guard.Finish(t.Context(), present, replay.Answer{Status: 503}); err != nil {
			t.Fatal(err)
		}
		third, given, err := o.Guard.Begin(t.Context(), claim("1", "another request"))
		if err != nil || given != nil {
			t.Fatal(given, err)
		}
		settleBoth(t, o, former)
		settleBoth(t, o, present)
		if err := o.Guard.Finish(t.Context(), third, replay.Answer{Status: 404}); err != nil {
			t.Errorf("the third: %v", err)
		}
	})
}

func TestAnAnswerIsKeptFor72Hours(t *testing.T) {
	t.Parallel()
	o := office.Open(t, office.Settings{})
	if _, _, err := post(t.Context(), o, claim("1", "a")); err != nil {
		t.Fatal(err)
	}
	other := claim("1", "a")
	other.Organization = "other"
	if _, _, err := post(t.Context(), o, other); err != nil {
		t.Fatal(err)
	}
	pass(t, o, 72*time.Hour-time.Minute)
	if _, replayed, err := post(t.Context(), o, claim("1", "a")); err != nil || !replayed {
		t.Errorf("for 72 hours: replayed %v, %v", replayed, err)
	}
	pass(t, o, time.Minute)
	if _, replayed, err := post(t.Context(), o, claim("1", "b")); err != nil || replayed {
		t.Errorf("later: replayed %v, %v", replayed, err)
	}
	if n := o.Count(t, `SELECT count(*) FROM idempotency_keys WHERE org_id = 'other'`); n != 1 {
		t.Error("one organisation's request forgets the keys of another")
	}
}
