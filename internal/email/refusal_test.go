package email_test

import (
	"strings"
	"testing"

	"floe/internal/email"
)

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const (
		noAt     = "An email address must have an @-sign."
		reserved = "The part after the @-sign is a special-use or reserved name that cannot be used with email."
		quoting  = "Quoting the part before the @-sign is not allowed here."
		before   = "The email address contains invalid characters before the @-sign: "
		after    = "The part after the @-sign contains invalid characters: "
		unsafe   = "The email address contains unsafe characters: "
		tagged   = "An email address cannot have two letters followed by two dashes immediately after the @-sign or after a period, except Punycode."
		noPeriod = "The part after the @-sign is not valid. It should have a period."
		noTLD    = "The part after the @-sign is not valid. It is not within a valid top-level domain."
		twoDots  = "An email address cannot have two periods in a row."
		hyphen   = "An email address cannot have a period and a hyphen next to each other."
		literal  = "A bracketed IP address after the @-sign is not allowed here."
		names    = "A display name and angle brackets around the email address are not permitted here."
	)
	for in, want := range map[string]string{
		"":                                   noAt,
		"  ":                                 noAt,
		"hello.world":                        noAt,
		"hello＠world":                        `The email address has the "full-width" at-sign (@) character instead of a regular at-sign.`,
		"hello﹫world":                        `The email address has the "small commercial at" character instead of a regular at-sign.`,
		strings.Repeat("a", 2049):            "Length must not exceed 2048 characters",
		strings.Repeat("é", 2049):            "Length must not exceed 2048 characters",
		strings.Repeat("é", 2048):            noAt,
		strings.Repeat(" ", 2048) + "a@b.co": "Length must not exceed 2048 characters",
		"@example.com":                       "There must be something before the @-sign.",
		"@":                                  "There must be something before the @-sign.",
		"a@":                                 "There must be something after the @-sign.",
		"a@b":                                noPeriod,
		"my@localhost":                       noPeriod,
		"me@bad-tld-1":                       noPeriod,
		"a@example.123":                      noTLD,
		"me@bad.tld-2":                       noTLD,
		"a@x.arpa":                           reserved,
		"a@x.invalid":                        reserved,
		"a@x.local":                          reserved,
		"a@host.localhost":                   reserved,
		"a@onion.onion.onion":                reserved,
		"a@x.TEST":                           reserved,
		".a@example.com":                     "An email address cannot start with a period.",
		"a.@example.com":                     "An email address cannot have a period immediately before the @-sign.",
		".@example.com":                      "An email address cannot have a period immediately before the @-sign.",
		"a..b@example.com":                   twoDots,
		"a@b..com":                           twoDots,
		"my@twofwdots．．.com":                 twoDots,
		"a@example.com.":                     "An email address cannot end with a period.",
		"my@trailingfwdot.com．":              "An email address cannot end with a period.",
		"a@.com":                             "An email address cannot have a period immediately after the @-sign.",
		"my@．leadingfwdot.com":               "An email address cannot have a period immediately after the @-sign.",
		"a@-x.com":                           "An email address cannot have a hyphen immediately after the @-sign.",
		"me@－leadingdashfw":                  "An email address cannot have a hyphen immediately after the @-sign.",
		"me@trailingdash-":                   "An email address cannot end with a hyphen.",
		"me@trailingdashfw－":                 "An email address cannot end with a hyphen.",
		"a@x-.com":                           hyphen,
		"a@x.-y.com":                         hyphen,
		"my@baddashfw.b－.com":                hyphen,
		"me@yy--0.tld":                       tagged,
		"me@yy－－0.tld":                       tagged,
		"white space@test":                   before + "SPACE.",
		"m\ny@example.com":                   before + "U+000A.",
		"a\tb c@example.com":                 before + "SPACE, U+0009.",
		"a,b;c,(d)@example.com":              before + "'(', ')', ',', ';'.",
		`a\b@example.com`:                    before + `"\".`,
		`bad"quotes"@example.com`:            before + `'"'.`,
		`obsolete."quoted".atom@example.com`: before + `'"'.`,
		"a\x7f.@example.com":                 before + "U+007F.",
		"x\u2005x@test":                      unsafe + "FOUR-PER-EM SPACE.",
		"x\u2028x@test":                      unsafe + "LINE SEPARATOR.",
		"\u0300@test":                        unsafe + "COMBINING GRAVE ACCENT.",
		"\u009C@test":                        unsafe + "U+009C.",
		"\u200B@test":                        unsafe + "ZERO WIDTH SPACE.",
		"\u202Dforward-\u202Ereversed@test":  unsafe + "LEFT-TO-RIGHT OVERRIDE, RIGHT-TO-LEFT OVERRIDE.",
		"\uE000@test":                        unsafe + "U+E000.",
		"\U0010FDEF@test":                    unsafe + "U+0010FDEF.",
		"a@b\u200B.com":                      unsafe + "ZERO WIDTH SPACE.",
		"a@\u0300.com":                       unsafe + "COMBINING GRAVE ACCENT.",
		"me.\u037e@example.com":              "After Unicode normalization: " + before + "';'.",
		"a@x_y.com":                          after + "'_'.",
		"me@x!":                              after + "'!'.",
		"test@white space":                   after + "SPACE.",
		"my@example\n.com":                   after + "U+000A.",
		"a@b@c.com":                          after + "'@'.",
		"a@it's.com":                         after + `"'".`,
		"me@⒈wouldbeinvalid.com":             after + "'⒈'.",
		"me@\u037e.com":                      "The part after the @-sign contains invalid characters after Unicode normalization: ';'.",
		"me@\u1fef.com":                      "The part after the @-sign contains invalid characters after Unicode normalization: '`'.",
		"a@☃.net":                            "The part after the @-sign is invalid (Codepoint U+2603 at position 1 of '☃' not allowed).",
		"a@ex·ample.com":                     "The part after the @-sign is invalid (Codepoint U+00B7 not allowed at position 3 in 'ex·ample').",
		"me@中" + strings.Repeat("1", 58) + ".com": "The part after the @-sign is invalid (Label too long).",
		"me@xn--0.tld":                       "The part after the @-sign is not valid IDNA (Invalid A-label).",
		"me@xn--a-.tld":                      hyphenated,
		"me@xn--mnchené-3ya.de":              "The part after the @-sign is invalid (Label has disallowed hyphens in 3rd and 4th position).",
		`"quoted..local.part"@example.com`:   quoting,
		`"quoted.with.at@"@example.com`:      quoting,
		`"quoted with space"@example.com`:    quoting,
		`"quoted.with.dquote\""@example.com`: quoting,
		`"unneeded"@example.com`:             quoting,
		`"λ..λ"@example.com`:                 quoting,
		`"a"b@example.com`:                   "Extra character(s) found after close quote: 'b'",
		"\"a\x01b\"@example.com":             "The email address contains invalid characters in quotes before the @-sign: U+0001.",
		`""@example.com`:                     "There must be something before the @-sign.",
		"me@[127.0.0.1]":                     literal,
		"me@[IPv6:::1]":                      literal,
		"me@[127.0.0.999]": "The address in brackets after the @-sign is not valid: It is not an IPv4 address " +
			"(Octet 999 (> 255) not permitted in '127.0.0.999') or is missing an address literal tag.",
		"me@[127.0.1]": "The address in brackets after the @-sign is not valid: It is not an IPv4 address " +
			"(Expected 4 octets in '127.0.1') or is missing an address literal tag.",
		"me@[untaggedtext]":            "The part after the @-sign in brackets is not an IPv4 address and has no address literal tag.",
		"me@[]":                        "The part after the @-sign in brackets is not an IPv4 address and has no address literal tag.",
		"me@[tag:text]":                "The part after the @-sign contains an invalid address literal tag in brackets.",
		"me@[tag:invalid space]":       "The part after the @-sign contains invalid characters in brackets: SPACE.",
		"me@[":                         after + "'['.",
		"<me@example.com":              "An open angle bracket at the start of the email address has to be followed by a close angle bracket at the end.",
		"<me@example.com> !":           "There can't be anything after the email address.",
		"<\u0338me@example.com":        before + "'<'.",
		"<<me@example.com>>":           names,
		"Display.Name <a@example.com>": "The display name contains invalid characters when not quoted: '.'.",
		"<a@\nb.co>":                   names,
		"Ann <>":                       noAt,
		"Ann <a@-b.co>":                "An email address cannot have a hyphen immediately after the @-sign.",
	} {
		if got, reason := email.Parse(in); got != "" || reason != want {
			t.Errorf("Parse(%q) = %q, %q, want %q", in, got, reason, want)
		}
	}
}

