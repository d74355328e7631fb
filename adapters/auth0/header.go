package auth0

import "strings"

// maxKeyIDLength is the longest key id, in bytes, that is looked up.
const maxKeyIDLength = 128

// readHeader decodes the header part of a token, holds it against what the
// configuration allows and gives the key id, "" when there is none. Members that we do not know are ignored, as RFC 7515,
// section 4, wants it; among them are all that offer a key of their own (jwk,
// jku, x5c, x5u): keys come from the issuer's key set, whatever a token says.
func (v *Verifier) readHeader(part string) (kid string, err error) {
	text, err := decode(part)
	if err != nil {
		return "", err
	}
	var alg, typ string
	var refused error
	err = walkObject(text, func(name string, o object) (err error) {
		switch name {
		case "alg":
			alg, err = o.text()
		case "typ":
			typ, err = o.text()
			if !v.profile.accepts(typ) {
				refused = WrongType
			}
		case "kid":
			kid, err = o.text()
		case "crit", "b64": // RFC 7515, section 4.1.11; RFC 7797, section 6
			refused = CriticalHeader
			_, err = o.other()
		case "enc", "zip": // of encryption only (RFC 7516, section 4.1)
			refused = Encrypted
			_, err = o.other()
		default:
			_, err = o.other()
		}
		return err
	})
	switch {
	case err != nil:
		return "", BadHeader
	case refused != nil:
		return "", refused
	case alg != v.method.Alg():
		return "", WrongAlgorithm
	case typ == "" && !v.profile.acceptsUntyped():
		return "", WrongType
	case v.asymmetric() && (kid == "" || len(kid) > maxKeyIDLength):
		return "", NoKeyID
	}
	return kid, nil
}

// mediaType gives a typ as RFC 7515, section 4.1.9, compares it: without
// regard to case, and "application/" understood.
func mediaType(typ string) string {
	return strings.TrimPrefix(strings.ToLower(typ), "application/")
}
