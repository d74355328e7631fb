package localissuer

import (
	"crypto/rsa"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// The signature algorithms of the one API that the issuer knows.
const (
	RS256 = "RS256"
	PS256 = "PS256"
	HS256 = "HS256"
)

// The two ways to write access tokens.
const (
	Auth0Profile   = "auth0"
	RFC9068Profile = "rfc9068"
)

// Options says what the issuer knows when it starts.
type Options struct {
	Address    string            // a loopback host:port; "" is a free port of 127.0.0.1
	Audience   string            // the identifier of the API; tokens are for it alone
	Algorithm  string            // "" is RS256
	Profile    string            // "" is Auth0Profile
	Secret     string            // HS256 only: what the API and the issuer share
	Lifetime   time.Duration     // of access tokens, whole seconds; 0 is Auth0's 24 hours
	EmailClaim string            // the claim that carries a user's e-mail address; "" adds none
	HideScope  bool              // the token endpoint does not say which scopes it granted
	Clients    []Client          // the registered applications
	Users      []User            // the registered people
	Keys       []*rsa.PrivateKey // signing keys in the order of their use; made as needed when there are no more
	Now        func() time.Time  // the clock of iat and exp; required
}

// Client is a registered application.
type Client struct {
	ID, Secret    string
	Scopes        []string // of its grant for the API; nil: it has none
	Organizations []string // for which it may ask tokens
	NoGrantType   bool     // the client credentials grant is switched off for it
}

// User is a registered person, who can log in with the password grant.
type User struct {
	Subject      string // "auth0|ann"
	Email        string
	Password     string
	Scopes       []string // assigned to the person by role
	Organization string   // in which the person logs in; "" is none
}

// Issuer is a running identity provider.
type Issuer struct {
	options Options
	url     string
	server  *http.Server

	mu                      sync.Mutex
	previous, current, next *signingKey // previous is nil once revoked
	spare                   []*rsa.PrivateKey
	brokenKeys              http.Handler // instead of the key set; nil is none
	brokenTokens            http.Handler // instead of the token endpoint; nil is none

	keyRequests, tokenRequests, tokenIDs atomic.Int64
}

// Start makes the first keys and begins to listen.
func Start(options Options) (*Issuer, error) {
	if options.Address == "" {
		options.Address = "127.0.0.1:0"
	}
	if options.Algorithm == "" {
		options.Algorithm = RS256
	}
	if options.Profile == "" {
		options.Profile = Auth0Profile
	}
	if options.Lifetime == 0 {
		options.Lifetime = 24 * time.Hour
	}
	i := &Issuer{options: options, spare: options.Keys}
	if options.Algorithm != HS256 {
		i.current, i.next = i.newKey(), i.newKey()
	}
	listener, err := net.Listen("tcp", options.Address)
	if err != nil {
		return nil, fmt.Errorf("local issuer: %w", err)
	}
	if address := listener.Addr().(*net.TCPAddr); !address.IP.IsLoopback() {
		listener.Close()
		return nil, fmt.Errorf("local issuer: %s is not a loopback address", options.Address)
	}
	i.url = "http://" + listener.Addr().String() + "/"
	i.server = &http.Server{Handler: i.routes(), ReadTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10}
	go func() { _ = i.server.Serve(listener) }() // ends with Close
	return i, nil
}

// URL is the issuer as it stands in iss, with a slash at its end.
func (i *Issuer) URL() string { return i.url }

// Audience is the identifier of the API.
func (i *Issuer) Audience() string { return i.options.Audience }

// Close stops listening and cuts the requests that are under way.
func (i *Issuer) Close() { i.server.Close() }

// KeyRequests counts how often the key set was asked for.
func (i *Issuer) KeyRequests() int { return int(i.keyRequests.Load()) }

// TokenRequests counts how often the token endpoint was asked.
func (i *Issuer) TokenRequests() int { return int(i.tokenRequests.Load()) }

func (i *Issuer) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", i.serveDiscovery)
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		i.keyRequests.Add(1)
		if h := i.broken(&i.brokenKeys); h != nil {
			h.ServeHTTP(w, r)
			return
		}
		i.serveKeys(w)
	})
	mux.HandleFunc("POST /oauth/token", func(w http.ResponseWriter, r *http.Request) {
		i.tokenRequests.Add(1)
		if h := i.broken(&i.brokenTokens); h != nil {
			h.ServeHTTP(w, r)
			return
		}
		i.serveToken(w, r)
	})
	return mux
}

// serveDiscovery answers OpenID Connect Discovery.
func (i *Issuer) serveDiscovery(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"issuer":                                i.url,
		"jwks_uri":                              i.url + ".well-known/jwks.json",
		"token_endpoint":                        i.url + "oauth/token",
		"grant_types_supported":                 []string{clientCredentials, password},
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "client_secret_basic"},
		"id_token_signing_alg_values_supported": []string{i.options.Algorithm},
		"response_types_supported":              []string{"token"},
		"subject_types_supported":               []string{"public"},
	})
}
