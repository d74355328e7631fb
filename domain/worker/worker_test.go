package worker_test

import (
	"slices"
	"testing"
	"time"

	"timesheets/domain/worker"
	"timesheets/test/fixture"
)

func ann() worker.Worker {
	return worker.Worker{
		UserID: "ann", Kind: worker.Employee, Name: "Ann", Email: "ann@example.com", ActiveFrom: fixture.Day("2026-01-01"), ActiveTo: fixture.Day("2026-12-31"),
		Identities: []worker.Identity{{Source: "kimai", ID: "7"}, {Source: "toggl", ID: "70"}, {Source: "kimai", ID: "8"}},
	}
}

func TestWorkersSayTheSameWhateverTheirVersions(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*worker.Worker){
		"nothing": func(*worker.Worker) {},
		"another version, another time": func(w *worker.Worker) {
			w.Version, w.CreatedAt, w.UpdatedAt = 7, fixture.Now, fixture.Now.Add(time.Hour)
		},
		"identities in another order":    func(w *worker.Worker) { slices.Reverse(w.Identities) },
		"identities in their own slices": func(w *worker.Worker) { w.Identities = slices.Clone(w.Identities) },
	} {
		w := ann()
		edit(&w)
		if !w.Same(ann()) || !ann().Same(w) {
			t.Errorf("%s makes a difference", name)
		}
	}
	if !(worker.Worker{}).Same(worker.Worker{Identities: []worker.Identity{}}) {
		t.Error("no identities and none differ")
	}
}

func TestAnyOtherDifferenceIsOne(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*worker.Worker){
		"user id":               func(w *worker.Worker) { w.UserID = "Ann" },
		"kind":                  func(w *worker.Worker) { w.Kind = worker.Contractor },
		"name":                  func(w *worker.Worker) { w.Name = "Ann B." },
		"email":                 func(w *worker.Worker) { w.Email = "" },
		"active from":           func(w *worker.Worker) { w.ActiveFrom = w.ActiveFrom.Add(1) },
		"active to":             func(w *worker.Worker) { w.ActiveTo = fixture.Day("1970-01-01") },
		"one identity less":     func(w *worker.Worker) { w.Identities = w.Identities[:2] },
		"no identity":           func(w *worker.Worker) { w.Identities = nil },
		"source and id swapped": func(w *worker.Worker) { w.Identities[0] = worker.Identity{Source: "7", ID: "kimai"} },
		"an identity's source":  func(w *worker.Worker) { w.Identities[0].Source = "toggl" },
		"an identity's id":      func(w *worker.Worker) { w.Identities[0].ID = "9" },
	} {
		w := ann()
		edit(&w)
		if w.Same(ann()) || ann().Same(w) {
			t.Errorf("another %s makes no difference", name)
		}
	}
}

func TestComparingLeavesTheOrderAlone(t *testing.T) {
	t.Parallel()
	w := ann()
	w.Same(ann())
	if !slices.Equal(w.Identities, ann().Identities) {
		t.Errorf("got %v", w.Identities)
	}
}

func TestAnAddressHasOneSpelling(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"": "", "ann@example.com": "ann@example.com", "Ann.B@Example.COM": "ann.b@example.com", "\u212aim@example.com": "\u212aim@example.com",
		"\u0130@EXAMPLE.com": "\u0130@example.com", "\xffA@x": "\xffa@x", "No Address": "No Address",
	} {
		if got := worker.CanonicalEmail(written); got != want || worker.CanonicalEmail(got) != got {
			t.Errorf("%q became %q, want %q", written, got, want)
		}
	}
}
