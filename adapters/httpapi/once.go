package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/binary"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"

	"timesheets/domain/identity"
	"timesheets/domain/replay"
)

// settling makes, of the answer to a request with an Idempotency-Key, what is
// kept in the transaction of its effect.
type settling = func(status int, headers map[string]string, body any) (replay.Claim, replay.Answer)

// once carries an operation out, or gives the answer that a request with the
// same Idempotency-Key got. Without the header settle is nil.
func (s *Server) once(ctx context.Context, by identity.Principal, c *fiber.Ctx, do func(settle settling) error) error {
	key, err := idempotencyKey(c)
	if err != nil {
		return err
	}
	if key == "" {
		return do(nil)
	}
	claim, given, err := s.application.Idempotency.Begin(ctx, replay.Claim{
		Organization: by.Organization, Principal: by.Key(), Route: c.Method() + " " + exchangeOf(c).route, Key: key, Request: requestDigest(c),
	})
	if err != nil {
		return err
	}
	if given != nil {
		return giveAgain(c, *given)
	}
	settled := false
	err = do(func(status int, headers map[string]string, body any) (replay.Claim, replay.Answer) {
		settled = true
		if headers == nil {
			headers = map[string]string{}
		}
		headers[fiber.HeaderContentType] = typeJSON
		text, _ := json.Marshal(body, json.Deterministic(true)) // what answer sends; it has shown that it can
		return claim, replay.Answer{Status: status, Headers: headers, Body: text}
	})
	if err == nil && settled {
		return nil
	}
	return s.finishClaim(c, claim, err)
}

// finishClaim ends a claim whose request had no effect, and passes its error on.
func (s *Server) finishClaim(c *fiber.Ctx, claim replay.Claim, err error) error {
	x := exchangeOf(c)
	status, f := verdict(err)
	// The request's own time may be up; that is no reason to hold the key.
	ctx, cancel := context.WithTimeout(x.within(s.life), s.config.Limits.RequestDeadline)
	defer cancel()
	kept := replay.Answer{
		Status:  status,
		Headers: map[string]string{fiber.HeaderContentType: "application/problem+json"},
		Body:    s.problem(x, status, f),
	}
	if wait := retryAfter(status, f); wait != "" {
		kept.Headers[fiber.HeaderRetryAfter] = wait
	}
	if failed := s.application.Idempotency.Finish(ctx, claim, kept); failed != nil {
		s.log.WarnContext(ctx, "an idempotency key is held until its lease ends", "request_id", x.id, "error", failed)
	}
	return err
}

// requestDigest stands for what makes it the same request.
func requestDigest(c *fiber.Ctx) [32]byte {
	var all []byte
	for _, part := range [][]byte{c.Request().Body(), c.Request().URI().QueryString(), c.Request().Header.Peek(fiber.HeaderIfMatch)} {
		all = binary.AppendUvarint(all, uint64(len(part)))
		all = append(all, part...)
	}
	return sha256.Sum256(all)
}

func giveAgain(c *fiber.Ctx, a replay.Answer) error {
	for name, value := range a.Headers {
		c.Set(name, value)
	}
	c.Set("Idempotency-Replayed", "true")
	c.Status(a.Status)
	c.Response().SetBodyRaw(a.Body)
	return nil
}
