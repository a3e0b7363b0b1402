package email

import (
	"fmt"
	"net/netip"
	"strings"
)

// checkLiteral refuses an address in brackets in place of a domain, and says
// so when that is all that is wrong with it.
func checkLiteral(s string) refusal {
	const notAllowed = "A bracketed IP address after the @-sign is not allowed here."
	if s != "" && strings.Trim(s, "0123456789.") == "" {
		if wrong := checkIPv4(s); wrong != "" {
			return "The address in brackets after the @-sign is not valid: It is not an IPv4 address (" + wrong + ") or is missing an address literal tag."
		}
		return notAllowed
	}
	if ip, found := strings.CutPrefix(s, "IPv6:"); found {
		if addr, err := netip.ParseAddr(ip); err != nil || !addr.Is6() {
			return "The IPv6 address in brackets after the @-sign is not valid."
		}
		return notAllowed
	}
	if !strings.Contains(s, ":") {
		return "The part after the @-sign in brackets is not an IPv4 address and has no address literal tag."
	}
	if bad := badChars(s, func(r rune) bool { return '!' <= r && r <= 'ú' }); bad != "" {
		return "The part after the @-sign contains invalid characters in brackets: " + bad + "."
	}
	return "The part after the @-sign contains an invalid address literal tag in brackets."
}

func checkIPv4(s string) string {
	octets := strings.Split(s, ".")
	if len(octets) != 4 {
		return fmt.Sprintf("Expected 4 octets in '%s'", s)
	}
	for _, octet := range octets {
		switch {
		case octet == "":
			return fmt.Sprintf("Empty octet not permitted in '%s'", s)
		case len(octet) > 3:
			return fmt.Sprintf("At most 3 characters permitted in '%s' in '%s'", octet, s)
		case len(octet) > 1 && octet[0] == '0':
			return fmt.Sprintf("Leading zeros are not permitted in '%s' in '%s'", octet, s)
		case len(octet) == 3 && octet > "255":
			return fmt.Sprintf("Octet %s (> 255) not permitted in '%s'", octet, s)
		}
	}
	return ""
}
