package access

import (
	"errors"
	"strings"

	"timesheets/domain/fault"
	"timesheets/domain/identity"
)

const (
	machineGrant  = "client-credentials" // gty of Auth0's client credentials grant
	machineSuffix = "@clients"           // Auth0: the subject of a machine is its client id and this
	personMark    = "|"                  // Auth0: the subject of a person is connection|id
)

// kind tells a machine from a person. A token is a machine's when its grant is
// client credentials, or when its subject is the client it was issued to (as
// RFC 9068, section 5, has it) with or without Auth0's suffix: issuers drop one
// sign or the other. Refused is what carries signs of both, since whoever made
// such a token wants to be taken for somebody else.
func kind(c Claims) (identity.Kind, error) {
	bare, suffixed := strings.CutSuffix(c.Subject, machineSuffix)
	byGrant := c.Grant == machineGrant
	bySubject := c.Client != "" && (bare == c.Client || c.Subject == c.Client)
	switch {
	case bySubject && c.Grant != "" && !byGrant:
		return "", unclear("a client's subject with a person's grant")
	case bySubject:
		return identity.Machine, nil
	case suffixed && (c.Client != "" || bare == ""):
		return "", unclear("the subject of another client, or of none")
	case byGrant && strings.Contains(c.Subject, personMark):
		return "", unclear("a person's subject with the client credentials grant")
	case byGrant:
		return identity.Machine, nil
	case suffixed:
		return "", unclear("a client's subject without its client")
	}
	return identity.Person, nil
}

// client is the id of a machine's application.
func client(c Claims) string {
	if c.Client != "" {
		return c.Client
	}
	return strings.TrimSuffix(c.Subject, machineSuffix)
}

// unclear refuses a token; cause is for the log and holds nothing from it.
func unclear(cause string) error {
	return fault.Wrap(errors.New(cause), fault.Unauthenticated, "invalid_token",
		"The access token does not say clearly whom it stands for. Get a new one.")
}
