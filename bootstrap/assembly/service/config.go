// Package service puts the Timesheets API together: its configuration, the
// parts it is made of, and how they start and end. The injectors of the API
// and of the demo are made of its sets.
package service

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"timesheets/adapters/auth0"
	"timesheets/adapters/httpapi"
	"timesheets/adapters/postgres"
	"timesheets/application/access"
	"timesheets/bootstrap/assembly"
	"timesheets/domain/timesheet"
)

// Config is what the environment says. The README explains each variable.
type Config struct {
	DatabaseURL  assembly.Secret `env:"DATABASE_URL,required"`
	DirectURL    assembly.Secret `env:"DATABASE_DIRECT_URL"`
	PoolMax      int             `env:"DATABASE_POOL_MAX" envDefault:"10"`
	PoolMin      int             `env:"DATABASE_POOL_MIN" envDefault:"0"`
	PoolLifetime time.Duration   `env:"DATABASE_POOL_LIFETIME" envDefault:"30m"`

	HTTPAddr      string        `env:"HTTP_ADDR" envDefault:":8080"`
	MetricsAddr   string        `env:"METRICS_ADDR" envDefault:"127.0.0.1:9090"`
	PublicURL     string        `env:"PUBLIC_URL"`
	CORSOrigins   []string      `env:"CORS_ORIGINS"`
	ShutdownDelay time.Duration `env:"SHUTDOWN_DELAY" envDefault:"0s"`

	Domain        string `env:"AUTH0_DOMAIN"`
	IssuerURL     string `env:"AUTH0_ISSUER_URL"`
	Audience      string `env:"AUTH0_AUDIENCE,required"`
	SigningAlg    string `env:"AUTH0_SIGNING_ALG" envDefault:"RS256"`
	SecretFile    string `env:"AUTH0_SIGNING_SECRET_FILE"`
	TokenProfile  string `env:"AUTH0_TOKEN_PROFILE" envDefault:"auth0"`
	UserIDClaim   string `env:"AUTH0_USER_ID_CLAIM" envDefault:"sub"`
	Organizations string `env:"AUTH0_ORGANIZATIONS" envDefault:"off"`

	LockBefore LockBefore `env:"LOCK_BEFORE"`

	RequestsPerSecond float64 `env:"RATE_LIMIT_REQUESTS_PER_SECOND" envDefault:"500"`
	RequestsBurst     int     `env:"RATE_LIMIT_REQUESTS_BURST" envDefault:"1000"`
	UploadsPerSecond  float64 `env:"RATE_LIMIT_UPLOADS_PER_SECOND" envDefault:"100"`
	UploadsBurst      int     `env:"RATE_LIMIT_UPLOADS_BURST" envDefault:"500"`
	FailuresPerSecond float64 `env:"RATE_LIMIT_FAILURES_PER_SECOND" envDefault:"100"`
	FailuresBurst     int     `env:"RATE_LIMIT_FAILURES_BURST" envDefault:"1000"`

	Log    assembly.LogConfig
	Traces assembly.TraceConfig
}

// LockBefore is the first day that is still open; zero when every day is.
type LockBefore timesheet.Day

// UnmarshalText reads YYYY-MM-DD.
func (l *LockBefore) UnmarshalText(text []byte) error {
	day, err := timesheet.ParseDay(string(text))
	if err != nil || len(text) != len("2006-01-02") {
		return errors.New("write the first day that is still open as YYYY-MM-DD")
	}
	*l = LockBefore(day)
	return nil
}

// ReadConfig reads the environment and judges it as a whole: the error names
// all that is wrong.
func ReadConfig(e assembly.Environment) (Config, error) {
	c, err := assembly.Read[Config](e)
	for i, origin := range c.CORSOrigins {
		c.CORSOrigins[i] = strings.TrimSpace(origin)
	}
	return c, assembly.Mistakes(err, c.check(), c.checkParts(), c.Log.Check(), c.Traces.Read())
}

// check judges what nobody else does.
func (c Config) check() error {
	var wrong []error
	mistake := func(variable, format string, args ...any) {
		wrong = append(wrong, assembly.Mistake{Variable: variable, Text: fmt.Sprintf(format, args...)})
	}
	if (c.Domain == "") == (c.IssuerURL == "") {
		mistake(c.issuerVariable(), "set AUTH0_DOMAIN or AUTH0_ISSUER_URL, one of the two")
	}
	if c.Organizations != "off" && c.Organizations != "required" {
		mistake("AUTH0_ORGANIZATIONS", "AUTH0_ORGANIZATIONS is off or required, not %q", c.Organizations)
	}
	if (c.SigningAlg == auth0.HS256) != (c.SecretFile != "") {
		mistake("AUTH0_SIGNING_SECRET_FILE", "AUTH0_SIGNING_SECRET_FILE goes with AUTH0_SIGNING_ALG=HS256, and only with it")
	}
	for _, address := range [][2]string{{"HTTP_ADDR", c.HTTPAddr}, {"METRICS_ADDR", c.MetricsAddr}} {
		if err := checkAddress(address[1]); err != nil {
			mistake(address[0], "%s: %v", address[0], err)
		}
	}
	return errors.Join(wrong...)
}

