package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net/http"
	"time"

	"timesheets/domain/identity"
)

// writeDown makes the one log line that a request gets. It has no query, no
// body, no token and no person's id: what a client can put into it is its
// method, its path's pattern and its request id, all bounded.
func (s *Server) writeDown(x *exchange, status int, took time.Duration, requested, answered int) {
	level := slog.LevelInfo
	switch {
	case status == http.StatusInternalServerError:
		level = slog.LevelError
	case status > http.StatusInternalServerError, x.cut():
		level = slog.LevelWarn
	case isProbe(x.path):
		level = slog.LevelDebug
	}
	attributes := []slog.Attr{
		slog.String("request_id", x.id),
		slog.String("method", x.method),
		slog.String("route", x.route),
		slog.Int("status", status),
		slog.Duration("took", took),
		slog.Int("request_bytes", requested),
		slog.Int("answer_bytes", answered),
	}
	if x.by.Kind != "" {
		attributes = append(attributes, slog.String("principal", principalMark(x.by)), slog.String("organization", string(x.by.Organization)))
	}
	if x.code != "" {
		attributes = append(attributes, slog.String("problem", x.code))
	}
	if x.err != nil && level >= slog.LevelWarn {
		attributes = append(attributes, slog.String("err", x.err.Error()))
	}
	s.log.LogAttrs(x.within(context.Background()), level, "request", attributes...)
}

// principalMark tells principals apart in a log without naming people: a
// machine by its client id, a person by a digest that is always the same.
func principalMark(by identity.Principal) string {
	if by.IsMachine() {
		return "machine:" + by.ID
	}
	digest := sha256.Sum256([]byte(by.Key()))
	return string(by.Kind) + ":" + hex.EncodeToString(digest[:8])
}
