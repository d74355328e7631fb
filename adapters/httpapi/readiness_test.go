package httpapi

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func servingChecks(t *testing.T, checks ...Check) *running {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return servingOn(t, ln, configured(), checks)
}

func there(context.Context) error   { return nil }
func missing(context.Context) error { return errors.New("dial tcp: secret.internal refused") }

func TestReadinessNamesWhatIsMissingAndLivenessDoesNotCare(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		checks []Check
		names  string
	}{
		{"nothing to ask", nil, ""},
		{"all is there", []Check{{"database", there}, {"signing keys", there}}, ""},
		{"one is missing", []Check{{"database", missing}, {"signing keys", there}}, "database"},
		{"all is missing", []Check{{"database", missing}, {"signing keys", missing}}, "database, signing keys"},
	} {
		r := servingChecks(t, tt.checks...)
		if got := r.call(t, "GET", "/healthz", "", ""); got.StatusCode != 200 || string(got.body) != `{"status":"ok"}` {
			t.Errorf("%s: liveness %d %s", tt.name, got.StatusCode, got.body)
		}
		got := r.call(t, "GET", "/readyz", "", "", "X-Request-Id", "mine")
		if tt.names == "" {
			if got.StatusCode != 200 || string(got.body) != `{"status":"ok"}` {
				t.Errorf("%s: %d %s", tt.name, got.StatusCode, got.body)
			}
			continue
		}
		p := got.problem(t)
		if got.StatusCode != 503 || p.Code != "not_ready" || object(t, got.body)["not_ready"] != tt.names || got.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %d %s", tt.name, got.StatusCode, got.body)
		}
		if strings.Contains(string(got.body), "secret") {
			t.Errorf("%s: the reason is told: %s", tt.name, got.body)
		}
		if line := r.log.of(t, "mine"); line["level"] != "WARN" || !strings.Contains(line["err"].(string), "secret.internal") {
			t.Errorf("%s: the reason is not logged: %v", tt.name, line)
		}
	}
}

func TestAFloodOfProbesAsksOnceASecond(t *testing.T) {
	t.Parallel()
	var asked, clock atomic.Int64
	entered, leave := make(chan struct{}), make(chan struct{})
	r := &readiness{
		now: func() time.Time { return time.Unix(0, clock.Load()) },
		checks: []Check{{"database", func(context.Context) error {
			if asked.Add(1) == 1 {
				close(entered)
				<-leave
				return nil
			}
			return errors.New("gone")
		}}},
	}
	var flood sync.WaitGroup
	for range 100 {
		flood.Go(func() {
			if err := r.check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	<-entered
	close(leave)
	flood.Wait()
	clock.Add(int64(checkEvery) - 1)
	if err := r.check(t.Context()); err != nil || asked.Load() != 1 {
		t.Errorf("within a second: %v after %d", err, asked.Load())
	}
	clock.Add(1)
	if err := r.check(t.Context()); err == nil || asked.Load() != 2 {
		t.Errorf("a second later: %v after %d", err, asked.Load())
	}
}

// Those who came while it hung have its result; none of them asks in turn.
func TestACheckThatHangsIsAskedOnceForAllWhoWait(t *testing.T) {
	t.Parallel()
	var asked, clock atomic.Int64
	r := &readiness{
		now: func() time.Time { return time.Unix(0, clock.Load()) },
		checks: []Check{{"database", func(context.Context) error {
			asked.Add(1)
			clock.Add(int64(checkTimeout))
			return context.DeadlineExceeded
		}}},
	}
	var waiting sync.WaitGroup
	for range 12 {
		waiting.Go(func() {
			if err := r.check(t.Context()); inShort(err) != "unavailable not_ready" {
				t.Errorf("got %v", err)
			}
		})
	}
	waiting.Wait()
	if asked.Load() != 1 {
		t.Errorf("12 probes asked %d times", asked.Load())
	}
	clock.Add(int64(checkEvery))
	if err := r.check(t.Context()); err == nil || asked.Load() != 2 {
		t.Errorf("a second later: %v after %d", err, asked.Load())
	}
}

func TestACheckThatHangsIsMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &readiness{now: time.Now, checks: []Check{{"database", func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}}}
		began := time.Now()
		if err := r.check(t.Context()); inShort(err) != "unavailable not_ready" {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != checkTimeout {
			t.Errorf("waited %s, want %s", took, checkTimeout)
		}
	})
}
