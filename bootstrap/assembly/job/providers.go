package job

import (
	"context"
	"io"
	"time"

	"github.com/cenkalti/backoff/v5"

	"timesheets/adapters/auth0"
	"timesheets/adapters/opentelemetry"
	"timesheets/adapters/timesheetsapi"
	"timesheets/adapters/trackers"
	"timesheets/application/importing"
	"timesheets/bootstrap/assembly"
)

// Clock is the time, as everything here is given it.
func Clock() func() time.Time { return time.Now }

// NewTokens makes the source of access tokens.
func NewTokens(c Config, traces *opentelemetry.Traces, now func() time.Time) (*auth0.TokenSource, error) {
	config := c.tokens()
	config.Now, config.Observe = now, traces.Transport
	return auth0.NewTokenSource(config)
}

// NewUploader makes the client of the API.
func NewUploader(c Config, tokens *auth0.TokenSource, traces *opentelemetry.Traces, now func() time.Time) (*timesheetsapi.Uploader, error) {
	return timesheetsapi.NewUploader(timesheetsapi.Config{URL: c.APIURL, Tokens: tokens, Now: now, Observe: traces.Transport})
}

// OpenTracker opens the tracker that TRACKER names.
func OpenTracker(c Config, stdin io.Reader, traces *opentelemetry.Traces, now func() time.Time) (importing.Tracker, error) {
	tracker, err := c.kind.Open(c.settings, trackers.Surroundings{Source: c.Source, Stdin: stdin, Now: now, Observe: traces.Transport})
	return tracker, assembly.InWords(err, nil)
}

// renewal is how often the job says that it is still at work: three times in
// the 60 seconds that the API keeps others of the source away.
const renewal = 20 * time.Second

// Between two tries the job waits this long, give or take half of it: first,
// and at most.
const (
	firstDelay   = 500 * time.Millisecond
	longestDelay = 30 * time.Second
)

// NewPatience makes the way in which the job tries again.
func NewPatience(now func() time.Time) importing.Patience {
	return importing.Patience{
		Delays: func() func() time.Duration {
			delays := backoff.NewExponentialBackOff()
			delays.InitialInterval, delays.MaxInterval = firstDelay, longestDelay
			delays.RandomizationFactor = 0.5
			return delays.NextBackOff
		},
		Wait: wait,
		Beat: func(ctx context.Context) error { return wait(ctx, renewal) },
		Now:  now,
	}
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
