package importing_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"timesheets/application/importing"
	"timesheets/test/fixture"
	"timesheets/test/trackertest"
	"timesheets/test/uploadtest"
)

// TestHoweverTheNetworkFailsEveryEntryLandsOnce has many requests, to the
// tracker and to the API, fail in one of many ways, at random.
func TestHoweverTheNetworkFailsEveryEntryLandsOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t)
			w.kimai.Limit(50)
			ofTracker := []trackertest.Misdeed{nil, nil, nil, trackertest.Status(500, ""), trackertest.Status(429, "1"), trackertest.CutShort, trackertest.CutJSON, trackertest.LoginPage}
			ofAPI := []uploadtest.Misdeed{nil, uploadtest.LoseAnswer, uploadtest.HangUp, uploadtest.Status(503, "overloaded", "2"), uploadtest.Status(413, "body_too_large", ""), uploadtest.Answer(502, "text/html", "<h1>")}
			for range 15 {
				w.kimai.Misbehave(ofTracker[random.IntN(len(ofTracker))], nil) // six in a row would end the run
				w.api.Misbehave(ofAPI[random.IntN(len(ofAPI))])
			}
			s := w.mustRun(t, importing.Options{})
			all := len(w.kimai.IDs()) - 1
			if s.Read != all || s.Rejected != 4 || s.Created+s.Updated+s.Unchanged != all-4 || len(w.api.Entries()) != all-4 {
				t.Errorf("%+v with %d entries of %d", s.Counts, len(w.api.Entries()), all-4)
			}
			again := w.mustRun(t, importing.Options{})
			if diff := cmp.Diff(importing.Counts{Unchanged: all - 4, Rejected: 4}, again.Counts); diff != "" {
				t.Errorf("again: %s", diff)
			}
		})
	}
}

// swallow is an API that takes every row and keeps none. It keeps the most
// memory, in bytes, that the process had in use when a request was answered.
type swallow struct{ most atomic.Uint64 }

func (s *swallow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rows, chunk := 0, make([]byte, 64<<10)
	for {
		n, err := r.Body.Read(chunk)
		rows += bytes.Count(chunk[:n], []byte{'{'})
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	for most := s.most.Load(); m.HeapInuse > most && !s.most.CompareAndSwap(most, m.HeapInuse); most = s.most.Load() {
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"received":%d,"created":%[1]d,"updated":0,"unchanged":0,"conflicts":0,"rejected":0,"results":[]}`, rows)
}

func TestAFeedOfAnyLengthNeedsTheSameMemory(t *testing.T) { //nolint:paralleltest // it weighs the whole process
	fixture.Long(t)
	const entries, bound = 250_000, 48 << 20
	weighed := &swallow{}
	api := uploadtest.New(token)
	api.Uploads = weighed
	api.MisbehaveAt(uploadtest.Complete, uploadtest.Answer(200, "application/json", fmt.Sprintf(`{"received":%d}`, entries)))
	s, err := pour(t, flood{entries: entries, page: 500, text: "A sentence such as people write."}, api, &patience{}, importing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if most := weighed.most.Load(); s.Created != entries || most > bound {
		t.Errorf("%d rows took %d MiB", s.Created, most>>20)
	}
}

func TestASummaryIsBoundedWhateverTheTrackerHolds(t *testing.T) {
	t.Parallel()
	fixture.Long(t)
	w := newWorld(t)
	w.tracker = crowd{flood{entries: 24_000, page: 1000}}
	w.api.Forget = true
	s := w.mustRun(t, importing.Options{DryRun: true})
	if len(s.Hours) > 10_001 || len(s.Changes) > 200 || len(s.Problems) > 200 || len(s.Codes) > 51 {
		t.Errorf("%d hours, %d changes, %d problems, %d codes", len(s.Hours), len(s.Changes), len(s.Problems), len(s.Codes))
	}
	entries := 0
	for _, h := range s.Hours {
		entries += h.Entries
	}
	if entries != 12_000 || s.Hours[0].Worker != importing.Others || s.Hours[0].Entries < 2000 {
		t.Errorf("the hours are of %d entries, want 12000, and begin with %+v", entries, s.Hours[0])
	}
}

// crowd is a flood in which every entry is somebody else's, and every other
// one is wrong.
type crowd struct{ flood }

func (c crowd) Page(ctx context.Context, w importing.Window, cursor string) (importing.Page, error) {
	page, err := c.flood.Page(ctx, w, cursor)
	for i := range page.Rows {
		page.Rows[i].UserID = "worker-" + page.Rows[i].ExternalID
		if i%2 == 0 {
			page.Rows[i].Project = ""
		}
	}
	return page, err
}
