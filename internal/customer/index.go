package customer

import (
	"crypto/sha256"
	"encoding/hex"
	"unicode/utf8"
)

// PostgreSQL refuses to put more than some 2,700 bytes into an index, and
// external ids may be of any length. So indexes hold the text itself while it
// is short, and of a longer one its start and its hash. No short text can look
// like that, because the two together are longer than a short text may be.
const maxIndexed = 512

// indexText is what stands for a text in an index: the same only for the same
// text.
func indexText(s string) string {
	if len(s) <= maxIndexed {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return beginning(s) + "\x1f" + hex.EncodeToString(sum[:])
}

func indexed(s *string) *string {
	if s == nil {
		return nil
	}
	v := indexText(*s)
	return &v
}

// ifLong is the text itself where an index holds something else.
func ifLong(s *string) *string {
	if s == nil || len(*s) <= maxIndexed {
		return nil
	}
	return s
}

func indexTexts(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = indexText(s)
	}
	return out
}

// beginning is as much of a text as an index can compare. Texts that begin
// alike for so long are the same to a search by their start.
func beginning(s string) string {
	if len(s) <= maxIndexed {
		return s
	}
	end := maxIndexed
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end]
}
