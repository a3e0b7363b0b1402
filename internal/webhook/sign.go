package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"

	"floe/internal/token"
)

// secretPrefix begins the secrets that we make.
const secretPrefix = "whsec_"

func newSecret() string { return token.Mint(secretPrefix) }

// Sign is the value of webhook-signature: for each secret a signature with the
// text as it is for a key, which is what the SDKs check, and where the text
// after the prefix is base64 another with what it decodes to, which is what the
// Standard Webhooks libraries check when they are given the secret. Receivers
// look for one that fits.
func Sign(id string, at time.Time, body []byte, secrets ...string) string {
	var list []string
	for _, secret := range secrets {
		list = append(list, signature([]byte(secret), id, at, body))
		if key := decoded(secret); key != nil {
			list = append(list, signature(key, id, at, body))
		}
	}
	return strings.Join(list, " ")
}

func signature(key []byte, id string, at time.Time, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// decoded is the key that the libraries derive from a secret, nil when they
// cannot.
func decoded(secret string) []byte {
	rest, ok := strings.CutPrefix(secret, secretPrefix)
	if !ok {
		return nil
	}
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(rest, "="))
	if err != nil {
		return nil
	}
	return key
}
