package auth0_test

import (
	"strings"

	"timesheets/adapters/auth0"
)

func hostileJSON() []hostile {
	return []hostile{
		{"claims that are no JSON", claimsText(`exp=1`), auth0.BadClaims},
		{"claims that are an array", claimsText(`[{"iss":"ISS"}]`), auth0.BadClaims},
		{"claims that are a string", claimsText(`"claims"`), auth0.BadClaims},
		{"claims that are a number", claimsText(`1`), auth0.BadClaims},
		{"claims that are true", claimsText(`true`), auth0.BadClaims},
		{"claims that are null", claimsText(`null`), auth0.BadClaims},
		{"no claims at all", claimsText(`{}`), auth0.WrongIssuer},
		{"claims with something behind", func(w *world) string { return w.SignText(jsonOf(w.Header()), jsonOf(goodClaims(w))+"{}") }, auth0.BadClaims},
		{"claims with a zero byte behind", func(w *world) string { return w.SignText(jsonOf(w.Header()), jsonOf(goodClaims(w))+"\x00") }, auth0.BadClaims},
		{"claims with a byte order mark", func(w *world) string { return w.SignText(jsonOf(w.Header()), "\ufeff"+jsonOf(goodClaims(w))) }, auth0.BadClaims},
		{"claims cut short", claimsText(`{"iss":"ISS","aud":"AUD"`), auth0.BadClaims},
		{"claims with a comment", claimsWith(`"x":1/**/`), auth0.BadClaims},
		{"claims with NaN", claimsWith(`"x":NaN`), auth0.BadClaims},
		{"claims with a number in another base", claimsWith(`"x":0x10`), auth0.BadClaims},
		{"claims that are not UTF-8", claimsWith("\"x\":\"\xc3\x28\""), auth0.BadClaims},
		{"a name that is not UTF-8", claimsWith("\"\xff\":1"), auth0.BadClaims},
		{"half a surrogate pair", claimsWith(`"x":"\ud800"`), auth0.BadClaims},
		{"100 objects deep", claimsWith(`"x":` + nested(100)), auth0.BadClaims},
		{"3,000 arrays deep", claimsWith(`"x":` + strings.Repeat("[", 3000) + strings.Repeat("]", 3000)), auth0.BadClaims},

		{"exp twice", claimsWith(`"exp":4102444800`), auth0.BadClaims},
		{"exp twice, once in escapes", claimsWith(`"\u0065xp":4102444800`), auth0.BadClaims},
		{"iss twice", claimsWith(`"iss":"ISS"`), auth0.BadClaims},
		{"aud twice", claimsWith(`"aud":"AUD"`), auth0.BadClaims},
		{"sub twice", claimsWith(`"sub":"admin"`), auth0.BadClaims},
		{"scope twice", claimsWith(`"scope":"approve:timesheets"`), auth0.BadClaims},
		{"gty twice", claimsWith(`"gty":"password"`), auth0.BadClaims},
		{"a claim of ours twice", claimsWith(`"email":"a@x","email":"b@x"`), auth0.BadClaims},
		{"a member twice deep in a claim", claimsWith(`"x":[{"y":1,"y":2}]`), auth0.BadClaims},
	}
}

