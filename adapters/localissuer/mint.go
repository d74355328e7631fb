package localissuer

import (
	"fmt"
	"maps"
	"strings"
)

// Person is somebody for whom a token is made, registered or not.
type Person struct {
	Subject      string         // "auth0|ann"
	Scopes       []string       // granted
	Client       string         // the application they use; "" is "web-app"
	Organization string         // org_id; "" is none
	OpenID       bool           // the application asked for openid too, which adds the userinfo endpoint to aud
	Claims       map[string]any // further claims, and other values for those above; nil takes one away
}

// Machine is a program for which a token is made, registered or not.
type Machine struct {
	Client       string
	Scopes       []string
	Organization string
	Claims       map[string]any // as in Person
}

// PersonToken signs an access token for p.
func (i *Issuer) PersonToken(p Person) string { return i.Sign(i.Header(), i.PersonClaims(p)) }

// MachineToken signs an access token of the client credentials grant for m.
func (i *Issuer) MachineToken(m Machine) string { return i.Sign(i.Header(), i.MachineClaims(m)) }

// PersonClaims is what PersonToken signs, as a map that the caller may change.
func (i *Issuer) PersonClaims(p Person) map[string]any {
	if p.Client == "" {
		p.Client = "web-app"
	}
	c := i.claims(p.Subject, p.Client, p.Scopes, p.Organization)
	if p.OpenID {
		c["aud"] = []string{i.options.Audience, i.url + "userinfo"}
		c["scope"] = strings.TrimSpace("openid " + strings.Join(p.Scopes, " "))
	}
	return changed(c, p.Claims)
}

// MachineClaims is what MachineToken signs, as a map that the caller may change.
func (i *Issuer) MachineClaims(m Machine) map[string]any {
	c := i.claims(m.Client+"@clients", m.Client, m.Scopes, m.Organization)
	if i.options.Profile == RFC9068Profile {
		c["sub"] = m.Client
	} else {
		c["gty"] = "client-credentials"
	}
	return changed(c, m.Claims)
}

// claims has what the tokens of people and programs have in common, in the
// issuer's profile. Without any scope the claim is absent, as it is at Auth0.
func (i *Issuer) claims(subject, client string, scopes []string, organization string) map[string]any {
	now := i.options.Now().Unix()
	c := map[string]any{
		"iss": i.url,
		"sub": subject,
		"aud": i.options.Audience,
		"iat": now,
		"exp": now + int64(i.options.Lifetime.Seconds()),
	}
	if len(scopes) > 0 {
		c["scope"] = strings.Join(scopes, " ")
	}
	if organization != "" {
		c["org_id"] = organization
	}
	if i.options.Profile == RFC9068Profile {
		c["client_id"] = client
		c["jti"] = fmt.Sprintf("token-%d", i.tokenIDs.Add(1))
	} else {
		c["azp"] = client
	}
	return c
}

func changed(claims, changes map[string]any) map[string]any {
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}
