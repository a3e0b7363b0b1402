package token

import (
	"regexp"
	"strings"
	"testing"
)

// The vectors of the format: its random part, checksum, and hash under the
// secret floe-test-secret.
var vectors = []struct{ random, checksum, hash string }{
	{strings.Repeat("a", 37), "2sN54l", "57943147be178cf5405816d716609e16150bf2c2b26c92d4626f61ba04122a3e"},
	{"0123456789abcdefghijklmnopqrstuvwxyzA", "4dthEH", "3fe79494ef530adb054ab018bbabdfbe2213671b314678ec1ead8f2e7df29cb5"},
	{strings.Repeat("Zz", 18) + "Q", "0uBeuq", "a619c24a7a81fba4936773e137c7fbb98a756c795d42af1bd3acc8ee47893571"},
}

func TestVectors(t *testing.T) {
	t.Parallel()
	h := NewHasher([]byte("floe-test-secret"))
	for _, v := range vectors {
		sum := checksum([randomLength]byte([]byte(v.random)))
		clear := Organization + v.random + v.checksum
		if string(sum[:]) != v.checksum || !intact(clear) {
			t.Errorf("%s: checksum %s, want %s", v.random, sum[:], v.checksum)
		}
		for range 2 { // the second time with a used hasher
			if got := h.Hash(clear); got != v.hash {
				t.Errorf("%s: hash %s, want %s", clear, got, v.hash)
			}
		}
	}
}

func TestMintedTokensAreIntact(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^polar_(oat|pat|cst|mst)_[A-Za-z0-9]{37}[0-9A-Za-z]{6}$`)
	seen := map[string]bool{}
	letters := map[rune]bool{}
	for i := range 2000 {
		clear := Mint([]string{Organization, Personal, CustomerSession, MemberSession}[i%4])
		if !form.MatchString(clear) || !intact(clear) || seen[clear] {
			t.Fatalf("minted %s", clear)
		}
		seen[clear] = true
		for _, r := range clear[prefixLength : prefixLength+randomLength] {
			letters[r] = true
		}
	}
	if len(letters) != 62 {
		t.Errorf("%d letters are used", len(letters))
	}
}

func TestBrokenTokensAreNotIntact(t *testing.T) {
	t.Parallel()
	good := Mint(Organization)
	for i := prefixLength; i < len(good); i++ {
		other := byte('A')
		if good[i] == other {
			other = 'B'
		}
		if intact(good[:i] + string(other) + good[i+1:]) {
			t.Errorf("letter %d does not matter", i)
		}
	}
	for _, s := range []string{"", "polar_oat_", good[1:], good + "A", good[:len(good)-1]} {
		if intact(s) {
			t.Errorf("%q is intact", s)
		}
	}
}
