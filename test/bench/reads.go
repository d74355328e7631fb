package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"timesheets/adapters/localissuer"
	"timesheets/domain/identity"
)

// readings is how often each thing is read.
const readings = 300

// measureReads reads lists, weeks, reports and the feed where many entries are,
// one request after the other, each about another worker, day or place.
func measureReads(ctx context.Context, s *stage, o options, t *table) error {
	db, err := s.large(ctx, o)
	if err != nil {
		return err
	}
	approver := s.issuer.PersonToken(localissuer.Person{Subject: "auth0|approver", Scopes: []string{string(identity.ReadTimesheets), string(identity.ApproveTimesheets)}})
	machine := s.issuer.MachineToken(localissuer.Machine{Client: "books", Scopes: []string{string(identity.ReadTimesheets)}})
	c := newClient(db.api.url+"/v1", approver)
	defer c.http.CloseIdleConnections()
	var there int
	if err := db.pool.QueryRow(ctx, `SELECT count(*) FROM entries`).Scan(&there); err != nil {
		return err
	}
	r := rowsOf(o.existing/filledYears, 0, filledYear(filledYears-1))
	anyone := func(i int) string { return "user_id=" + url.QueryEscape(userID(i*37%workers)) }
	week := func(i int) string { return r.first.Add(7 * (1 + i%50)).Week().String() }
	cursor := ""
	for _, read := range []struct {
		what string
		path func(i int) string
	}{
		{"a page of 100 of a worker", func(i int) string { return "/timesheets?limit=100&" + anyone(i) }},
		{"a page of 100 of everyone", func(i int) string { return "/timesheets?limit=100&user_id=*&to=" + r.first.Add(i%days).String() }},
		{"a page of 100 of a project", func(i int) string {
			return "/timesheets?limit=100&user_id=*&project=" + url.QueryEscape(r.project(i)) + "&to=" + r.first.Add(i%days).String()
		}},
		{"a page of 100 that wait", func(int) string { return "/approvals?limit=100" }},
		{"a worker's week", func(i int) string { return "/weeks/" + url.PathEscape(userID(i*37%workers)) + "/" + week(i) }},
		{"a page of 100 weeks of everyone", func(i int) string { return "/weeks?limit=100&user_id=*&to=" + r.first.Add(7*(1+i%50)).String() }},
		{"a report of a worker's year by week and project", func(i int) string {
			return "/reports/hours?group_by=week,project&" + anyone(i) + "&from=" + r.first.String() + "&to=" + r.first.Add(days-1).String()
		}},
		{"a report of everyone's week by worker", func(i int) string {
			return "/reports/hours?group_by=user_id&user_id=*&from=" + r.first.Add(i%350).String() + "&to=" + r.first.Add(i%350+6).String()
		}},
		{"a page of 500 of the feed", func(int) string { return "/changes?limit=500" + cursor }},
	} {
		if c.token = approver; strings.Contains(read.path(0), "/changes") {
			c.token = machine // the feed is for machines
		}
		var took []float64
		for i := range readings + readings/10 { // the first tenth warms up
			began := time.Now()
			text, err := c.read(ctx, read.path(i))
			if err != nil {
				return fmt.Errorf("%s: %w", read.what, err)
			}
			if i >= readings/10 {
				took = append(took, float64(time.Since(began).Microseconds())/1000)
			}
			var feed struct{ Cursor string }
			if json.Unmarshal(text, &feed) == nil && feed.Cursor != "" { // of a list it is none
				cursor = "&cursor=" + url.QueryEscape(feed.Cursor)
			}
		}
		t.notef("With %d entries there %s takes %s ms (half of %d requests), %s ms (99 of 100).", there, read.what, number(percentile(took, 50)), readings, number(percentile(took, 99)))
	}
	return nil
}

// read gets JSON that has something in it.
func (c *client) read(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	answer, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return nil, err
	}
	// The shortest entry, week or row of a report is longer than this.
	if answer.StatusCode != http.StatusOK || len(text) < 20 || !json.Valid(text) {
		return nil, fmt.Errorf("%s: %s: %.400s", path, answer.Status, text)
	}
	return text, nil
}
