package main

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"timesheets/adapters/auth0"
	"timesheets/adapters/httpapi"
	"timesheets/adapters/localissuer"
	"timesheets/application/access"
	"timesheets/domain/identity"
)

// tokenRounds are how often first verifications and bare RSA take turns, a
// token each.
const tokenRounds = 2000

// measureTokens compares the first verification of a token with the RSA that
// is in it, and the CPU of a route that knows its token with an empty route's.
func measureTokens(ctx context.Context, s *stage, o options, t *table) error {
	var first, bare figures
	for range o.pairs {
		f, b, err := s.verify(ctx)
		if err != nil {
			return err
		}
		first, bare = append(first, f), append(bare, b)
	}
	t.most("first verification of a token : bare RSA", first.over(bare), "", 1.4, 1.6)
	t.notef("First verification %s µs, bare RSA (2048 bits) %s µs; medians of %d, each in turn with the other.", first, bare, tokenRounds)

	address, err := freeAddress()
	if err != nil {
		return err
	}
	server, err := start(ctx, filepath.Join(s.logs, "routes.log"), s.self, []string{"routes", address, s.issuer.URL()}, nil, address, "/readyz")
	if err != nil {
		return err
	}
	defer server.stop()
	var known, empty figures
	for range o.pairs {
		for _, route := range []struct {
			path string
			cpu  *figures
		}{{"/empty", &empty}, {"/known", &known}} {
			requests := int(o.span.Seconds() * 10000)
			before, err := cpuOf(server.cmd.Process.Pid)
			if err != nil {
				return err
			}
			if err := flood(ctx, server.url+route.path, s.uploads, requests); err != nil {
				return err
			}
			after, err := cpuOf(server.cmd.Process.Pid)
			if err != nil {
				return err
			}
			*route.cpu = append(*route.cpu, float64((after-before)/time.Microsecond)/float64(requests))
		}
	}
	t.most("known token's route : empty route, CPU", known.over(empty), "", 1.15, 1.3)
	t.notef("Two routes of a bare Fiber server, one of which reads, proves and understands the token as the API does; 16 connections, both get the token: %s µs and %s µs a request.", known, empty)
	return nil
}

// verify gives medians in µs of the first verification of a token and of
// checking its signature alone.
func (s *stage) verify(ctx context.Context) (first, bare float64, err error) {
	verifier, err := auth0.NewVerifier(auth0.Config{Issuer: s.issuer.URL(), Audience: audience, Now: time.Now})
	if err != nil {
		return 0, 0, err
	}
	if err := verifier.Refresh(ctx); err != nil {
		return 0, 0, err
	}
	tokens := make([]string, tokenRounds)
	for n := range tokens {
		tokens[n] = s.issuer.MachineToken(localissuer.Machine{
			Client: "import-job", Scopes: []string{string(identity.BatchUpload)}, Claims: map[string]any{"jti": strconv.Itoa(n)},
		})
	}
	var firsts, bares figures
	for n, token := range tokens {
		dot := strings.LastIndexByte(token, '.')
		signature, err := base64.RawURLEncoding.DecodeString(token[dot+1:])
		if err != nil {
			return 0, 0, err
		}
		shown, signed := []byte(token), []byte(token[:dot])
		turns := []func() error{
			func() error {
				return took(&firsts, func() error {
					_, err := verifier.Verify(ctx, shown)
					return err
				})
			},
			func() error {
				return took(&bares, func() error {
					sum := sha256.Sum256(signed)
					return rsa.VerifyPKCS1v15(s.key, crypto.SHA256, sum[:], signature)
				})
			},
		}
		// Whoever comes second finds the processor's caches warm.
		if err := errors.Join(turns[n%2](), turns[1-n%2]()); err != nil {
			return 0, 0, err
		}
	}
	return firsts.median(), bares.median(), nil
}

// took adds how many µs do takes.
func took(all *figures, do func() error) error {
	began := time.Now()
	err := do()
	*all = append(*all, float64(time.Since(began).Nanoseconds())/1000)
	return err
}

// flood sends so many requests over 16 connections; each must be answered 200.
func flood(ctx context.Context, url, token string, requests int) error {
	const connections = 16
	c := &fasthttp.Client{MaxConnsPerHost: connections}
	defer c.CloseIdleConnections()
	failed := make([]error, connections)
	var all sync.WaitGroup
	for n := range connections {
		all.Go(func() {
			request, answer := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
			defer fasthttp.ReleaseRequest(request)
			defer fasthttp.ReleaseResponse(answer)
			request.SetRequestURI(url)
			request.Header.Set("Authorization", "Bearer "+token)
			for i := n; i < requests && ctx.Err() == nil; i += connections {
				if failed[n] = c.Do(request, answer); failed[n] != nil {
					return
				}
				if answer.StatusCode() != fasthttp.StatusOK {
					failed[n] = fmt.Errorf("%s: %d", url, answer.StatusCode())
					return
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errors.Join(failed...), ctx.Err())
}

// serveRoutes serves a route that does nothing, and one that does nothing once
// it knows who calls: address, issuer.
func serveRoutes(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("routes ADDRESS ISSUER")
	}
	verifier, err := auth0.NewVerifier(auth0.Config{Issuer: args[1], Audience: audience, Now: time.Now})
	if err != nil {
		return err
	}
	if err := verifier.Refresh(ctx); err != nil {
		return err
	}
	authenticator, err := access.NewAuthenticator(verifier, access.Config{})
	if err != nil {
		return err
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true}) // as the API is
	hello := func(c *fiber.Ctx) error { return c.SendString("hello") }
	app.Get("/readyz", hello)
	app.Get("/empty", hello)
	app.Get("/known", func(c *fiber.Ctx) error {
		token, err := httpapi.Credentials(c)
		if err != nil {
			return fiber.NewError(fiber.StatusUnauthorized, err.Error())
		}
		if _, err := authenticator.Authenticate(ctx, token); err != nil {
			return fiber.NewError(fiber.StatusUnauthorized, err.Error())
		}
		return c.Next()
	}, hello)
	go func() {
		<-ctx.Done()
		_ = app.Shutdown()
	}()
	return app.Listen(args[0])
}
