package token

import (
	"strings"
	"testing"
)

// A token has its checksum, and nothing that differs from one in a letter has.
func FuzzIntact(f *testing.F) {
	f.Add("polar_oat_x", 3, byte('x'))
	f.Add(Mint("polar_oat_"), 20, byte('0'))
	f.Fuzz(func(t *testing.T, text string, at int, b byte) {
		_ = intact(text) // of anything
		if p := prefixOf(text); p != "" && !strings.HasPrefix(text, p) {
			t.Errorf("%q is no prefix of %q", p, text)
		}
		clear := Mint("polar_oat_")
		if !intact(clear) {
			t.Errorf("%q is not intact", clear)
		}
		if at < prefixLength || at >= len(clear) || clear[at] == b {
			return
		}
		if other := clear[:at] + string(rune(b)) + clear[at+1:]; intact(other) {
			t.Errorf("%q is intact, and so is %q", clear, other)
		}
	})
}
