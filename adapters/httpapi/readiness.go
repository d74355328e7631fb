package httpapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"timesheets/domain/fault"
)

const (
	livenessPath  = "/healthz"
	readinessPath = "/readyz"

	checkTimeout = 2 * time.Second // for all checks together
	checkEvery   = time.Second     // after the last result at the earliest; whoever asks sooner gets that
)

// Check is something without which requests cannot be answered.
type Check struct {
	Name string // as an operator knows it: "database", "signing keys"
	// Probe is nil when it is there. It ends when its context does.
	Probe func(context.Context) error
}

// readiness asks the checks, once for however many probes come at a time: the
// endpoint needs no token, and a flood of it must not become a flood of pings.
type readiness struct {
	checks []Check
	now    func() time.Time

	mu       sync.Mutex
	answered time.Time // when the last result came
	last     error
}

// check is nil when all is there, else a fault.Unavailable that names what is
// not, with the reasons for the log.
func (r *readiness) check(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answered.IsZero() || r.now().Sub(r.answered) >= checkEvery {
		r.last = r.ask(ctx)
		r.answered = r.now() // which may be long after: who waited meanwhile does not ask again
	}
	return r.last
}

func (r *readiness) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	reasons := make([]error, len(r.checks))
	var all sync.WaitGroup
	for i, check := range r.checks {
		all.Go(func() { reasons[i] = check.Probe(ctx) })
	}
	all.Wait()
	var missing []string
	for i, reason := range reasons {
		if reason != nil {
			missing = append(missing, r.checks[i].Name)
			reasons[i] = fmt.Errorf("%s: %w", r.checks[i].Name, reason)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	names := strings.Join(missing, ", ")
	return fault.Wrap(errors.Join(reasons...), fault.Unavailable, "not_ready", "Not ready for want of: %s.", names).
		With("not_ready", names).After(checkEvery)
}

// health is what a good probe reads.
type health struct {
	Status string `json:"status"`
}

// live says that the process answers, and nothing about what it depends on: no
// restart mends a database.
func (s *Server) live(c *fiber.Ctx) error {
	return answer(c, fiber.StatusOK, health{"ok"})
}

// ready says whether requests should be sent here.
func (s *Server) ready(c *fiber.Ctx) error {
	if s.draining.Load() {
		return fault.New(fault.Unavailable, "shutting_down", "This process is stopping. Another one answers.")
	}
	if err := s.readiness.check(s.life); err != nil {
		return err
	}
	return answer(c, fiber.StatusOK, health{"ok"})
}

func isProbe(path string) bool { return path == livenessPath || path == readinessPath }
