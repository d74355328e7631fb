package timesheetsapi

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"timesheets/application/importing"
	"timesheets/domain/fault"
)

// checkURL takes the address of an API: https, or http where the request does
// not leave the machine or the cluster.
func checkURL(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, fault.New(fault.Invalid, "not_a_url", "TIMESHEETS_API_URL must be an address such as https://timesheets.example.com/v1, without user, query or fragment.")
	}
	if u.Scheme == "http" && !inside(u.Hostname()) {
		return nil, fault.New(fault.Invalid, "not_https", "TIMESHEETS_API_URL must begin with https://: http:// is for this machine, private addresses and names inside a cluster.")
	}
	return u, nil
}

func inside(host string) bool {
	if address, err := netip.ParseAddr(host); err == nil {
		return address.IsLoopback() || address.IsPrivate()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".svc") || strings.HasSuffix(host, ".cluster.local") || strings.HasSuffix(host, ".internal")
}

func newHTTPClient(timeout time.Duration, observe func(http.RoundTripper) http.RoundTripper) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = proxy
	transport.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	transport.MaxResponseHeaderBytes = 64 << 10
	var network http.RoundTripper = transport
	if observe != nil {
		network = observe(network)
	}
	return &http.Client{
		Transport:     network,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// proxy leads a request through the environment's proxy if it is sealed: of any
// other a proxy would see the token.
func proxy(r *http.Request) (*url.URL, error) {
	if r.URL.Scheme != "https" {
		return nil, nil // directly
	}
	return http.ProxyFromEnvironment(r)
}

// progress tells how far the sending of a request came.
type progress struct{ connected, sent atomic.Bool }

func (p *progress) trace(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:      func(httptrace.GotConnInfo) { p.connected.Store(true) },
		WroteRequest: func(w httptrace.WroteRequestInfo) { p.sent.Store(w.Err == nil) },
	})
}

// unanswered is the fault for a request without an answer, whose outcome is
// unknown. A connection that was there and went away before the whole body was
// sent is how some servers refuse what is too large.
func (u *Uploader) unanswered(ctx context.Context, err error, sending *progress) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	late, ok := errors.AsType[net.Error](err)
	timedOut := ok && late.Timeout() || ctx.Err() != nil
	if sending.connected.Load() && !sending.sent.Load() && !timedOut {
		return fault.Wrap(err, fault.Unavailable, importing.CutWhileSending, "The API at %s hung up while it was sent a batch.", u.host)
	}
	return fault.Wrap(err, fault.Unavailable, "api_unreachable", "The API at %s cannot be reached, or does not answer in time.", u.host)
}

// furthest is the longest wait that a header can ask for: more is more than
// any run lasts.
const furthest = 366 * 24 * time.Hour

// retryAfter reads the header Retry-After, seconds or an HTTP date (RFC 9110,
// section 10.2.3); 0 when there is none or none that can be read.
func (u *Uploader) retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	// What is out of range is the largest number.
	if seconds, err := strconv.ParseUint(value, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, uint64(furthest/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return min(max(at.Sub(u.now()), 0), furthest)
	}
	return 0
}
