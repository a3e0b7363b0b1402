package weburl

import "strings"

// place is a part of a URL; what must be encoded differs between them.
type place uint8

const (
	inPath place = 1 << iota
	inQuery
	inFragment
	inUserinfo
)

// unsafe says for each ASCII character where it must be percent-encoded.
// Everything beyond ASCII is encoded everywhere.
var unsafe = func() (table [128]place) {
	const everywhere = inPath | inQuery | inFragment | inUserinfo
	for c := range byte(0x20) {
		table[c] = everywhere
	}
	table[0x7f] = everywhere
	for chars, places := range map[string]place{
		` "<>`:       everywhere,
		"`":          inPath | inFragment | inUserinfo,
		"#":          inPath | inQuery | inUserinfo,
		"?{}":        inPath | inUserinfo,
		"'":          inQuery,
		`/:;=@[\]^|`: inUserinfo,
	} {
		for i := range len(chars) {
			table[chars[i]] |= places
		}
	}
	return table
}()

// encode writes s with the unsafe characters of the place as "%XX". A "%" that
// is there already stays, also when no two digits follow.
func encode(b *strings.Builder, s string, in place) {
	const hex = "0123456789ABCDEF"
	start := 0
	for i := range len(s) {
		c := s[i]
		if c < 0x80 && unsafe[c]&in == 0 {
			continue
		}
		b.WriteString(s[start:i])
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
		start = i + 1
	}
	b.WriteString(s[start:])
}
