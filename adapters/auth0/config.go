package auth0

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"time"

	"timesheets/domain/fault"
)

// The signature algorithms that an API may be configured for. A token's own alg
// chooses nothing; it must be the configured one.
const (
	RS256 = "RS256" // RSASSA-PKCS1-v1_5, the default
	PS256 = "PS256" // RSASSA-PSS; keys that the issuer publishes for another alg do not count
	HS256 = "HS256" // a secret shared with the issuer
)

// Config is what a Verifier must know.
type Config struct {
	Issuer     string           // the exact iss of tokens; IssuerURL makes it from a domain
	Audience   string           // the API's identifier, which aud must contain
	Algorithm  string           // RS256, PS256 or HS256; "" is RS256
	SecretFile string           // HS256 only: one secret a line, newest first
	Profile    Profile          // "" is Auth0Profile
	KeysURL    string           // the JSON Web Key Set; "" is .well-known/jwks.json below Issuer
	Pace       Pace             // zero values are the defaults
	Now        func() time.Time // the clock that tokens are judged by; required
}

// Check says what is wrong with c, everything at once, without asking anything
// of the network. With HS256 it looks into the secret file.
func (c Config) Check() error {
	c, err := c.checked()
	if c.Algorithm == HS256 {
		_, unusable := newSecretFile(c)
		err = errors.Join(err, unusable)
	}
	return err
}

// checked gives the configuration with its defaults, if it makes sense.
func (c Config) checked() (Config, error) {
	if c.Algorithm == "" {
		c.Algorithm = RS256
	}
	if c.Profile == "" {
		c.Profile = Auth0Profile
	}
	mistakes := []error{checkURL("auth0_issuer", c.Issuer)}
	if c.KeysURL == "" {
		c.KeysURL = below(c.Issuer, ".well-known/jwks.json")
	} else {
		mistakes = append(mistakes, checkURL("auth0_keys_url", c.KeysURL))
	}
	c.Pace = c.Pace.orDefaults()
	if c.Audience == "" {
		mistakes = append(mistakes, fault.New(fault.Invalid, "auth0_audience", "The audience is missing: it is the identifier of the API."))
	}
	if c.Algorithm != RS256 && c.Algorithm != PS256 && c.Algorithm != HS256 {
		mistakes = append(mistakes, fault.New(fault.Invalid, "auth0_signing_alg", "The signing algorithm must be RS256, PS256 or HS256, not %q.", c.Algorithm))
	}
	if c.Profile != Auth0Profile && c.Profile != RFC9068Profile {
		mistakes = append(mistakes, fault.New(fault.Invalid, "auth0_token_profile", "The token profile must be auth0 or rfc9068, not %q.", c.Profile))
	}
	return c, errors.Join(mistakes...)
}

// Pace is how often keys are looked after, and how long anything may take.
// Zero fields mean the defaults, which suit production.
type Pace struct {
	Refresh  time.Duration // between two fetches of the key set, give or take a third; 7m30s
	Retry    time.Duration // longest pause between attempts while there are no keys; 5s. With keys at hand it is 12 times as long
	Cooldown time.Duration // at most one fetch on behalf of an unknown key id in this time; 30s
	Wait     time.Duration // how long a request waits for a fetch at most; 1s
	Timeout  time.Duration // of one fetch; 5s
	MaxAge   time.Duration // how long the last good key set serves through an outage; 24h
	Reread   time.Duration // between two looks at the secret file; 5s
}

func (p Pace) orDefaults() Pace {
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&p.Refresh, 7*time.Minute + 30*time.Second},
		{&p.Retry, 5 * time.Second},
		{&p.Cooldown, 30 * time.Second},
		{&p.Wait, time.Second},
		{&p.Timeout, 5 * time.Second},
		{&p.MaxAge, 24 * time.Hour},
		{&p.Reread, 5 * time.Second},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return p
}

// IssuerURL gives the exact issuer for AUTH0_DOMAIN ("acme.eu.auth0.com" gives
// "https://acme.eu.auth0.com/") or for AUTH0_ISSUER_URL, which stays byte for
// byte as it is.
func IssuerURL(domainOrURL string) (string, error) {
	issuer := domainOrURL
	if !strings.Contains(issuer, "/") {
		issuer = "https://" + issuer + "/"
	}
	return issuer, checkURL("auth0_issuer", issuer)
}

// below gives the address of a document of the issuer.
func below(issuer, path string) string {
	return strings.TrimSuffix(issuer, "/") + "/" + path
}

// checkURL accepts https, and http on loopback only, where nobody listens in.
func checkURL(code, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return fault.New(fault.Invalid, code, "Not the URL of an issuer, or of an endpoint of one: want https://host/, without user, query and fragment.")
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fault.New(fault.Invalid, code, "The URL must begin with https://. Plain http is for loopback addresses only.")
}

func loopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}
