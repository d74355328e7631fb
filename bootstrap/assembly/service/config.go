// Package service puts the Timesheets API together: its configuration, the
// parts it is made of, and how they start and end. The injectors of the API
// and of the demo are made of its sets.
package service

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"timesheets/adapters/auth0"
	"timesheets/adapters/httpapi"
	"timesheets/bootstrap/assembly"
	"timesheets/domain/fault"
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
	err = errors.Join(err, c.check(), c.Traces.Read())
	return c, err
}

func (c Config) check() error {
	var wrong []error
	if (c.Domain == "") == (c.IssuerURL == "") {
		wrong = append(wrong, errors.New("set AUTH0_DOMAIN or AUTH0_ISSUER_URL, one of the two"))
	} else if _, err := c.Issuer(); err != nil {
		wrong = append(wrong, fmt.Errorf("%s: %s", c.issuerVariable(), fault.Of(err).Text))
	}
	if c.Organizations != "off" && c.Organizations != "required" {
		wrong = append(wrong, fmt.Errorf("AUTH0_ORGANIZATIONS is off or required, not %q", c.Organizations))
	}
	if (c.SigningAlg == auth0.HS256) != (c.SecretFile != "") {
		wrong = append(wrong, errors.New("AUTH0_SIGNING_SECRET_FILE goes with AUTH0_SIGNING_ALG=HS256, and only with it"))
	}
	for i, origin := range c.CORSOrigins {
		c.CORSOrigins[i] = strings.TrimSpace(origin)
	}
	return errors.Join(wrong...)
}

// migrationURL is where migrations connect to: past a pooler, if there is one.
func (c Config) migrationURL() string { return cmp.Or(c.DirectURL, c.DatabaseURL).Reveal() }

func (c Config) issuerVariable() string {
	if c.Domain != "" {
		return "AUTH0_DOMAIN"
	}
	return "AUTH0_ISSUER_URL"
}

// Issuer is the exact issuer of the tokens that are accepted.
func (c Config) Issuer() (string, error) { return auth0.IssuerURL(c.Domain + c.IssuerURL) }

// http gives the configuration of the HTTP side, for a server at addr.
func (c Config) http(addr net.Addr) (httpapi.Config, error) {
	issuer, err := c.Issuer()
	if err != nil {
		return httpapi.Config{}, err
	}
	public := strings.TrimSuffix(c.PublicURL, "/")
	if public == "" {
		public = derivedURL(c.HTTPAddr, addr)
	}
	return httpapi.Config{
		PublicURL: public, Resource: c.Audience, Issuers: []string{issuer}, CORSOrigins: c.CORSOrigins,
		Limits: httpapi.Limits{DrainDelay: c.ShutdownDelay},
		RateLimits: httpapi.RateLimits{
			Requests: httpapi.Rate{PerSecond: c.RequestsPerSecond, Burst: c.RequestsBurst},
			Uploads:  httpapi.Rate{PerSecond: c.UploadsPerSecond, Burst: c.UploadsBurst},
			Failures: httpapi.Rate{PerSecond: c.FailuresPerSecond, Burst: c.FailuresBurst},
		},
	}, nil
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
