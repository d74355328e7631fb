// Package collectortest is an OpenTelemetry collector for tests: it takes OTLP
// over HTTP on a real socket, and keeps what it is sent.
package collectortest

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// patience is how long a test waits for a span.
const patience = 30 * time.Second

// Span is a span as it arrived. Ids are in hexadecimal; Parent is "" for a root.
type Span struct {
	Name              string
	Kind              string // INTERNAL, SERVER or CLIENT
	Trace, ID, Parent string
	Attributes        map[string]any
	Failed            bool
	Status            string
	Resource          map[string]any
	Began, Ended      time.Time
}

// Collector is a collector.
type Collector struct {
	// URL is the address for OTEL_EXPORTER_OTLP_ENDPOINT.
	URL string

	mu      sync.Mutex
	arrived chan struct{} // closed and made anew with every request
	spans   []Span
	bodies  [][]byte // unpacked
	headers []http.Header
	refuse  []int
}

// New starts a collector that ends with the test.
func New(t testing.TB) *Collector {
	t.Helper()
	c := &Collector{arrived: make(chan struct{})}
	socket := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		code, text := c.take(r)
		if code != http.StatusOK {
			http.Error(w, text, code)
			return
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(socket.Close)
	c.URL = socket.URL
	return c
}

// Refuse answers the next requests with these statuses.
func (c *Collector) Refuse(statuses ...int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refuse = append(c.refuse, statuses...)
}

func (c *Collector) take(r *http.Request) (status int, text string) {
	body, err := readBody(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	defer func() {
		close(c.arrived)
		c.arrived = make(chan struct{})
	}()
	c.headers = append(c.headers, r.Header.Clone())
	if len(c.refuse) > 0 {
		status, c.refuse = c.refuse[0], c.refuse[1:]
		return status, "not now"
	}
	if r.Method != http.MethodPost || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return http.StatusNotFound, "this is not how traces are sent"
	}
	var data tracepb.TracesData
	if err == nil {
		err = proto.Unmarshal(body, &data)
	}
	if err != nil {
		return http.StatusBadRequest, err.Error()
	}
	c.bodies = append(c.bodies, body)
	for _, of := range data.GetResourceSpans() {
		for _, in := range of.GetScopeSpans() {
			for _, span := range in.GetSpans() {
				c.spans = append(c.spans, spanOf(span, attributes(of.GetResource().GetAttributes())))
			}
		}
	}
	return http.StatusOK, ""
}

func readBody(r *http.Request) ([]byte, error) {
	from := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		packed, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		from = packed
	}
	return io.ReadAll(from)
}

func spanOf(s *tracepb.Span, resource map[string]any) Span {
	return Span{
		Name: s.GetName(), Kind: s.GetKind().String()[len("SPAN_KIND_"):],
		Trace: hex.EncodeToString(s.GetTraceId()), ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Attributes: attributes(s.GetAttributes()), Resource: resource,
		Failed: s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR, Status: s.GetStatus().GetMessage(),
		Began: time.Unix(0, int64(s.GetStartTimeUnixNano())), Ended: time.Unix(0, int64(s.GetEndTimeUnixNano())),
	}
}

func attributes(list []*commonpb.KeyValue) map[string]any {
	found := make(map[string]any, len(list))
	for _, a := range list {
		switch v := a.GetValue().GetValue().(type) {
		case *commonpb.AnyValue_StringValue:
			found[a.GetKey()] = v.StringValue
		case *commonpb.AnyValue_IntValue:
			found[a.GetKey()] = int(v.IntValue)
		case *commonpb.AnyValue_BoolValue:
			found[a.GetKey()] = v.BoolValue
		default:
			found[a.GetKey()] = a.GetValue().String()
		}
	}
	return found
}

// Spans gives what has arrived.
func (c *Collector) Spans() []Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Span(nil), c.spans...)
}

// Requests gives the headers of all requests.
func (c *Collector) Requests() []http.Header {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]http.Header(nil), c.headers...)
}

// Has tells whether the text is anywhere in what was sent: in a name, an
// attribute, a status or an event.
func (c *Collector) Has(text string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, body := range c.bodies {
		if bytes.Contains(body, []byte(text)) {
			return true
		}
	}
	return false
}

// Await waits until enough says so of what has arrived.
func (c *Collector) Await(t testing.TB, what string, enough func() bool) {
	t.Helper()
	late := time.After(patience)
	for {
		c.mu.Lock()
		arrived := c.arrived
		c.mu.Unlock()
		if enough() {
			return
		}
		select {
		case <-arrived:
		case <-late:
			t.Fatalf("%s: not after %s", what, patience)
		}
	}
}

// Find gives the first span that is meant, which must be there.
func (c *Collector) Find(t testing.TB, what string, meant func(Span) bool) Span {
	t.Helper()
	for _, s := range c.Spans() {
		if meant(s) {
			return s
		}
	}
	t.Fatalf("there is no span: %s", what)
	return Span{}
}
