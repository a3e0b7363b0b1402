package email

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
)

// personalDomains are mail providers whose logo would say nothing about the
// person behind an address.
var personalDomains = map[string]bool{
	"gmail.com": true, "yahoo.com": true, "hotmail.com": true, "outlook.com": true, "aol.com": true,
	"icloud.com": true, "mail.com": true, "protonmail.com": true, "proton.me": true, "zoho.com": true,
	"gmx.com": true, "yandex.com": true, "msn.com": true, "live.com": true, "qq.com": true,
}

// AvatarURL returns where a picture for an address can be fetched: the logo of
// the company when there is a publishable key of logo.dev and the domain is
// not a mail provider's, else the Gravatar of the person.
func AvatarURL(email, logoDevKey string) string {
	domain := Domain(email)
	if logoDevKey != "" && !personalDomains[domain] {
		return "https://img.logo.dev/" + url.PathEscape(domain) +
			"?size=64&retina=true&token=" + url.QueryEscape(logoDevKey) + "&fallback=404"
	}
	sum := sha256.Sum256([]byte(Key(email)))
	return "https://www.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) + "?d=404"
}
