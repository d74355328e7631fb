package access

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

// userID is the canonical user id of the person that c stands for.
func (a *Authenticator) userID(c Claims) (string, error) {
	name := a.config.UserIDs.Claim()
	var value any = c.Subject
	if !a.config.UserIDs.BySubject() {
		value = c.Custom[name]
		if _, present := c.Custom[name]; !present || value == "" {
			return "", fault.New(fault.Forbidden, "user_id_claim_missing",
				"The access token does not have the claim %s, which names people here. Ask your administrator to add it to access tokens.", name)
		}
	}
	id, isText := value.(string)
	if !isText || !plain(id) {
		return "", fault.New(fault.Forbidden, "user_id_claim_invalid",
			"The claim %s of the access token is not a user id of 1 to %d characters.", name, identity.MaxUserIDLength)
	}
	if !a.config.UserIDs.BySubject() && isEmail(name, id) && !verified(c, name) {
		return "", fault.New(fault.Forbidden, "email_not_verified",
			"Your e-mail address names you here and is not verified. Verify it, then log in again.")
	}
	return a.config.UserIDs.Canonical(id), nil
}

// isEmail is true when the claim name, or the form of its value, says that
// people are named by e-mail address.
func isEmail(name, value string) bool {
	return strings.HasSuffix(strings.ToLower(name), "email") || strings.Count(value, "@") == 1
}

// verified is false when the token says that the e-mail address in the claim
// name is not verified: beside it, under the same namespace, or under OpenID
// Connect's own name. Silence is consent; any value but true is not.
func verified(c Claims, name string) bool {
	for _, flag := range []string{name + "_verified", "email_verified"} {
		if v, present := c.Custom[flag]; present && v != true && v != "true" {
			return false
		}
	}
	return true
}

// plain is true for 1 to identity.MaxUserIDLength characters without control
// characters, which no store and no log would keep as they are.
func plain(s string) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= identity.MaxUserIDLength &&
		strings.IndexFunc(s, unicode.IsControl) < 0
}
