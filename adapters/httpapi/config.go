package httpapi

import (
	"errors"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"timesheets/domain/fault"
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
	UploadDeadline  time.Duration // for handling an upload, or what else does many rows at once; 30 s
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

// Check says what is wrong with c, everything at once.
func (c Config) Check() error {
	var mistakes []error
	mistake := func(code, format string, args ...any) {
		mistakes = append(mistakes, fault.New(fault.Invalid, code, format, args...))
	}
	if !isBaseURL(c.PublicURL) {
		mistake("http_public_url", "The public URL %q is not an http or https URL without query and without a slash at the end.", c.PublicURL)
	}
	if c.Resource == "" {
		mistake("http_resource", "The API identifier is missing.")
	}
	if len(c.Issuers) == 0 {
		mistake("http_issuers", "No issuer is named.")
	}
	if wrong := slices.DeleteFunc(slices.Clone(c.CORSOrigins), isOrigin); len(wrong) > 0 {
		mistake("http_cors_origins", "CORS origins are scheme://host[:port], unlike %q.", wrong)
	}
	for _, limit := range []struct {
		code string
		rate Rate
	}{
		{"http_rate_limit_requests", c.RateLimits.Requests},
		{"http_rate_limit_uploads", c.RateLimits.Uploads},
		{"http_rate_limit_failures", c.RateLimits.Failures},
	} {
		switch r := limit.rate; {
		case math.IsNaN(r.PerSecond) || math.IsInf(r.PerSecond, 0) || r.PerSecond < 0:
			mistake(limit.code, "A rate limit is a number a second, and 0 is none; it cannot be %g.", r.PerSecond)
		case r.on() && r.Burst < 1:
			mistake(limit.code+"_burst", "A rate limit of %g a second needs a burst of at least 1, not %d.", r.PerSecond, r.Burst)
		}
	}
	if c.Limits.DrainDelay < 0 {
		mistake("http_drain_delay", "The delay before closing cannot be negative, as %s is.", c.Limits.DrainDelay)
	}
	return errors.Join(mistakes...)
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil &&
		u.RawQuery == "" && u.Fragment == "" && !strings.HasSuffix(s, "/")
}

func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && isBaseURL(s) && u.Path == ""
}
