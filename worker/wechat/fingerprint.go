package wechat

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// fingerprint changes with the credentials of an account. The ledger keeps it, so it is a slow hash, salted with the account's
// name: a URL with a short password must not be found by trying.
func fingerprint(realm string, a Account) string {
	const rounds, size = 10_000, 16 // a few milliseconds, once for each account
	credentials := strings.Join(append([]string{string(a.Source), a.Secret.Reveal(), a.Static.Reveal(), a.TokenURL}, a.Command...), "\x00")
	if a.TokenHeader != "" {
		credentials += "\x00" + a.TokenHeader.Reveal()
	}
	salt := "mediaferry account\x00" + realm + "\x00" + a.AppID
	sum, err := pbkdf2.Key(sha256.New, credentials, []byte(salt), rounds, size)
	if err != nil { // only a FIPS policy can refuse these parameters
		return ""
	}
	return hex.EncodeToString(sum)
}