const hyphenated = "An email address cannot have a period and a hyphen next to each other."

func TestParseTooLong(t *testing.T) {
	t.Parallel()
	const tooLong = "The email address is too long "
	ones := func(n int) string { return strings.Repeat("1", n) }
	// Four labels of 49 characters; the first one starts with what is given.
	labels := func(first string) string {
		return "@" + first + ones(49-len([]rune(first))) + strings.Repeat("."+ones(49), 3) + "."
	}
	for in, want := range map[string]string{
		strings.Repeat("a", 247) + "@example.com":                    tooLong + "(5 characters too many).",
		strings.Repeat("a", 243) + "@example.com":                    tooLong + "(1 character too many).",
		"meme" + labels("") + ones(49) + ".com":                      tooLong + "(4 characters too many).",
		"my.long.address" + labels("") + ones(35) + ".info":          tooLong + "(2 characters too many).",
		"my.long.address" + labels("λ") + ones(34) + ".info":         tooLong + "(1-2 characters too many).",
		"my.long.address" + labels("\ufb2c") + ones(34) + ".info":    tooLong + "(1-3 characters too many).",
		"my.λong.address" + labels("") + ones(33) + ".info":          tooLong + "(1 character too many).",
		"my.λong.address" + labels("") + ones(34) + ".info":          tooLong + "(1-2 characters too many).",
		"my.s\u0323\u0307.address" + labels("") + ones(34) + ".info": tooLong + "(1-2 characters too many).",
		"my.\ufb2c.address" + labels("") + ones(35) + ".info":        tooLong + "(1 character too many).",
		"my.\ufb2c.address" + labels("") + ones(32) + ".info":        tooLong + "after normalization (1 byte too many).",
		"my.long.address" + labels("λ") + ones(26) + ".info": tooLong +
			"when the part after the @-sign is converted to IDNA ASCII (1 byte too many).",
		"my.λong.address" + labels("λ") + ones(26) + ".info": tooLong +
			"when the part after the @-sign is converted to IDNA ASCII (2 bytes too many).",

		"me" + labels("") + ones(50) + ".com":                  tooLong + "after the @-sign (1 character too many).",
		"me" + labels("") + ones(50) + "." + ones(54) + ".com": tooLong + "after the @-sign (56 characters too many).",
		"me" + labels("") + ones(50) + ".COM":                  tooLong + "after the @-sign (1 byte too many after IDNA encoding).",
		"me@中" + labels("")[1:] + ones(40) + ".com":            tooLong + "after the @-sign (1 byte too many after IDNA encoding).",
		"me@\ufb2c" + labels("")[1:] + ones(40) + ".com":       tooLong + "after the @-sign (5 bytes too many after IDNA encoding).",

		"a@" + ones(64) + ".com": "After the @-sign, periods cannot be separated by so many characters (1 character too many).",
		"a@" + ones(65) + ".com": "After the @-sign, periods cannot be separated by so many characters (2 characters too many).",
	} {
		if got, reason := email.Parse(in); got != "" || reason != want {
			t.Errorf("Parse(%q) = %q, %q, want %q", in, got, reason, want)
		}
	}
}
