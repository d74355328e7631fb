package main

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/gofiber/fiber/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The everyday program: the upload as most would write it first, and as most
// do. Fiber, encoding/json into a struct, the token proved on each request,
// one statement a row, all in one transaction. It is written with care: pooled
// connections, prepared statements, every rule that a row can break by itself.
// It keeps no history, no change feed and no sum of a day.

type everydayRow struct {
	ExternalID  string  `json:"external_id"`
	UserID      string  `json:"user_id"`
	Date        string  `json:"date"`
	Project     string  `json:"project"`
	Task        string  `json:"task"`
	Description string  `json:"description"`
	Billable    bool    `json:"billable"`
	Hours       float64 `json:"hours"`
}

type everydayResult struct {
	Index   int    `json:"index"`
	ID      string `json:"id,omitempty"`
	Outcome string `json:"outcome"`
	Error   string `json:"error,omitempty"`
}

type everydayReport struct {
	Received int              `json:"received"`
	Created  int              `json:"created"`
	Updated  int              `json:"updated"`
	Rejected int              `json:"rejected"`
	Results  []everydayResult `json:"results"`
}

const everydayUpsert = `
	INSERT INTO everyday (org_id, id, source, external_id, user_id, day, seconds, project, task, description, billable,
		status, version, change, created_at, created_by, updated_at, updated_by, write_id, position)
	VALUES ('default', $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'pending', 1, 'created', $11, $12, $11, $12, $13, $14)
	ON CONFLICT (org_id, source, external_id) DO UPDATE SET user_id = excluded.user_id, day = excluded.day, seconds = excluded.seconds,
		project = excluded.project, task = excluded.task, description = excluded.description, billable = excluded.billable,
		version = everyday.version + 1, change = 'updated', updated_at = excluded.updated_at, updated_by = excluded.updated_by
	RETURNING id, version`

// serveEveryday runs the program: address, issuer; the database is named by the
// environment, since its URL holds a password.
func serveEveryday(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("everyday ADDRESS ISSUER")
	}
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	defer pool.Close()
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{args[1] + ".well-known/jwks.json"})
	if err != nil {
		return err
	}
	app := fiber.New(fiber.Config{BodyLimit: 8 << 20, DisableStartupMessage: true})
	app.Get("/readyz", func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusOK) })
	app.Post("/v1/timesheets/upload", func(c *fiber.Ctx) error {
		bearer := strings.TrimPrefix(c.Get("Authorization"), "Bearer ")
		token, err := jwt.Parse(bearer, keys.Keyfunc, jwt.WithValidMethods([]string{"RS256"}),
			jwt.WithAudience(audience), jwt.WithIssuer(args[1]), jwt.WithExpirationRequired())
		if err != nil {
			return fiber.NewError(fiber.StatusUnauthorized, "invalid token")
		}
		subject, _ := token.Claims.GetSubject()
		var rows []everydayRow
		if err := json.Unmarshal(c.Body(), &rows); err != nil {
			return fiber.NewError(fiber.StatusBadRequest, err.Error())
		}
		report, err := everydayStore(ctx, pool, subject, c.Query("source"), rows)
		if err != nil {
			return err
		}
		return c.JSON(report)
	})
	go func() {
		<-ctx.Done()
		_ = app.Shutdown()
	}()
	return app.Listen(args[0])
}

func everydayStore(ctx context.Context, pool *pgxpool.Pool, by, source string, rows []everydayRow) (everydayReport, error) {
	report := everydayReport{Received: len(rows), Results: make([]everydayResult, 0, len(rows))}
	tx, err := pool.Begin(ctx)
	if err != nil {
		return report, err
	}
	defer tx.Rollback(ctx)
	now, write := time.Now().UTC(), uuid.New()
	for i, row := range rows {
		day, err := time.Parse(time.DateOnly, row.Date)
		if err != nil || row.Hours <= 0 || row.Hours > 24 || row.UserID == "" || row.Project == "" || row.ExternalID == "" {
			report.Rejected++
			report.Results = append(report.Results, everydayResult{Index: i, Outcome: "rejected", Error: "invalid row"})
			continue
		}
		id, err := uuid.NewV7()
		if err != nil {
			return report, err
		}
		var version int
		if err := tx.QueryRow(ctx, everydayUpsert, id, source, row.ExternalID, row.UserID, day, int(math.Round(row.Hours*3600)), row.Project,
			row.Task, row.Description, row.Billable, now, by, write, i).Scan(&id, &version); err != nil {
			return report, err
		}
		result := everydayResult{Index: i, ID: id.String(), Outcome: "created"}
		if version == 1 {
			report.Created++
		} else {
			report.Updated++
			result.Outcome = "updated"
		}
		report.Results = append(report.Results, result)
	}
	return report, tx.Commit(ctx)
}
