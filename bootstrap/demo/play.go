package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"timesheets/adapters/localissuer"
	"timesheets/application/importing"
	"timesheets/bootstrap/assembly/job"
	"timesheets/domain/identity"
	"timesheets/domain/timesheet"
)

// The people of the demo, by the address that names them.
const (
	worker   = "ana.ruiz@fjordline.example" // one of the recorded people
	approver = "alex@fjordline.example"
)

// importTimeout bounds one import.
const importTimeout = time.Minute

// play is the main job, end to end: an import, the same again, and a look at
// what the API has of it. The error says what is not as it should be.
func (s *stage) play(ctx context.Context) error {
	first, err := s.importOnce(ctx, "First import", importing.Window{})
	if err != nil {
		return err
	}
	second, err := s.importOnce(ctx, "Second import", first.Window) // by itself it would read yesterday and today
	if err != nil {
		return err
	}
	var hours map[importing.WorkerWeek]bool
	err = s.step("Reading back", func() (string, error) {
		hours, err = s.readBack(ctx)
		return "", err
	})
	if err != nil {
		return err
	}
	s.printTimes()
	return verify(first, second, hours)
}

func (s *stage) importOnce(ctx context.Context, name string, window importing.Window) (summary importing.Summary, err error) {
	fmt.Fprintf(s.stdout, "\n%s\n", strings.ToUpper(name))
	err = s.step(name, func() (string, error) {
		summary, err = s.job.Import(ctx, window, importing.Options{}, importTimeout)
		return "", err
	})
	job.Print(s.stdout, summary, err)
	fmt.Fprintf(s.stdout, "\nExit code of the job: %d\n", importing.ExitCode(summary, err))
	return summary, err
}

// verify says all that is not as it should be.
func verify(first, second importing.Summary, landed map[importing.WorkerWeek]bool) error {
	var wrong []error
	expect := func(fine bool, what string, args ...any) {
		if !fine {
			wrong = append(wrong, fmt.Errorf("- "+what, args...))
		}
	}
	expect(first.Created > 0 && first.Created == first.Read-first.Rejected, "the first import created %d of %d entries and refused %d", first.Created, first.Read, first.Rejected)
	expect(first.Rejected > 0 && first.NewProblems == first.Rejected, "of %d refused entries %d were new", first.Rejected, first.NewProblems)
	expect(importing.ExitCode(first, nil) == importing.ExitProblems, "the first import ended with %d", importing.ExitCode(first, nil))
	expect(second.Read == first.Read && second.Unchanged == first.Created, "the second import found %d of %d entries unchanged", second.Unchanged, second.Read)
	expect(second.Created == 0 && second.Updated == 0 && second.NewProblems == 0, "the second import created %d, updated %d and refused %d anew", second.Created, second.Updated, second.NewProblems)
	expect(importing.ExitCode(second, nil) == importing.ExitDone, "the second import ended with %d", importing.ExitCode(second, nil))
	for _, h := range first.Hours {
		expect(landed[h], "the API does not have the %d entries and %s hours of %s in %s", h.Entries, timesheet.Hours(int64(h.Seconds)), h.Worker, h.Week)
	}
	expect(len(landed) == len(first.Hours), "the API has hours of %d workers' weeks, the job landed %d", len(landed), len(first.Hours))
	return errors.Join(wrong...)
}

// readBack lists every entry through the API, as an approver, and adds the
// hours up.
func (s *stage) readBack(ctx context.Context) (map[importing.WorkerWeek]bool, error) {
	type entry struct {
		UserID  string `json:"user_id"`
		Week    string `json:"week"`
		Seconds int    `json:"seconds"`
	}
	sums := map[[2]string]importing.WorkerWeek{}
	next := s.api + "/timesheets?user_id=*&limit=500"
	for next != "" {
		var page []entry
		link, err := s.get(ctx, next, &page)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			sum := sums[[2]string{e.UserID, e.Week}]
			sum.Entries++
			sum.Seconds += e.Seconds
			sums[[2]string{e.UserID, e.Week}] = sum
		}
		next = link
	}
	landed := map[importing.WorkerWeek]bool{}
	for key, sum := range sums {
		week, err := timesheet.ParseWeek(key[1])
		if err != nil {
			return nil, err
		}
		sum.Worker, sum.Week = key[0], week
		landed[sum] = true
	}
	return landed, nil
}

var nextLink = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// get reads one page, and gives the address of the next; "" for none.
func (s *stage) get(ctx context.Context, address string, into any) (next string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+s.token(approver, identity.Scopes()...))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return "", fmt.Errorf("GET %s: %s", request.URL.Path, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(into); err != nil {
		return "", err
	}
	link := nextLink.FindStringSubmatch(answer.Header.Get("Link"))
	if link == nil {
		return "", nil
	}
	u, err := request.URL.Parse(link[1])
	if err != nil {
		return "", err
	}
	return u.String(), nil
}

// token is an access token of a person.
func (s *stage) token(email string, scopes ...identity.Scope) string {
	names := make([]string, len(scopes))
	for i, scope := range scopes {
		names[i] = string(scope)
	}
	return s.issuer.PersonToken(localissuer.Person{
		Subject: "auth0|" + url.PathEscape(email), Scopes: names, Claims: map[string]any{emailClaim: email, "email_verified": true},
	})
}

// serve keeps everything up until ctx ends.
func (s *stage) serve(ctx context.Context) {
	fmt.Fprintf(s.stdout, `
EVERYTHING IS UP, until Ctrl-C.

  documentation   %[1]s/docs
  metrics         http://%[2]s/metrics

Tokens, in shell variables:

  API=%[3]s
  WORKER=%[4]s
  APPROVER=%[5]s
  JOB=$(curl -s %[6]soauth/token -d grant_type=client_credentials -d client_id=import-job -d client_secret=%[7]s -d audience=%[8]s | sed 's/.*"access_token":"\([^"]*\)".*/\1/')

What the import job needs to reach all this (then: go run ./bootstrap/importer check):

  export TIMESHEETS_API_URL=%[3]s AUTH0_ISSUER_URL=%[6]s AUTH0_AUDIENCE=%[8]s AUTH0_CLIENT_ID=import-job AUTH0_CLIENT_SECRET=%[7]s
  export TRACKER=kimai TRACKER_URL=%[10]s TRACKER_TOKEN=%[11]s

Things to try:

  curl -s -H "Authorization: Bearer $APPROVER" "$API/timesheets?user_id=*&limit=3"
  curl -s -H "Authorization: Bearer $WORKER" "$API/timesheets" -H 'Content-Type: application/json' -d '{"date":"%[9]s","project":"StoreZero","hours":1.5}'
  curl -s -H "Authorization: Bearer $APPROVER" "$API/approvals?limit=1"
  curl -s -H "Authorization: Bearer $JOB" "$API/timesheets/upload" -H 'Content-Type: application/json' -d '[{"user_id":"bob@fjordline.example","date":"%[9]s","project":"StoreZero","hours":7.5,"external_id":"1"},{"date":"yesterday"}]'
`, strings.TrimSuffix(s.api, "/v1"), s.metrics, s.api,
		s.token(worker, identity.ReadTimesheets, identity.CreateTimesheets, identity.DeleteTimesheets),
		s.token(approver, identity.Scopes()...), s.issuer.URL(), s.secret, audience, timesheet.DayIn(time.Now()),
		s.tracker, s.trackerToken)
	<-ctx.Done()
	fmt.Fprintln(s.stdout)
}
