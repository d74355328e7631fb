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
	"timesheets/adapters/timesheetsapi"
	"timesheets/adapters/trackers"
	"timesheets/adapters/trackers/settings"
	"timesheets/application/importing"
	"timesheets/bootstrap/assembly"
	"timesheets/domain/fault"
	"timesheets/domain/identity"
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
	err = errors.Join(err, c.readIssuer(), c.readSecret(), c.readTracker(e), c.checkMode(), c.checkParts())
	return c, assembly.Mistakes(err, c.Log.Check(), c.Traces.Read())
}

func (c *Config) readSecret() (err error) {
	c.ClientSecret, err = assembly.SecretFrom("AUTH0_CLIENT_SECRET", c.ClientSecret, c.SecretFile)
	return err
}

// readIssuer fills in where tokens come from. Whatever is wrong with it is wrong
// with AUTH0_TOKEN_URL.
func (c *Config) readIssuer() error {
	mistake := func(text string) error { return assembly.Mistake{Variable: "AUTH0_TOKEN_URL", Text: text} }
	switch {
	case c.Domain != "" && c.IssuerURL != "":
		// With a token URL of its own that is one mistake, and what is wrong there another.
		variable := "AUTH0_TOKEN_URL"
		if c.TokenURL != "" {
			variable = "AUTH0_ISSUER_URL"
		}
		return assembly.Mistake{Variable: variable, Text: "set AUTH0_DOMAIN or AUTH0_ISSUER_URL, not both"}
	case c.TokenURL != "":
		return nil
	case c.Domain == "" && c.IssuerURL == "":
		return mistake("set AUTH0_DOMAIN, AUTH0_ISSUER_URL or AUTH0_TOKEN_URL")
	}
	issuer, err := auth0.IssuerURL(c.Domain + c.IssuerURL)
	if err != nil {
		return mistake("AUTH0_DOMAIN or AUTH0_ISSUER_URL: " + fault.Of(err).Text)
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
		return assembly.InWords(err, nil)
	}
	c.kind = kind
	if c.Source == "" {
		c.Source = kind.Name
	}
	var source error
	if err := timesheet.CheckUploadSource(c.Source); err != nil {
		source = fmt.Errorf("TRACKER_SOURCE: %s", fault.Of(err).Text)
	}
	c.settings, err = settings.Read(kind.Settings, lookup(e), os.ReadFile)
	_, unusable := kind.Open(c.settings, trackers.Surroundings{Source: c.Source})
	return assembly.InWords(errors.Join(source, err, unusable), nil)
}

func (c *Config) checkMode() error {
	switch c.Mode {
	case importing.Upsert, importing.Mirror:
		return nil
	}
	return errors.New("IMPORT_MODE is upsert or mirror")
}

// checkParts has everything judged by the part that is to use it, before
// anything is put together.
func (c *Config) checkParts() error {
	_, api := timesheetsapi.NewUploader(timesheetsapi.Config{URL: c.APIURL})
	//nolint:gosec // Names of variables.
	return assembly.InWords(errors.Join(c.tokens().Check(), api), map[string]string{
		"auth0_token_url": "AUTH0_TOKEN_URL", "auth0_audience": "AUTH0_AUDIENCE", "auth0_client_id": "AUTH0_CLIENT_ID", "auth0_client_secret": "AUTH0_CLIENT_SECRET",
		"not_a_url": "TIMESHEETS_API_URL", "not_https": "TIMESHEETS_API_URL",
	})
}

// tokens gives the configuration of where tokens come from.
func (c *Config) tokens() auth0.SourceConfig {
	return auth0.SourceConfig{
		TokenURL: c.TokenURL, ClientID: c.ClientID, ClientSecret: c.ClientSecret.Reveal(), Audience: c.Audience,
		Organization: c.Organization, Scopes: []string{string(identity.BatchUpload)},
	}
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
