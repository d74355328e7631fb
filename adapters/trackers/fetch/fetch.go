// Package fetch gets JSON from a tracker over HTTP: from one host, which the
// operator named, never redirected, bounded in time and size, and with every
// failure told apart into what may pass and what only a person can mend.
package fetch

import (
	"context"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"timesheets/adapters/trackers/settings"
	"timesheets/domain/fault"
)

const (
	// maxBody bounds one answer, in bytes: pages of 500 entries have 1 to 2 MB.
	maxBody = 32 << 20
	// timeout bounds one request, from dialling to the last byte of the answer.
	timeout = 90 * time.Second
	// maxHeader bounds the header of an answer, in bytes.
	maxHeader = 64 << 10
)

// Client asks one tracker.
type Client struct {
	base   *url.URL
	header http.Header
	now    func() time.Time
	http   *http.Client
}

// Base reads the address of a tracker from the setting called name. It has to
// be https, since a token travels with every request; http is for this machine
// only.
func Base(name, address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" {
		return nil, settings.About(name, fault.New(fault.Invalid, "not_a_url", "%s must be an address such as https://tracker.example.com, without user, query or fragment.", name))
	}
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
		return nil, settings.About(name, fault.New(fault.Invalid, "not_https", "%s must begin with https://, since it is sent a token. http:// is for this machine's own addresses only.", name))
	}
	u.Path = strings.TrimRight(u.Path, "/")
	u.RawPath = ""
	return u, nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

// New makes a client for the address that Base gave. header goes with every
// request, to base's host and to no other; observe surrounds each, nil for
// nobody.
func New(base *url.URL, header http.Header, now func() time.Time, observe func(http.RoundTripper) http.RoundTripper) *Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxResponseHeaderBytes = maxHeader
	transport.ResponseHeaderTimeout = timeout
	transport.DialContext = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	var network http.RoundTripper = transport
	if observe != nil {
		network = observe(network)
	}
	return &Client{base: base, header: header, now: now, http: &http.Client{
		Transport:     network,
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Answer is what a tracker said, with the status 200 and the type JSON. Its
// body ends with an error after 32 MiB; close it.
type Answer struct {
	Header http.Header
	Body   io.ReadCloser
}

// Get asks for base's path followed by path. Any answer but a 200 of JSON is a
// fault.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (Answer, error) {
	u := *c.base
	u.Path += path
	u.RawQuery = query.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return Answer{}, fault.Wrap(err, fault.Invalid, "not_a_url", "The tracker's address cannot be used.")
	}
	request.Header = c.header.Clone()
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "timesheets-importer")
	response, err := c.http.Do(request)
	if err != nil {
		return Answer{}, fault.Wrap(withoutURL(err), fault.Unavailable, "tracker_unreachable", "The tracker at %s cannot be reached or does not answer in time.", c.base.Host)
	}
	if err := c.refusal(response); err != nil {
		response.Body.Close()
		return Answer{}, err
	}
	return Answer{response.Header, &bounded{response.Body, maxBody}}, nil
}

// refusal is nil for a 200 of JSON.
func (c *Client) refusal(r *http.Response) error {
	switch status := r.StatusCode; {
	case status == http.StatusOK:
		return json(r, c.base.Host)
	case status == http.StatusUnauthorized:
		return fault.New(fault.Unauthenticated, "tracker_401", "The tracker does not accept the token (401). Set a valid one.")
	case status == http.StatusForbidden:
		return fault.New(fault.Forbidden, "tracker_403", "The tracker's token may not read this (403). Give its user the permission, or set another token.")
	case status == http.StatusNotFound, status == http.StatusGone:
		return fault.New(fault.NotFound, "tracker_404", "The tracker at %s has nothing at %s (%d). Check the address.", c.base.Host, r.Request.URL.Path, status)
	case status == http.StatusTooManyRequests:
		return fault.New(fault.Exhausted, "tracker_429", "The tracker asks for fewer requests (429).").After(c.retryAfter(r.Header))
	case status == http.StatusRequestTimeout, status >= 500:
		return fault.New(fault.Unavailable, "tracker_5xx", "The tracker has a problem of its own (%d).", status).After(c.retryAfter(r.Header))
	case status >= 300 && status < 400:
		return fault.New(fault.Invalid, "tracker_redirects", "The tracker at %s sends us elsewhere (%d), and a token is not carried there. Set its final address.", c.base.Host, status)
	default:
		return fault.New(fault.Invalid, "tracker_4xx", "The tracker refuses the request (%d).", status)
	}
}

// json is nil when the answer says that it is JSON in UTF-8 (RFC 8259, section
// 8.1).
func json(r *http.Response, host string) error {
	kind, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := strings.ToLower(parameters["charset"])
	if err != nil || kind != "application/json" || charset != "" && charset != "utf-8" {
		return fault.New(fault.Unavailable, "tracker_not_json", "The tracker at %s answers with something else than JSON: a login page or a proxy may stand in between.", host)
	}
	return nil
}

// withoutURL takes the address, whose query may be private, out of an error.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// bounded is a body that ends with an error when it goes on too long.
type bounded struct {
	io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the answer has more than 32 MiB")
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
