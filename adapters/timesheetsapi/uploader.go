package timesheetsapi

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// Tokens gives the access tokens that requests carry.
type Tokens interface {
	// Token gives one that counts now.
	Token(ctx context.Context) (string, error)
	// Invalidate forgets token, which the API refused, so that the next Token
	// gives another.
	Invalidate(token string)
}

// Config is what an Uploader must know.
type Config struct {
	URL     string // of the API, up to and with /v1
	Tokens  Tokens
	Now     func() time.Time
	Timeout time.Duration // of one request with its answer; 0 is 2 minutes
	// Observe surrounds every request; nil for nobody.
	Observe func(http.RoundTripper) http.RoundTripper
}

// Uploader holds runs and uploads their batches. It tries nothing again but a
// refused token; it is safe for concurrent use.
type Uploader struct {
	client *Client
	host   string
	tokens Tokens
	now    func() time.Time
}

var (
	_ importing.Timesheets = (*Uploader)(nil)
	_ importing.Runs       = (*Uploader)(nil)
)

// NewUploader checks c and makes an Uploader, without asking the network
// anything.
func NewUploader(c Config) (*Uploader, error) {
	base, err := checkURL(c.URL)
	if err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = 2 * time.Minute
	}
	client, err := NewClient(base.String(), WithHTTPClient(newHTTPClient(c.Timeout, c.Observe)))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "not_a_url", "TIMESHEETS_API_URL cannot be used.")
	}
	return &Uploader{client: client, host: base.Host, tokens: c.Tokens, now: c.Now}, nil
}

// Upload sends one batch as one JSON array.
func (u *Uploader) Upload(ctx context.Context, batch importing.Batch) (importing.Report, error) {
	id, err := idOf(batch.Run)
	if err != nil {
		return importing.Report{}, err
	}
	results := Problems
	if batch.DryRun {
		results = All
	}
	return u.upload(ctx, &UploadTimesheetsParams{ImportID: &id, Part: &batch.Part, ImportFence: &batch.Run.Fence, Results: &results}, array(batch.Rows))
}

// Check asks the API for its verdict on no rows at all: that shows whether the
// address, the token and its scope are right. It changes nothing.
func (u *Uploader) Check(ctx context.Context) error {
	dryRun, results := true, None
	_, err := u.upload(ctx, &UploadTimesheetsParams{DryRun: &dryRun, Results: &results}, array(nil))
	return err
}

func (u *Uploader) upload(ctx context.Context, params *UploadTimesheetsParams, body []byte) (importing.Report, error) {
	var report UploadReport
	err := u.call(ctx, http.StatusOK, &report, func(ctx context.Context, sign RequestEditorFn) (*http.Response, error) {
		return u.client.UploadTimesheetsWithBody(ctx, params, "application/json", bytes.NewReader(body), sign)
	})
	if err != nil {
		return importing.Report{}, err
	}
	return reportOf(report), nil
}

// call makes one request and reads its answer, which is to have the status. A
// token that the API calls invalid is replaced once: it may have been revoked,
// or signed with a key that is gone.
func (u *Uploader) call(ctx context.Context, status int, into any, send func(context.Context, RequestEditorFn) (*http.Response, error)) error {
	for again := false; ; again = true {
		token, err := u.tokens.Token(ctx)
		if err != nil {
			return err
		}
		var sending progress
		answer, err := send(sending.trace(ctx), func(_ context.Context, r *http.Request) error {
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Accept", "application/json, application/problem+json")
			r.Header.Set("User-Agent", "timesheets-importer")
			return nil
		})
		if err != nil {
			return u.unanswered(ctx, err, &sending)
		}
		err = u.read(answer, status, into)
		answer.Body.Close()
		if f := fault.Of(err); f != nil && f.Code == "invalid_token" && f.Kind == fault.Unauthenticated && !again {
			u.tokens.Invalidate(token)
			continue
		}
		return err
	}
}

// array joins rows to a JSON array.
func array(rows [][]byte) []byte {
	size := 2 + len(rows)
	for _, row := range rows {
		size += len(row)
	}
	body := append(make([]byte, 0, size), '[')
	body = append(body, bytes.Join(rows, []byte{','})...)
	return append(body, ']')
}
