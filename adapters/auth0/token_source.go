package auth0

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"timesheets/domain/fault"
)

const (
	renewAhead     = time.Minute // before its end a token is renewed
	shortLife      = time.Minute // of a token that does not say how long it lives
	longestLife    = 30 * 24 * time.Hour
	renewalPause   = 10 * time.Second // between two attempts to renew a token that still counts
	maxTokenAnswer = 64 << 10         // bytes
)

// SourceConfig is what a TokenSource must know.
type SourceConfig struct {
	TokenURL     string // TokenURL makes it from an issuer
	ClientID     string
	ClientSecret string
	Audience     string           // the API's identifier
	Organization string           // sent as organization; "" sends none
	Scopes       []string         // asked for, and required of the answer if it lists what it grants
	Timeout      time.Duration    // of one request; 0 is 10s
	Now          func() time.Time // required
	// Observe surrounds every request, as seen by the first who waits for its
	// token; nil for nobody.
	Observe func(http.RoundTripper) http.RoundTripper
}

// Check says what is wrong with c, everything at once, without asking anything
// of the network.
func (c SourceConfig) Check() error {
	mistakes := []error{checkURL("auth0_token_url", c.TokenURL)}
	for _, needed := range []struct{ code, name, value string }{
		{"auth0_client_id", "client id", c.ClientID},
		{"auth0_client_secret", "client secret", c.ClientSecret},
		{"auth0_audience", "audience", c.Audience},
	} {
		if needed.value == "" {
			mistakes = append(mistakes, fault.New(fault.Invalid, needed.code, "Without the %s no token can be asked for.", needed.name))
		}
	}
	return errors.Join(mistakes...)
}

// TokenURL is the token endpoint of an issuer, where Auth0 has it.
func TokenURL(issuer string) string { return below(issuer, "oauth/token") }

// TokenSource gets access tokens by the client credentials grant. One token is
// shared by all who ask, and asked for once however many wait; it is renewed a
// minute before its end, while the old one still serves. It is safe for
// concurrent use.
type TokenSource struct {
	grant  clientcredentials.Config
	client *http.Client
	now    func() time.Time

	mu        sync.Mutex
	held      heldToken
	underway  *tokenRequest // the one request that is under way, or nil
	notBefore time.Time     // the issuer wants no request before
	refusal   *fault.Error  // what it said then
}

// heldToken is a token and its times; its zero value counts never.
type heldToken struct {
	token          string
	renewAt, endAt time.Time
}

// tokenRequest is one request; token and err are set when done is closed.
type tokenRequest struct {
	done  chan struct{}
	token string
	err   error
}

// NewTokenSource checks c and makes a TokenSource.
func NewTokenSource(c SourceConfig) (*TokenSource, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	parameters := url.Values{"audience": {c.Audience}}
	if c.Organization != "" {
		parameters.Set("organization", c.Organization)
	}
	return &TokenSource{
		grant: clientcredentials.Config{
			ClientID:       c.ClientID,
			ClientSecret:   c.ClientSecret,
			TokenURL:       c.TokenURL,
			Scopes:         c.Scopes,
			EndpointParams: parameters,
			AuthStyle:      oauth2.AuthStyleInParams, // guessing costs two requests for each refusal
		},
		client: newHTTPClient(c.Timeout, maxTokenAnswer, c.Observe),
		now:    c.Now,
	}, nil
}

// Token gives a token that counts now. Its faults tell what trying again is
// good for: Unavailable and Exhausted (with RetryAfter, and no request is made
// before) may pass, Unauthenticated, Forbidden and Invalid stay until somebody
// changes the configuration. None of them holds a secret.
func (s *TokenSource) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	now := s.now()
	serves := now.Before(s.held.endAt)
	if serves && now.Before(s.held.renewAt) {
		defer s.mu.Unlock()
		return s.held.token, nil
	}
	if s.underway == nil && !now.Before(s.notBefore) {
		s.begin(ctx, now)
	}
	held, request, refusal, wait := s.held.token, s.underway, s.refusal, s.notBefore.Sub(now)
	s.mu.Unlock()
	switch {
	case serves: // and is being renewed
		return held, nil
	case request == nil:
		return "", refusal.After(wait)
	}
	select {
	case <-request.done:
		return request.token, request.err
	case <-ctx.Done():
		return "", fault.Wrap(ctx.Err(), fault.Unavailable, "issuer_unavailable", "The issuer did not answer in time. Try again later.")
	}
}

// Invalidate forgets token, which the API has refused, so that the next Token
// gets another. A token that is not the held one is left alone: somebody else
// was faster.
func (s *TokenSource) Invalidate(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held.token == token {
		s.held = heldToken{}
	}
}

// begin starts a request at now; s.mu is held. It runs on its own, since those
// who wait for it come and go; ctx is the first one's.
func (s *TokenSource) begin(ctx context.Context, now time.Time) {
	request := &tokenRequest{done: make(chan struct{})}
	s.underway = request
	go func() {
		defer close(request.done)
		ctx := context.WithValue(context.WithoutCancel(ctx), oauth2.HTTPClient, s.client)
		answer, err := s.grant.Token(ctx)
		var held heldToken
		if err == nil {
			held, err = s.accept(answer, now)
		} else {
			err = tokenFault(err, now)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.underway = nil
		request.token, request.err = held.token, err
		if err == nil {
			s.held = held
			return
		}
		s.held.renewAt = now.Add(renewalPause)
		if f := fault.Of(err); f.RetryAfter > 0 {
			s.notBefore, s.refusal = now.Add(f.RetryAfter), f
		}
	}()
}

// accept holds a granted token against what was asked for. Its life is counted
// from asked, when the request was made.
func (s *TokenSource) accept(answer *oauth2.Token, asked time.Time) (heldToken, error) {
	if !strings.EqualFold(answer.Type(), "Bearer") || !bearerToken(answer.AccessToken) {
		return heldToken{}, fault.New(fault.Unavailable, "issuer_unavailable", "The issuer's answer is no bearer token. Check the token URL, or try again later.")
	}
	if granted, listed := answer.Extra("scope").(string); listed {
		has := strings.Fields(granted)
		for _, scope := range s.grant.Scopes {
			if !slices.Contains(has, scope) {
				return heldToken{}, fault.New(fault.Forbidden, "scope_not_granted",
					"The issuer gives this client a token without the scope %s. Grant it to the client for this API.", scope)
			}
		}
	}
	life := lifetime(answer)
	return heldToken{
		token:   answer.AccessToken,
		renewAt: asked.Add(life - min(renewAhead, life/2)),
		endAt:   asked.Add(life),
	}, nil
}
