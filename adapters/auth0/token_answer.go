package auth0

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"golang.org/x/oauth2"

	"timesheets/domain/fault"
)

// lifetime is how long a granted token lives. One that does not say so, or
// says nonsense, is taken to be short-lived rather than everlasting.
func lifetime(answer *oauth2.Token) time.Duration {
	var seconds float64
	switch v := answer.Extra("expires_in").(type) {
	case float64:
		seconds = v
	case string: // some issuers quote it
		seconds, _ = strconv.ParseFloat(v, 64)
	}
	if !(seconds > 0) {
		return shortLife
	}
	return time.Duration(min(seconds, longestLife.Seconds()) * float64(time.Second))
}

// bearerToken tells whether token may stand in an Authorization header (b64token,
// RFC 6750, section 2.1).
func bearerToken(token string) bool {
	return len(token) <= MaxTokenLength && b64token.MatchString(token)
}

var (
	b64token   = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)
	oauthError = regexp.MustCompile(`^[a-z_]{1,64}$`) // what of an error code goes to the log
)

// tokenFault says what a failed request for a token means. Of the answer it
// keeps the status and the error code: descriptions change, and may repeat
// what was sent.
func tokenFault(err error, now time.Time) *fault.Error {
	answered, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return fault.Wrap(err, fault.Unavailable, "issuer_unavailable", "The issuer cannot be reached, or its answer cannot be read. Check the token URL, or try again later.")
	}
	status := answered.Response.StatusCode
	cause := fmt.Errorf("token endpoint: status %d", status)
	if oauthError.MatchString(answered.ErrorCode) {
		cause = fmt.Errorf("%w, %s", cause, answered.ErrorCode)
	}
	switch {
	case status == http.StatusTooManyRequests:
		return fault.Wrap(cause, fault.Exhausted, "token_quota_exhausted", "The issuer grants no more tokens for now. Wait, and ask for fewer.").
			After(retryAfter(answered.Response.Header, now, 5*time.Second))
	case status >= 500, status == http.StatusRequestTimeout:
		return fault.Wrap(cause, fault.Unavailable, "issuer_unavailable", "The issuer is out of order. Try again later.").
			After(retryAfter(answered.Response.Header, now, 0))
	case status == http.StatusUnauthorized:
		return fault.Wrap(cause, fault.Unauthenticated, "client_refused", "The issuer does not accept the client id and client secret. Check both.")
	case status == http.StatusForbidden:
		return fault.Wrap(cause, fault.Forbidden, "client_not_allowed",
			"The issuer gives this client no token for this API. Allow it the client credentials grant, and grant it the API with the scope it needs.")
	}
	return fault.Wrap(cause, fault.Invalid, "token_request_refused", "The issuer refuses the request for a token. Check the token URL, the audience and the organization.")
}

// retryAfter reads how long to wait: Retry-After in seconds or as a date (RFC
// 9110, section 10.2.3), else Auth0's x-ratelimit-reset (a Unix time), else
// otherwise. It is never more than a day.
func retryAfter(h http.Header, now time.Time, otherwise time.Duration) time.Duration {
	wait := otherwise
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		wait = at.Sub(now)
	} else if at, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
		wait = time.Unix(at, 0).Sub(now)
	}
	return min(max(wait, otherwise), 24*time.Hour)
}
