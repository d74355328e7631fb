package httpapi

import (
	"fmt"
	"net/url"
	"strings"
	"time"
)

// What a request may carry. These are promises to clients, not settings.
const (
	maxHeader = 16 << 10 // bytes of request line and header fields
	maxBody   = 64 << 10 // bytes of a request body, and of one uploaded row
	maxUpload = 8 << 20  // bytes of an upload with a bearer token, also decompressed
)

// Config is what an installation decides. Its zero value is not usable:
// PublicURL, Resource and Issuers must be there.
type Config struct {
	// PublicURL is where clients reach this API, without /v1 and without a
	// slash at the end: https://api.exampleco.com. Problem types, links and
	// the metadata's address begin with it.
	PublicURL string
	// Resource is the API identifier that tokens have as their audience.
	Resource string
	// Issuers are the authorization servers whose tokens are accepted.
	Issuers []string
	// CORSOrigins may call from a browser: exact origins such as
	// https://timesheets.exampleco.com. None: no cross-origin calls.
	CORSOrigins []string
	Limits      Limits
	RateLimits  RateLimits
	Traces      Traces
}

// Limits bounds time and number. A field that is zero gets the default that
// its comment names.
type Limits struct {
	HeaderTimeout time.Duration // from the first byte of a request to the end of its header; 5 s
	BodyTimeout   time.Duration // for the body of a request; 5 s
	UploadTimeout time.Duration // for the body of an upload with a bearer token; 30 s
	IdleTimeout   time.Duration // between two requests of a connection, longer than usual load balancers wait; 75 s
	WriteTimeout  time.Duration // for each write of an answer to a slow reader; 30 s
	LingerTimeout time.Duration // for a refused client to read why, before its connection is closed; 1 s

	RequestDeadline time.Duration // for handling a request once it is read; 5 s
	UploadDeadline  time.Duration // for handling an upload; 30 s
	ExportDeadline  time.Duration // for an export, to its last byte; 10 min

	Connections int // open at once; what comes beyond is told 503; 4,096
	Requests    int // handled at once; the same; 512
	Bodies      int // bodies over 4 KiB, or in chunks, held at once, 64 KiB each; the same; 512
	Uploads     int // bodies over 64 KiB, in chunks or compressed, of uploads, held at once, 8 MiB each and as much again unpacked; the same; 8

	DrainDelay time.Duration // from "not ready" to closing, so that load balancers notice; none by default
}

// RateLimits bounds how often callers may come. Each process counts for itself.
type RateLimits struct {
	Requests Rate // of one principal in one organisation, uploads apart
	Uploads  Rate // of one principal in one organisation
	Failures Rate // refused tokens from one client address; a good token is never held up by it
}

// Rate is a token bucket. The zero value is no limit.
type Rate struct {
	PerSecond float64 // how many come back a second; 0 switches the limit off
	Burst     int     // how many may come at once, at least 1
}

func (r Rate) on() bool { return r.PerSecond > 0 }

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&l.HeaderTimeout, 5 * time.Second},
		{&l.BodyTimeout, 5 * time.Second},
		{&l.UploadTimeout, 30 * time.Second},
		{&l.IdleTimeout, 75 * time.Second},
		{&l.WriteTimeout, 30 * time.Second},
		{&l.LingerTimeout, time.Second},
		{&l.RequestDeadline, 5 * time.Second},
		{&l.UploadDeadline, 30 * time.Second},
		{&l.ExportDeadline, 10 * time.Minute},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	for _, n := range []struct {
		field *int
		value int
	}{
		{&l.Connections, 4096},
		{&l.Requests, 512},
		{&l.Bodies, 512},
		{&l.Uploads, 8},
	} {
		if *n.field == 0 {
			*n.field = n.value
		}
	}
	return l
}

// check says what is wrong with c, everything in one error.
func (c Config) check() error {
	var wrong []string
	if !isBaseURL(c.PublicURL) {
		wrong = append(wrong, fmt.Sprintf("the public URL %q is not an http or https URL without query and without a slash at the end", c.PublicURL))
	}
	if c.Resource == "" {
		wrong = append(wrong, "the API identifier is missing")
	}
	if len(c.Issuers) == 0 {
		wrong = append(wrong, "no issuer is named")
	}
	for _, origin := range c.CORSOrigins {
		if u, err := url.Parse(origin); err != nil || !isBaseURL(origin) || u.Path != "" {
			wrong = append(wrong, fmt.Sprintf("the CORS origin %q is not scheme://host[:port]", origin))
		}
	}
	for _, rate := range []Rate{c.RateLimits.Requests, c.RateLimits.Uploads, c.RateLimits.Failures} {
		if rate.PerSecond < 0 || rate.on() && rate.Burst < 1 {
			wrong = append(wrong, fmt.Sprintf("a rate limit of %g a second needs a burst of at least 1, not %d", rate.PerSecond, rate.Burst))
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("HTTP configuration: %s", strings.Join(wrong, "; "))
	}
	return nil
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && !strings.HasSuffix(s, "/")
}
