package opentelemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

const (
	userAgent = "timesheets-otlp"
	maxAnswer = 64 << 10 // bytes of a collector's answer that are read
)

// client posts spans to a collector, as the OTLP specification says.
type client struct {
	endpoint string
	host     string // which may be shown: neither header nor query
	header   http.Header
	timeout  time.Duration
	gzip     bool
	now      func() time.Time
	http     *http.Client

	life context.Context // of every request
	end  context.CancelFunc
}

func newClient(c Config) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = c.TLS
	transport.MaxResponseHeaderBytes = maxAnswer
	to := &client{
		endpoint: c.Endpoint.String(), host: c.Endpoint.Host, header: c.Header.Clone(), timeout: c.Timeout, gzip: c.Gzip, now: c.Now,
		http: &http.Client{
			Transport: transport,
			// The header is for the collector and nobody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if to.header == nil {
		to.header = http.Header{}
	}
	to.header.Set("Content-Type", "application/x-protobuf")
	to.header.Set("User-Agent", userAgent)
	if c.Gzip {
		to.header.Set("Content-Encoding", "gzip")
	}
	to.life, to.end = context.WithCancel(context.Background())
	return to
}

// Start is part of otlptrace.Client.
func (*client) Start(context.Context) error { return nil }

// Stop is part of otlptrace.Client.
func (c *client) Stop(context.Context) error {
	c.http.CloseIdleConnections()
	return nil
}

// UploadTraces sends one batch. Where the collector asks for it, it is sent
// again until the time is up.
func (c *client) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	body, err := c.encode(spans)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	delays := backoff.NewExponentialBackOff()
	for {
		again, err := c.post(ctx, body)
		if err == nil || again < 0 {
			return err
		}
		wait := time.NewTimer(max(again, delays.NextBackOff()))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return err
		}
	}
}

// encode writes the request. TracesData is an ExportTraceServiceRequest on the
// wire, and comes without the server of one.
func (c *client) encode(spans []*tracepb.ResourceSpans) ([]byte, error) {
	body, err := proto.Marshal(&tracepb.TracesData{ResourceSpans: spans})
	if err != nil || !c.gzip {
		return body, err
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}

// post makes one request. again is how long to wait at least before the next
// one; negative when there is to be none. The error shows nothing that was
// sent.
func (c *client) post(ctx context.Context, body []byte) (again time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, bytes.NewReader(body))
	if err != nil {
		return -1, errors.New("the collector's address cannot be used")
	}
	request.Header = c.header
	answer, err := c.http.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err // without the address, whose query may hold a key
		}
		return -1, fmt.Errorf("the collector at %s does not answer: %w", c.host, err)
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // so that the connection serves again
	switch code := answer.StatusCode; code {
	case http.StatusOK, http.StatusAccepted, http.StatusNoContent:
		return 0, nil
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return c.retryAfter(answer.Header), fmt.Errorf("the collector at %s answers %d", c.host, code)
	default:
		return -1, fmt.Errorf("the collector at %s answers %d", c.host, code)
	}
}

func (c *client) retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 16); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(at.Sub(c.now()), 0)
	}
	return 0
}
