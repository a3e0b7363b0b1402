package token

// RandomLength is how many letters of a token are by chance.
const RandomLength = randomLength

// Alike is a token that differs from another in one of those letters, and in
// the checksum that this takes.
func Alike(clear string, at int) string {
	random := [randomLength]byte([]byte(clear[prefixLength:]))
	if random[at] != 'a' {
		random[at] = 'a'
	} else {
		random[at] = 'b'
	}
	sum := checksum(random)
	return clear[:prefixLength] + string(random[:]) + string(sum[:])
}
