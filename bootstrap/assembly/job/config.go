// Package job puts the import job together: its configuration, the parts it is
// made of, and what it shows of a run. The injectors of the importer and of the
// demo are made of its sets.
package job

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"timesheets/adapters/auth0"
	"timesheets/adapters/trackers"
	"timesheets/adapters/trackers/settings"
	"timesheets/application/importing"
	"timesheets/bootstrap/assembly"
	"timesheets/domain/fault"
	"timesheets/domain/timesheet"
)

// Config is what the environment says. The README explains each variable.
type Config struct {
	APIURL string `env:"TIMESHEETS_API_URL,required"`

	Domain       string          `env:"AUTH0_DOMAIN"`
	IssuerURL    string          `env:"AUTH0_ISSUER_URL"`
	TokenURL     string          `env:"AUTH0_TOKEN_URL"`
	Audience     string          `env:"AUTH0_AUDIENCE,required"`
	Organization string          `env:"AUTH0_ORGANIZATION"`
	ClientID     string          `env:"AUTH0_CLIENT_ID,required"`
	ClientSecret assembly.Secret `env:"AUTH0_CLIENT_SECRET"`
	SecretFile   string          `env:"AUTH0_CLIENT_SECRET_FILE"`

	Tracker string         `env:"TRACKER,required"`
	Source  string         `env:"TRACKER_SOURCE"` // "" is the tracker's name
	Mode    importing.Mode `env:"IMPORT_MODE" envDefault:"upsert"`

	Log    assembly.LogConfig
	Traces assembly.TraceConfig

	kind     trackers.Kind
	settings settings.Values // hold a secret: never to be printed
}

// ReadConfig reads the environment and judges it as a whole, with all that the
// tracker wants to know: the error names all that is wrong.
func ReadConfig(e assembly.Environment) (Config, error) {
	c, err := assembly.Read[Config](e)
	err = errors.Join(err, c.readIssuer(), c.readSecret(), c.readTracker(e), c.checkMode(), c.Traces.Read())
	return c, err
}

func (c *Config) readSecret() (err error) {
	c.ClientSecret, err = assembly.SecretFrom("AUTH0_CLIENT_SECRET", c.ClientSecret, c.SecretFile)
	return err
}

// readIssuer fills in where tokens come from.
func (c *Config) readIssuer() error {
	switch {
	case c.Domain != "" && c.IssuerURL != "":
		return errors.New("set AUTH0_DOMAIN or AUTH0_ISSUER_URL, not both")
	case c.TokenURL != "":
		return nil
	case c.Domain == "" && c.IssuerURL == "":
		return errors.New("set AUTH0_DOMAIN, AUTH0_ISSUER_URL or AUTH0_TOKEN_URL")
	}
	issuer, err := auth0.IssuerURL(c.Domain + c.IssuerURL)
	if err != nil {
		return fmt.Errorf("AUTH0_DOMAIN or AUTH0_ISSUER_URL: %s", fault.Of(err).Text)
	}
	c.TokenURL = auth0.TokenURL(issuer)
	return nil
}

// readTracker finds the tracker and reads its settings.
func (c *Config) readTracker(e assembly.Environment) error {
	if c.Tracker == "" {
		return nil // which is reported already
	}
	kind, err := trackers.ByName(c.Tracker)
	if err != nil {
		return inWords(err)
	}
	c.kind = kind
	if c.Source == "" {
		c.Source = kind.Name
	}
	if err := timesheet.CheckUploadSource(c.Source); err != nil {
		return fmt.Errorf("TRACKER_SOURCE: %s", fault.Of(err).Text)
	}
	c.settings, err = settings.Read(kind.Settings, lookup(e), os.ReadFile)
	return inWords(err)
}

func (c *Config) checkMode() error {
	switch c.Mode {
	case importing.Upsert, importing.Mirror:
		return nil
	}
	return errors.New("IMPORT_MODE is upsert or mirror")
}

// inWords gives an error, or several that were joined, without the codes that
// are for programs.
func inWords(err error) error {
	if f, ok := err.(*fault.Error); ok { //nolint:errorlint // each error by itself, not the first in the tree
		return errors.New(f.Text)
	}
	several, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var words []error
	for _, one := range several.Unwrap() {
		words = append(words, inWords(one))
	}
	return errors.Join(words...)
}

// lookup gives the value of a variable, "" for none. Of a name that stands
// twice the last counts, as in a shell.
func lookup(e assembly.Environment) func(name string) string {
	return func(name string) string {
		value := ""
		for _, line := range e {
			if n, v, _ := strings.Cut(line, "="); n == name {
				value = v
			}
		}
		return value
	}
}
