// Package token makes credentials, keeps them, and says whom a bearer token
// stands for. Organization and user tokens live in its own table; the sessions
// of the customer portal are made by others with Mint and Hash, and only read
// here. Of every token the database holds a keyed hash: a clear token is shown
// once, when it is made.
//
// It does not decide what a subject may do; that is package auth.
package token

import (
	"crypto/rand"
	"hash/crc32"
	"strings"
)

// The prefixes say what a token is. Integrations and secret scanners know them.
const (
	Organization    = "polar_oat_"
	Personal        = "polar_pat_"
	CustomerSession = "polar_cst_"
	MemberSession   = "polar_mst_"
	client          = "polar_crt_" // of OAuth client registrations; nobody in this API
)

const (
	prefixLength   = len(Organization)
	randomLength   = 37
	checksumLength = 6
	length         = prefixLength + randomLength + checksumLength
)

const (
	randomDigits   = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	checksumDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// Mint makes a token that nobody can guess.
func Mint(prefix string) string {
	random := randomText()
	sum := checksum([randomLength]byte(random))
	return prefix + string(random) + string(sum[:])
}

// randomText takes bytes below a multiple of 62, so that no letter is likelier
// than another.
func randomText() []byte {
	const fair = 256 - 256%len(randomDigits)
	out := make([]byte, 0, randomLength)
	var buf [64]byte
	for {
		_, _ = rand.Read(buf[:]) // never fails
		for _, b := range buf {
			if int(b) >= fair {
				continue
			}
			out = append(out, randomDigits[int(b)%len(randomDigits)])
			if len(out) == randomLength {
				return out
			}
		}
	}
}

// checksum is the CRC-32 of the random part in base 62.
func checksum(random [randomLength]byte) (out [checksumLength]byte) {
	n := crc32.ChecksumIEEE(random[:])
	for i := checksumLength - 1; i >= 0; i-- {
		out[i] = checksumDigits[n%62]
		n /= 62
	}
	return out
}

// intact says whether a text can be a token at all. Every token that was ever
// minted ends in its checksum, so what fails here needs no look at the
// database; what passes is not yet a credential.
func intact(clear string) bool {
	if len(clear) != length {
		return false
	}
	var random [randomLength]byte
	copy(random[:], clear[prefixLength:])
	sum := checksum(random)
	return string(sum[:]) == clear[prefixLength+randomLength:]
}

// prefixOf is the prefix of a token, empty when there is none.
func prefixOf(clear string) string {
	if len(clear) < prefixLength || !strings.HasPrefix(clear, "polar_") {
		return ""
	}
	return clear[:prefixLength]
}
