package db

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"
)

// IndexText is what stands for a text in an index: the same only for the same
// text. PostgreSQL refuses to put more than some 2,700 bytes into an index, and
// callers' texts may be of any length. So it is the text itself where that has
// no more than so many bytes, and of a longer one its start and its hash. No
// short text can look like that, because the two together are longer.
func IndexText(s string, most int) string {
	if len(s) <= most {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return Beginning(s, most) + "\x1f" + hex.EncodeToString(sum[:])
}

// IndexTexts are what stands for several texts. The list is not changed.
func IndexTexts(list []string, most int) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = IndexText(s, most)
	}
	return out
}

// Beginning is as much of a text as an index has of it.
func Beginning(s string, most int) string {
	if len(s) <= most {
		return s
	}
	end := most
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
