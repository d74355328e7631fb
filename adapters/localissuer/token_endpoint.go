package localissuer

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	clientCredentials = "client_credentials"
	password          = "password"
)

// refusal is an answer of the token endpoint that grants nothing.
type refusal struct {
	status            int
	code, description string
}

// serveToken answers the token endpoint (RFC 6749, section 3.2) with Auth0's
// statuses and error codes.
func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	form, ok := parameters(w, r)
	if !ok {
		refuse(w, refusal{http.StatusBadRequest, "invalid_request", "The body cannot be read"})
		return
	}
	var claims map[string]any
	var refused *refusal
	switch grant := form.Get("grant_type"); grant {
	case "":
		refused = &refusal{http.StatusBadRequest, "invalid_request", "Missing required parameter: grant_type"}
	case clientCredentials:
		claims, refused = i.grantToClient(form)
	case password:
		claims, refused = i.grantToUser(form)
	default:
		refused = &refusal{http.StatusBadRequest, "unsupported_grant_type", "Unsupported grant type"}
	}
	if refused != nil {
		refuse(w, *refused)
		return
	}
	granted := map[string]any{
		"access_token": i.Sign(i.Header(), claims),
		"expires_in":   int64(i.options.Lifetime.Seconds()),
		"token_type":   "Bearer",
	}
	if scope, any := claims["scope"]; any && !i.options.HideScope {
		granted["scope"] = scope
	}
	answer(w, http.StatusOK, granted)
}

// grantToClient is the client credentials grant. The scope that is asked for
// narrows nothing: the token has all that the client was granted.
func (i *Issuer) grantToClient(form url.Values) (map[string]any, *refusal) {
	client, refused := i.client(form)
	if refused != nil {
		return nil, refused
	}
	if client.NoGrantType {
		return nil, &refusal{http.StatusForbidden, "unauthorized_client", "Grant type 'client_credentials' not allowed for the client."}
	}
	if refused := i.checkAudience(form); refused != nil {
		return nil, refused
	}
	if client.Scopes == nil {
		return nil, &refusal{http.StatusForbidden, "access_denied",
			fmt.Sprintf("Client is not authorized to access %q. You need to create a \"client-grant\" associated to this API.", i.options.Audience)}
	}
	organization := form.Get("organization")
	if organization != "" && !slices.Contains(client.Organizations, organization) {
		return nil, &refusal{http.StatusForbidden, "access_denied", "The client is not allowed in this organization."}
	}
	return i.MachineClaims(Machine{Client: client.ID, Scopes: client.Scopes, Organization: organization}), nil
}

// grantToUser is the password grant, by which people get tokens without a
// browser. Scopes are those asked for that the person has, or all of them.
func (i *Issuer) grantToUser(form url.Values) (map[string]any, *refusal) {
	client, refused := i.client(form)
	if refused != nil {
		return nil, refused
	}
	if refused := i.checkAudience(form); refused != nil {
		return nil, refused
	}
	n := slices.IndexFunc(i.options.Users, func(u User) bool {
		return u.Email == form.Get("username") && equal(u.Password, form.Get("password"))
	})
	if n < 0 {
		return nil, &refusal{http.StatusForbidden, "invalid_grant", "Wrong email or password."}
	}
	user := i.options.Users[n]
	scopes := user.Scopes
	if asked := strings.Fields(form.Get("scope")); len(asked) > 0 {
		scopes = slices.DeleteFunc(asked, func(s string) bool { return !slices.Contains(user.Scopes, s) })
	}
	further := map[string]any{}
	if i.options.Profile == Auth0Profile {
		further["gty"] = password
	}
	if i.options.EmailClaim != "" {
		further[i.options.EmailClaim] = user.Email
	}
	return i.PersonClaims(Person{Subject: user.Subject, Scopes: scopes, Client: client.ID, Organization: user.Organization, Claims: further}), nil
}

// client proves who asks.
func (i *Issuer) client(form url.Values) (Client, *refusal) {
	for _, c := range i.options.Clients {
		if c.ID == form.Get("client_id") && equal(c.Secret, form.Get("client_secret")) {
			return c, nil
		}
	}
	return Client{}, &refusal{http.StatusUnauthorized, "access_denied", "Unauthorized"}
}

func (i *Issuer) checkAudience(form url.Values) *refusal {
	switch audience := form.Get("audience"); audience {
	case i.options.Audience:
		return nil
	case "":
		return &refusal{http.StatusForbidden, "access_denied", "No audience parameter was provided, and no default audience has been configured"}
	default:
		return &refusal{http.StatusForbidden, "access_denied", "Service not enabled within domain: " + audience}
	}
}

// parameters reads a form, or a JSON object of strings, with the client's
// credentials in it or in the Authorization header.
func parameters(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	form := url.Values{}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/json" {
		members := map[string]string{}
		if json.NewDecoder(r.Body).Decode(&members) != nil {
			return nil, false
		}
		for name, value := range members {
			form.Set(name, value)
		}
	} else if r.ParseForm() != nil {
		return nil, false
	} else {
		form = r.PostForm
	}
	if id, secret, ok := r.BasicAuth(); ok {
		form.Set("client_id", id)
		form.Set("client_secret", secret)
	}
	return form, true
}

func refuse(w http.ResponseWriter, r refusal) {
	answer(w, r.status, map[string]any{"error": r.code, "error_description": r.description})
}

func answer(w http.ResponseWriter, status int, body map[string]any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the caller may be gone
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
