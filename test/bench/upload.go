package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	rowsARequest = 5000
	inFlight     = 2
)

// client speaks to an API as the importer does.
type client struct {
	base, token string
	http        *http.Client
}

func newClient(base, token string) *client {
	return &client{base, token, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}, Timeout: 2 * time.Minute}}
}

// counts are those of a report, and of an import.
type counts struct {
	Received, Created, Updated, Unchanged, Conflicts, Rejected int
}

func (c *counts) add(d counts) {
	c.Received += d.Received
	c.Created += d.Created
	c.Updated += d.Updated
	c.Unchanged += d.Unchanged
	c.Conflicts += d.Conflicts
	c.Rejected += d.Rejected
}

// errOverloaded is a 503: the request may be sent again.
var errOverloaded = errors.New("the API is overloaded (503)")

// send posts a body and reads the answer, which must be a success.
func (c *client) send(ctx context.Context, path string, body []byte, header http.Header, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	maps.Copy(request.Header, header)
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	answer, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode == http.StatusServiceUnavailable {
		return errOverloaded
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("%s: %s: %.400s", path, answer.Status, text)
	}
	return json.Unmarshal(text, into)
}

// load imports all rows as one run, and says how long that took, from the
// run's start to its end.
func (c *client) load(ctx context.Context, source string, r rows) (counts, time.Duration, error) {
	began := time.Now()
	var run struct {
		ID    string
		Fence int64
	}
	if err := c.send(ctx, "/imports", []byte(fmt.Sprintf(`{"source":%q,"mode":"upsert","from":%q,"to":%q}`, source, r.day(0).String(), r.day(r.count-1).String())), nil, &run); err != nil {
		return counts{}, 0, err
	}
	fenced := http.Header{"Import-Fence": {strconv.FormatInt(run.Fence, 10)}}
	sum, err := c.batches(ctx, r, fenced, func(part int) string {
		return "/timesheets/upload?results=problems&import_id=" + run.ID + "&part=" + strconv.Itoa(part)
	})
	if err != nil {
		return sum, 0, err
	}
	var completed counts
	if err := c.send(ctx, "/imports/"+run.ID+"/complete", []byte(`{}`), fenced, &completed); err != nil {
		return sum, 0, err
	}
	took := time.Since(began)
	if completed != sum {
		return sum, took, fmt.Errorf("the run counts %+v, its parts %+v", completed, sum)
	}
	return sum, took, nil
}

// batches posts all rows, rowsARequest at a time, inFlight at once, each to
// the path of its number from 1.
func (c *client) batches(ctx context.Context, r rows, header http.Header, path func(part int) string) (counts, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		mu      sync.Mutex
		sum     counts
		next    int
		sending sync.WaitGroup
	)
	for range inFlight {
		sending.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				from := next * rowsARequest
				next++
				part := next
				mu.Unlock()
				if from >= r.count {
					return
				}
				var report counts
				if err := c.send(ctx, path(part), r.array(from, min(from+rowsARequest, r.count)), header, &report); err != nil {
					cancel(err)
					return
				}
				mu.Lock()
				sum.add(report)
				mu.Unlock()
			}
		})
	}
	sending.Wait()
	if err := context.Cause(ctx); err != nil {
		return sum, err
	}
	if sum.Received != r.count {
		return sum, errors.New("rows got lost on the way: " + strconv.Itoa(sum.Received) + " arrived")
	}
	return sum, nil
}
