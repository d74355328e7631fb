package apitest

import (
	"sync"
	"testing"
	"time"

	"timesheets/adapters/localissuer"
	"timesheets/domain/identity"
)

// Audience is the API's identifier in all tests.
const Audience = "https://api.exampleco.com/timesheets"

// EmailClaim is where the scenario's tokens name people.
const EmailClaim = "https://api.exampleco.com/email"

var issuer struct {
	once    sync.Once
	started *localissuer.Issuer
	err     error
}

// Issuer is the one that all tests of the binary share; who wants to break one
// starts their own. It knows a client and a person of the scenario.
func Issuer(t testing.TB) *localissuer.Issuer {
	t.Helper()
	issuer.once.Do(func() { issuer.started, issuer.err = localissuer.Start(IssuerOptions()) })
	if issuer.err != nil {
		t.Fatal(issuer.err)
	}
	return issuer.started
}

// IssuerOptions is what issuers in tests know.
func IssuerOptions() localissuer.Options {
	return localissuer.Options{
		Audience:   Audience,
		EmailClaim: EmailClaim,
		Now:        time.Now,
		Clients: []localissuer.Client{
			{ID: "cron-job", Secret: "of-the-cron-job", Scopes: []string{string(identity.BatchUpload)}},
			{ID: "web-page", Secret: "of-the-web-page"},
		},
		Users: []localissuer.User{
			{Subject: "auth0|ann", Email: "Ann@ExampleCo.com", Password: "of-ann", Scopes: Scopes(identity.ReadTimesheets, identity.CreateTimesheets)},
			{Subject: "auth0|bob", Email: "bob@exampleco.com", Password: "of-bob", Scopes: Scopes(identity.ReadTimesheets, identity.CreateTimesheets, identity.ApproveTimesheets)},
		},
	}
}

func closeIssuer() error {
	if issuer.started != nil {
		issuer.started.Close()
	}
	return nil
}

// Scopes writes scopes as tokens do.
func Scopes(scopes ...identity.Scope) []string {
	written := make([]string, len(scopes))
	for i, s := range scopes {
		written[i] = string(s)
	}
	return written
}

// Machine is an import job with every scope that counts for machines. org may
// be "".
func (a *API) Machine(t testing.TB, org string) Caller {
	t.Helper()
	return a.As(Issuer(t).MachineToken(localissuer.Machine{Client: "import-job", Organization: org, Scopes: Scopes(
		identity.BatchUpload, identity.ReadTimesheets, identity.CreateTimesheets, identity.DeleteTimesheets)}))
}

// Person is somebody who logs their own time.
func (a *API) Person(t testing.TB, name, org string) Caller {
	t.Helper()
	return a.As(Issuer(t).PersonToken(localissuer.Person{Subject: name, Organization: org, Scopes: Scopes(
		identity.ReadTimesheets, identity.CreateTimesheets, identity.DeleteTimesheets)}))
}

// Approver is a person who also decides about the time of others.
func (a *API) Approver(t testing.TB, name, org string) Caller {
	t.Helper()
	return a.As(Issuer(t).PersonToken(localissuer.Person{Subject: name, Organization: org, Scopes: Scopes(
		identity.ReadTimesheets, identity.CreateTimesheets, identity.DeleteTimesheets, identity.ApproveTimesheets)}))
}
