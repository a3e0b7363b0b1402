package email

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const punycode = "xn--"

// mapping applies UTS 46 to one label and judges nothing beyond that.
var mapping = idna.New(idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.ValidateLabels(false))

// mapUnicode folds a domain. What is not a character of any domain is named in
// the words of the reference.
func mapUnicode(s string) (mapped string, reason string) {
	labels := strings.Split(fullStops.Replace(s), ".")
	for i, label := range labels {
		if isASCII(label) {
			labels[i] = strings.ToLower(label)
			continue
		}
		// The space in front keeps the mapping from decoding a punycode
		// prefix that it finds or makes; it leaves the space alone.
		label, err := mapping.ToUnicode(" " + label)
		if err != nil {
			return "", unmappable(s)
		}
		labels[i] = strings.TrimPrefix(label, " ")
	}
	return norm.NFC.String(strings.Join(labels, ".")), ""
}

func unmappable(s string) string {
	for i, r := range []rune(s) {
		if _, err := mapping.ToUnicode(" " + string(r)); err != nil {
			return fmt.Sprintf("Codepoint U+%04X not allowed at position %d in '%s'", r, i+1, s)
		}
	}
	return "Codepoint not allowed"
}

// fullStops are the characters that people type for a period.
var fullStops = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

// isMappable refuses characters with a period inside, such as "⒈": mapped, they
// would add labels that nobody sees.
func isMappable(r rune) bool {
	return r < 0x80 || r == '．' || !strings.Contains(norm.NFKD.String(string(r)), ".")
}

func encodeDomain(domain string) (ascii string, reason refusal) {
	if isASCII(domain) {
		return domain, ""
	}
	labels := strings.Split(domain, ".")
	for i, label := range labels {
		var err error
		if labels[i], err = encodeLabel(label); err != nil {
			return "", fmt.Sprintf("The part after the @-sign is invalid (%s).", err)
		}
	}
	return strings.Join(labels, "."), ""
}

func encodeLabel(label string) (string, error) {
	if isASCII(label) {
		_, err := decodeLabel(label)
		return label, err
	}
	if err := checkLabel(label); err != nil {
		return "", err
	}
	ascii, err := idna.Punycode.ToASCII(label)
	if err != nil {
		return "", errors.New("Invalid label")
	}
	if len(ascii) > maxLabel {
		return "", errors.New("Label too long")
	}
	return ascii, nil
}

// decodeDomain returns the Unicode form. A label in punycode must be what its
// decoded form encodes to, so that no domain has two spellings.
func decodeDomain(ascii string) (domain string, reason refusal) {
	if !strings.Contains(ascii, punycode) {
		return ascii, ""
	}
	labels := strings.Split(ascii, ".")
	for i, label := range labels {
		var err error
		if labels[i], err = decodeLabel(label); err != nil {
			return "", fmt.Sprintf("The part after the @-sign is not valid IDNA (%s).", err)
		}
	}
	return strings.Join(labels, "."), ""
}

func decodeLabel(label string) (string, error) {
	if !strings.HasPrefix(label, punycode) {
		return label, nil
	}
	if label == punycode {
		return "", errors.New("Malformed A-label, no Punycode eligible content found")
	}
	if strings.HasSuffix(label, "-") {
		return "", errors.New("A-label must not end with a hyphen")
	}
	decoded, err := idna.Punycode.ToUnicode(label)
	if err != nil || isASCII(decoded) {
		return "", errors.New("Invalid A-label")
	}
	if err := checkLabel(decoded); err != nil {
		return "", err
	}
	mapped, reason := mapUnicode(decoded)
	again, err := idna.Punycode.ToASCII(decoded)
	if reason != "" || mapped != decoded || err != nil || again != label {
		return "", errors.New("Invalid A-label")
	}
	return decoded, nil
}

// registrable applies the rules that need more than one character: joiners and
// writing direction.
var registrable = idna.New(
	idna.MapForLookup(), idna.Transitional(false), idna.StrictDomainName(false), idna.CheckHyphens(false), idna.BidiRule(),
)

// checkLabel applies IDNA 2008 to a label in Unicode.
func checkLabel(label string) error {
	if !norm.NFC.IsNormalString(label) {
		return errors.New("Label must be in Normalization Form C")
	}
	if err := checkHyphens(label); err != nil {
		return err
	}
	if first, _ := utf8.DecodeRuneInString(label); unicode.Is(unicode.M, first) {
		return errors.New("Label begins with an illegal combining character")
	}
	runes := []rune(label)
	for i, r := range runes {
		switch {
		case isContextual(r):
			if !fitsContext(runes, i) {
				return fmt.Errorf("Codepoint U+%04X not allowed at position %d in '%s'", r, i+1, label)
			}
		case !isRegistrable(r):
			return fmt.Errorf("Codepoint U+%04X at position %d of '%s' not allowed", r, i+1, label)
		}
	}
	if _, err := registrable.ToASCII(label); err != nil {
		return fmt.Errorf("Invalid writing direction or joiner in '%s'", label)
	}
	return nil
}

func checkHyphens(label string) error {
	if isTagged(label) || strings.HasPrefix(label, punycode) { // which is no encoding of what has other letters in it
		return errors.New("Label has disallowed hyphens in 3rd and 4th position")
	}
	if strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
		return errors.New("Label must not start or end with a hyphen")
	}
	return nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}
