package api

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
)

// mustAsk lets a client keep an answer for its tag, but not use it unasked.
var mustAsk = []string{"private, no-cache"}

// unchanged gives an answer its tag, and answers 304 to a client that has the
// same one. The tag is made of what would be sent, so it can never be wrong;
// it is weak, because it says nothing of how the body is encoded on the way.
func (c *call) unchanged(body []byte) bool {
	sum := sha256.Sum256(body)
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`
	header := c.w.Header()
	header["Etag"] = []string{tag}
	header["Cache-Control"] = mustAsk
	if !matches(c.r.Header.Values("If-None-Match"), tag) {
		return false
	}
	c.head(http.StatusNotModified, "", -1)
	return true
}

// matches compares weakly, as If-None-Match wants it.
func matches(lists []string, tag string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			one = strings.TrimSpace(one)
			if one == "*" || strings.TrimPrefix(one, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}
