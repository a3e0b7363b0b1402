package id

import (
	"fmt"
	"strings"
)

// Problem says why a text is not an id, in the words clients of the API know.
// The zero Problem means that nothing is wrong.
type Problem struct {
	Type   string
	Msg    string
	Detail string
}

// OK reports whether there is no problem.
func (p Problem) OK() bool { return p.Type == "" }

// Parse reads an id of version 4. It takes upper case, a form without
// hyphens, braces around the text and a urn:uuid: prefix.
func Parse(s string) (ID, Problem) {
	b, p := parse(s)
	if !p.OK() {
		return "", p
	}
	if b[6]>>4 != 4 || b[8]>>6 != 2 {
		return "", Problem{Type: "uuid_version", Msg: "UUID version 4 expected"}
	}
	return format(b), Problem{}
}

// ParseAny is Parse for a UUID of any version.
func ParseAny(s string) (ID, Problem) {
	b, p := parse(s)
	if !p.OK() {
		return "", p
	}
	return format(b), Problem{}
}

const urn = "urn:uuid:"

// starts are the offsets of the five groups in a text with hyphens.
var starts = [5]int{0, 9, 14, 19, 24}

func parse(s string) ([16]byte, Problem) {
	text, offset := unwrap(s)
	var b [16]byte
	switch {
	case len(text) == 32 && offset == 0 && decode(&b, text):
		return b, Problem{}
	case len(text) == 36 && hyphenated(text):
		if decode(&b, text[:8]+text[9:13]+text[14:18]+text[19:23]+text[24:]) {
			return b, Problem{}
		}
	}
	detail := explain(s, text, offset)
	return b, Problem{
		Type:   "uuid_parsing",
		Msg:    "Input should be a valid UUID, " + detail,
		Detail: detail,
	}
}

// unwrap removes braces or the URN prefix and says how much it removed in
// front.
func unwrap(s string) (text string, offset int) {
	if len(s) >= 2 && s[0] == '{' && s[len(s)-1] == '}' {
		return s[1 : len(s)-1], 1
	}
	if strings.HasPrefix(s, urn) {
		return s[len(urn):], len(urn)
	}
	return s, 0
}

func hyphenated(s string) bool {
	return s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

func decode(b *[16]byte, hex string) bool {
	for i := range b {
		hi, lo := nibble(hex[2*i]), nibble(hex[2*i+1])
		if hi|lo > 15 {
			return false
		}
		b[i] = hi<<4 | lo
	}
	return true
}

// nibble returns the value of a hexadecimal digit, 255 when it is none.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// explain finds the first thing wrong, in the order the API's clients see it
// reported elsewhere: a bad character, then the form, then the groups.
func explain(whole, text string, offset int) string {
	var hyphens []int
	for i, r := range text {
		switch {
		case r == '-':
			hyphens = append(hyphens, i)
		case r > 127 || nibble(byte(r)) > 15:
			return fmt.Sprintf("invalid character: found `%c` at %d", r, offset+i+1)
		}
	}
	if len(hyphens) == 0 && offset == 0 {
		return fmt.Sprintf("invalid length: expected length 32 for simple format, found %d", len(whole))
	}
	if len(hyphens) != 4 {
		return fmt.Sprintf("invalid group count: expected 5, found %d", len(hyphens)+1)
	}
	for g, at := range hyphens {
		if want := starts[g+1] - 1; at != want {
			return groupLength(g, want-starts[g], at-starts[g])
		}
	}
	return groupLength(4, 12, len(whole)-starts[4])
}

func groupLength(group, want, got int) string {
	return fmt.Sprintf("invalid group length in group %d: expected %d, found %d", group, want, got)
}