func hostileTimes() []hostile {
	exp := func(written string) forge { return claimsInstead("exp", `"exp":`+written) }
	nbf := func(written string) forge { return claimsWith(`"nbf":` + written) }
	iat := func(written string) forge { return claimsInstead("iat", `"iat":`+written) }
	return []hostile{
		{"no exp", claims(j{"exp": gone}), auth0.MissingClaim},
		{"exp as Exp", claimsInstead("exp", `"Exp":4102444800`), auth0.MissingClaim},
		{"exp as EXP", claimsInstead("exp", `"EXP":4102444800`), auth0.MissingClaim},
		{"exp with a blank", claimsInstead("exp", `"exp ":4102444800`), auth0.MissingClaim},
		{"exp in quotes", exp(`"4102444800"`), auth0.BadClaims},
		{"exp as a date", exp(`"2100-01-01T00:00:00Z"`), auth0.BadClaims},
		{"exp is null", exp(`null`), auth0.BadClaims},
		{"exp is true", exp(`true`), auth0.BadClaims},
		{"exp is an array", exp(`[4102444800]`), auth0.BadClaims},
		{"exp is an object", exp(`{}`), auth0.BadClaims},
		{"exp is 0", exp(`0`), auth0.Expired},
		{"exp is minus 0", exp(`-0`), auth0.Expired},
		{"exp is 1", exp(`1`), auth0.Expired},
		{"exp is negative", exp(`-1`), auth0.BadClaims},
		{"exp is 1e300", exp(`1e300`), auth0.BadClaims},
		{"exp is 1e400", exp(`1e400`), auth0.BadClaims},
		{"exp is minus 1e300", exp(`-1e300`), auth0.BadClaims},
		{"exp is the largest int64", exp(`9223372036854775807`), auth0.BadClaims},
		{"exp is one more than the largest int64", exp(`9223372036854775808`), auth0.BadClaims},
		{"exp is the largest uint64", exp(`18446744073709551615`), auth0.BadClaims},
		{"exp lies after the year 9999", exp(`253402300800`), auth0.BadClaims},
		{"exp is in milliseconds", exp(`1795251600000`), auth0.BadClaims},
		{"exp has 1,000 digits", exp(strings.Repeat("9", 1000)), auth0.BadClaims},
		{"exp was 30 s ago", claimsAt("exp", -30), auth0.Expired},
		{"exp was 30.5 s ago", claimsAt("exp", -30.5), auth0.Expired},
		{"exp was an hour ago", claimsAt("exp", -3600), auth0.Expired},

		{"nbf lies 31 s ahead", claimsAt("nbf", 31), auth0.NotYetValid},
		{"nbf lies 30.5 s ahead", claimsAt("nbf", 30.5), auth0.NotYetValid},
		{"nbf lies a year ahead", claimsAt("nbf", 365*86400), auth0.NotYetValid},
		{"nbf in quotes", nbf(`"1"`), auth0.BadClaims},
		{"nbf is null", nbf(`null`), auth0.BadClaims},
		{"nbf is true", nbf(`true`), auth0.BadClaims},
		{"nbf is 1e300", nbf(`1e300`), auth0.BadClaims},
		{"nbf is negative", nbf(`-1`), auth0.BadClaims},

		{"no iat", claims(j{"iat": gone}), auth0.MissingClaim},
		{"iat lies 31 s ahead", claimsAt("iat", 31), auth0.IssuedAhead},
		{"iat lies a day ahead", claimsAt("iat", 86400), auth0.IssuedAhead},
		{"iat in quotes", iat(`"1"`), auth0.BadClaims},
		{"iat is null", iat(`null`), auth0.BadClaims},
		{"iat is an object", iat(`{}`), auth0.BadClaims},
		{"iat is 1e300", iat(`1e300`), auth0.BadClaims},
		{"iat is negative", iat(`-1`), auth0.BadClaims},
	}
}