// migrationURL is where migrations connect to: past a pooler, if there is one.
func (c Config) migrationURL() string { return cmp.Or(c.DirectURL, c.DatabaseURL).Reveal() }

// checkAddress judges an address by how it is written. Whether it can be
// listened on shows when somebody does.
func checkAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = new(net.Resolver).LookupPort(context.Background(), "tcp", port)
	}
	return err
}

// checkParts has everything judged by the part that is to use it, before
// anything is put together.
func (c Config) checkParts() error {
	_, claim := access.NewAuthenticator(nil, AccessConfig(c, UserIDs(c)))
	public := "PUBLIC_URL"
	if c.PublicURL == "" {
		public = "HTTP_ADDR" // which it is made of
	}
	var direct error
	if c.DirectURL != "" {
		direct = assembly.InWords(postgres.Config{URL: c.migrationURL()}.Check(), map[string]string{"database_url_unreadable": "DATABASE_DIRECT_URL"})
	}
	//nolint:gosec // Names of variables.
	return errors.Join(direct, assembly.InWords(errors.Join(c.pool().Check(), c.tokens(Clock()).Check(), claim, c.http(&net.TCPAddr{}).Check()), map[string]string{
		"database_url_missing": "DATABASE_URL", "database_url_unreadable": "DATABASE_URL",
		"database_pool_size": "DATABASE_POOL_MAX, DATABASE_POOL_MIN", "database_pool_lifetime": "DATABASE_POOL_LIFETIME",

		"auth0_issuer": c.issuerVariable(), "auth0_audience": "AUTH0_AUDIENCE", "auth0_signing_alg": "AUTH0_SIGNING_ALG",
		"auth0_signing_secret_file": "AUTH0_SIGNING_SECRET_FILE", "auth0_token_profile": "AUTH0_TOKEN_PROFILE",
		"user_id_claim_unusable": "AUTH0_USER_ID_CLAIM",

		"http_public_url": public, "http_resource": "AUTH0_AUDIENCE", "http_issuers": c.issuerVariable(), "http_cors_origins": "CORS_ORIGINS", "http_drain_delay": "SHUTDOWN_DELAY",
		"http_rate_limit_requests": "RATE_LIMIT_REQUESTS_PER_SECOND", "http_rate_limit_requests_burst": "RATE_LIMIT_REQUESTS_BURST",
		"http_rate_limit_uploads": "RATE_LIMIT_UPLOADS_PER_SECOND", "http_rate_limit_uploads_burst": "RATE_LIMIT_UPLOADS_BURST",
		"http_rate_limit_failures": "RATE_LIMIT_FAILURES_PER_SECOND", "http_rate_limit_failures_burst": "RATE_LIMIT_FAILURES_BURST",
	}))
}

func (c Config) issuerVariable() string {
	if c.Domain != "" {
		return "AUTH0_DOMAIN"
	}
	return "AUTH0_ISSUER_URL"
}

// issuer is the exact issuer of the tokens that are accepted.
func (c Config) issuer() string {
	issuer, _ := auth0.IssuerURL(c.Domain + c.IssuerURL) // whoever uses it judges it
	return issuer
}

// pool gives the configuration of the database connections.
func (c Config) pool() postgres.Config {
	return postgres.Config{
		URL: c.DatabaseURL.Reveal(), ApplicationName: "timesheets api",
		MaxConnections: c.PoolMax, MinConnections: c.PoolMin, MaxLifetime: c.PoolLifetime,
	}
}

// tokens gives the configuration of who verifies tokens.
func (c Config) tokens(now func() time.Time) auth0.Config {
	return auth0.Config{
		Issuer: c.issuer(), Audience: c.Audience, Algorithm: c.SigningAlg, SecretFile: c.SecretFile, Profile: auth0.Profile(c.TokenProfile), Now: now,
	}
}

// http gives the configuration of the HTTP side, for a server at addr.
func (c Config) http(addr net.Addr) httpapi.Config {
	public := strings.TrimSuffix(c.PublicURL, "/")
	if public == "" {
		public = derivedURL(c.HTTPAddr, addr)
	}
	return httpapi.Config{
		PublicURL: public, Resource: c.Audience, Issuers: []string{c.issuer()}, CORSOrigins: c.CORSOrigins,
		Limits: httpapi.Limits{DrainDelay: c.ShutdownDelay},
		RateLimits: httpapi.RateLimits{
			Requests: httpapi.Rate{PerSecond: c.RequestsPerSecond, Burst: c.RequestsBurst},
			Uploads:  httpapi.Rate{PerSecond: c.UploadsPerSecond, Burst: c.UploadsBurst},
			Failures: httpapi.Rate{PerSecond: c.FailuresPerSecond, Burst: c.FailuresBurst},
		},
	}
}

// derivedURL is where clients on this machine reach a server that listens on
// addr: a stand-in for PUBLIC_URL that suits development.
func derivedURL(configured string, addr net.Addr) string {
	_, port, _ := net.SplitHostPort(addr.String())
	host, _, _ := net.SplitHostPort(configured)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort(host, port)}).String()
}
