package httpapi

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"timesheets/application/directory"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
	"timesheets/domain/worker"
)

type identityJSON struct {
	Source string `json:"source"`
	ID     string `json:"id"`
}

type workerJSON struct {
	UserID     string         `json:"user_id"`
	Kind       string         `json:"kind"`
	Name       string         `json:"name,omitempty"`
	Email      string         `json:"email,omitempty"`
	Identities []identityJSON `json:"identities"`
	ActiveFrom string         `json:"active_from,omitempty"`
	ActiveTo   string         `json:"active_to,omitempty"`
	Version    int            `json:"version"`
	CreatedAt  string         `json:"created_at"`
	UpdatedAt  string         `json:"updated_at"`
}

func showWorker(w worker.Worker) workerJSON {
	shown := workerJSON{
		UserID: w.UserID, Kind: string(w.Kind), Name: w.Name, Email: w.Email, Identities: make([]identityJSON, len(w.Identities)),
		ActiveFrom: showDay(w.ActiveFrom), ActiveTo: showDay(w.ActiveTo), Version: w.Version,
		CreatedAt: showInstant(w.CreatedAt), UpdatedAt: showInstant(w.UpdatedAt),
	}
	for i, id := range w.Identities {
		shown.Identities[i] = identityJSON(id)
	}
	// In one order, since a version stands for one content byte for byte.
	slices.SortFunc(shown.Identities, func(a, b identityJSON) int {
		return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.ID, b.ID))
	})
	return shown
}

// showDay is "" for none.
func showDay(d timesheet.Day) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// workerPlace is where a page of workers begins, in a cursor.
type workerPlace struct {
	UserID string `json:"u"`
}

func (s *Server) listWorkers(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	list, err := readList[workerPlace](c)
	if err != nil {
		return err
	}
	after := ""
	if list.after != nil {
		if after = list.after.UserID; identity.CheckUserID(after) != nil {
			return malformedCursor()
		}
	}
	page, more, err := s.application.Directory.List(ctx, by, after, list.limit)
	if err != nil {
		return err
	}
	shown := make([]workerJSON, len(page))
	for i, w := range page {
		shown[i] = showWorker(w)
	}
	if more {
		if err := linkNext(c, list.selection, workerPlace{page[len(page)-1].UserID}); err != nil {
			return err
		}
	}
	return answer(c, fiber.StatusOK, shown)
}

func (s *Server) getWorker(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	userID, err := pathParam(c, "user_id")
	if err != nil {
		return err
	}
	w, err := s.application.Directory.Get(ctx, by, userID)
	if err != nil {
		return err
	}
	tagged(c, int64(w.Version))
	return answer(c, fiber.StatusOK, showWorker(w))
}

// profileJSON is what an approver says of a worker.
type profileJSON struct {
	Kind       string         `json:"kind"`
	Name       *string        `json:"name"`
	Email      *string        `json:"email"`
	Identities []identityJSON `json:"identities"`
	ActiveFrom *string        `json:"active_from"`
	ActiveTo   *string        `json:"active_to"`
}

func (p profileJSON) profile() (directory.Profile, error) {
	profile := directory.Profile{Kind: worker.Kind(p.Kind)}
	var errs []error
	text := func(name string, from *string, into *string) {
		if from != nil && *from == "" {
			errs = append(errs, fault.InField("/"+name, "length", "Give %s a value, or leave it out.", name))
		} else if from != nil {
			*into = *from
		}
	}
	day := func(name string, from *string, into *timesheet.Day) {
		if from == nil {
			return
		}
		var err error
		if *into, err = parseCivilDay(*from); err != nil {
			errs = append(errs, fault.InField("/"+name, "not_a_date", "Write the date as YYYY-MM-DD."))
		}
	}
	text("name", p.Name, &profile.Name)
	text("email", p.Email, &profile.Email)
	day("active_from", p.ActiveFrom, &profile.ActiveFrom)
	day("active_to", p.ActiveTo, &profile.ActiveTo)
	for _, id := range p.Identities {
		profile.Identities = append(profile.Identities, worker.Identity(id))
	}
	return profile, together(errs...)
}

func (s *Server) putWorker(ctx context.Context, by identity.Principal, c *fiber.Ctx) error {
	var sent profileJSON
	if err := readBody(c, &sent); err != nil {
		return err
	}
	condition, err := readIfMatch(c)
	if err != nil {
		return err
	}
	userID, err := pathParam(c, "user_id")
	if err != nil {
		return fault.InField("/user_id", "not_utf8", "The user_id in the path is not text in UTF-8.")
	}
	profile, err := sent.profile()
	if err != nil {
		return err
	}
	w, created, err := s.application.Directory.Put(ctx, by, userID, profile, func(version int) error {
		if condition.any && version == 0 {
			return condition.missing()
		}
		return condition.expected(version)
	})
	if err != nil {
		return err
	}
	tagged(c, int64(w.Version))
	if !created {
		return answer(c, fiber.StatusOK, showWorker(w))
	}
	located(c, "/workers/"+url.PathEscape(w.UserID))
	return answer(c, fiber.StatusCreated, showWorker(w))
}