func hostileClaims() []hostile {
	iss := func(written string) forge { return claimsInstead("iss", `"iss":`+written) }
	aud := func(written string) forge { return claimsInstead("aud", `"aud":`+written) }
	sub := func(written string) forge { return claimsInstead("sub", `"sub":`+written) }
	return []hostile{
		{"no iss", claims(j{"iss": gone}), auth0.WrongIssuer},
		{"iss as Iss", claimsInstead("iss", `"Iss":"ISS"`), auth0.WrongIssuer},
		{"iss is empty", iss(`""`), auth0.WrongIssuer},
		{"iss is null", iss(`null`), auth0.BadClaims},
		{"iss is a number", iss(`1`), auth0.BadClaims},
		{"iss is an array", iss(`["ISS"]`), auth0.BadClaims},
		{"iss of somebody else", iss(`"https://evil.eu.auth0.com/"`), auth0.WrongIssuer},
		{"iss without its slash", func(w *world) string { return claims(j{"iss": strings.TrimSuffix(w.URL(), "/")})(w) }, auth0.WrongIssuer},
		{"iss with a slash too many", iss(`"ISS/"`), auth0.WrongIssuer},
		{"iss with a path", iss(`"ISSother"`), auth0.WrongIssuer},
		{"iss with a query", iss(`"ISS?"`), auth0.WrongIssuer},
		{"iss by https", func(w *world) string { return claims(j{"iss": "https" + w.URL()[4:]})(w) }, auth0.WrongIssuer},
		{"iss in capitals", func(w *world) string { return claims(j{"iss": strings.ToUpper(w.URL())})(w) }, auth0.WrongIssuer},
		{"iss with a blank", iss(`"ISS "`), auth0.WrongIssuer},
		{"iss with a zero byte", iss(`"ISS\u0000"`), auth0.WrongIssuer},

		{"no aud", claims(j{"aud": gone}), auth0.MissingClaim},
		{"aud as Aud", claimsInstead("aud", `"Aud":"AUD"`), auth0.MissingClaim},
		{"aud is empty", aud(`""`), auth0.MissingClaim},
		{"aud is an empty array", aud(`[]`), auth0.MissingClaim},
		{"aud is null", aud(`null`), auth0.BadClaims},
		{"aud is a number", aud(`1`), auth0.BadClaims},
		{"aud is an object", aud(`{"AUD":true}`), auth0.BadClaims},
		{"aud holds null", aud(`["AUD",null]`), auth0.BadClaims},
		{"aud holds a number", aud(`["AUD",1]`), auth0.BadClaims},
		{"aud holds an array", aud(`[["AUD"]]`), auth0.BadClaims},
		{"aud is a client, as in an ID token", aud(`"job"`), auth0.WrongAudience},
		{"aud is another API", aud(`"https://api.exampleco.com/payroll"`), auth0.WrongAudience},
		{"aud is the userinfo endpoint", aud(`["ISSuserinfo"]`), auth0.WrongAudience},
		{"aud with a slash", aud(`"AUD/"`), auth0.WrongAudience},
		{"aud in capitals", func(w *world) string { return claims(j{"aud": strings.ToUpper(audience)})(w) }, auth0.WrongAudience},
		{"aud that ours begins with", aud(`"https://api.exampleco.com"`), auth0.WrongAudience},
		{"aud that begins with ours", aud(`"AUD.evil.example"`), auth0.WrongAudience},
		{"aud with ours among others in one string", aud(`"https://x AUD"`), auth0.WrongAudience},

		{"no sub", claims(j{"sub": gone}), auth0.MissingClaim},
		{"sub as Sub", claimsInstead("sub", `"Sub":"job@clients"`), auth0.MissingClaim},
		{"sub is empty", sub(`""`), auth0.MissingClaim},
		{"sub is null", sub(`null`), auth0.BadClaims},
		{"sub is a number", sub(`42`), auth0.BadClaims},
		{"sub is an array", sub(`["job@clients"]`), auth0.BadClaims},
		{"sub with a zero byte", sub(`"job\u0000@clients"`), contradictory},
		{"sub with a line feed", sub(`"job@clients\n"`), contradictory},
		{"sub with a unit separator", sub(`"x\u001fy"`), contradictory},
		{"sub of 256 characters", sub(`"` + strings.Repeat("\u00e4", 256) + `"`), contradictory},

		{"azp is a number", claimsInstead("azp", `"azp":1`), auth0.BadClaims},
		{"azp is null", claimsInstead("azp", `"azp":null`), auth0.BadClaims},
		{"azp is an array", claimsInstead("azp", `"azp":["job"]`), auth0.BadClaims},
		{"azp of 256 characters", claims(j{"azp": strings.Repeat("a", 256)}), contradictory},
		{"client_id is a number", claimsWith(`"client_id":1`), auth0.BadClaims},
		{"client_id is another than azp", claimsWith(`"client_id":"other"`), auth0.ClientsDiffer},
		{"gty is an array", claimsInstead("gty", `"gty":["client-credentials"]`), auth0.BadClaims},
		{"gty is null", claimsInstead("gty", `"gty":null`), auth0.BadClaims},
		{"scope is an array", claimsInstead("scope", `"scope":["batch:upload"]`), auth0.BadClaims},
		{"scope is a number", claimsInstead("scope", `"scope":1`), auth0.BadClaims},
		{"scope is null", claimsInstead("scope", `"scope":null`), auth0.BadClaims},
		{"org_id is a number", claimsWith(`"org_id":1`), auth0.BadClaims},
		{"org_id is null", claimsWith(`"org_id":null`), auth0.BadClaims},
		{"org_id is an array", claimsWith(`"org_id":["org_a"]`), auth0.BadClaims},
		{"jti is a number", claimsWith(`"jti":1`), auth0.BadClaims},

		{"bound to a DPoP key", claims(j{"cnf": j{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}}), auth0.SenderBound},
		{"bound to a certificate", claims(j{"cnf": j{"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}), auth0.SenderBound},
		{"bound to nothing", claims(j{"cnf": j{}}), auth0.SenderBound},
		{"bound to null", claimsWith(`"cnf":null`), auth0.SenderBound},
		{"bound to a string", claims(j{"cnf": "x"}), auth0.SenderBound},

		{"a person's grant under a client's subject", claims(j{"gty": "password"}), contradictory},
		{"a refresh under a client's subject", claims(j{"gty": "refresh_token"}), contradictory},
		{"a person's subject under the client credentials grant", claims(j{"sub": "auth0|ann"}), contradictory},
		{"the subject of another client", claims(j{"sub": "admin@clients"}), contradictory},
		{"the subject of another client, without a grant", claims(j{"sub": "admin@clients", "gty": gone}), contradictory},
		{"a client's subject without any sign of a client", claims(j{"gty": gone, "azp": gone}), contradictory},
	}
}
