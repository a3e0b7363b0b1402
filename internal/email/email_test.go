package email_test

import (
	"strings"
	"testing"

	"floe/internal/email"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"customer@example.com":                         "customer@example.com",
		"A.b@EXAMPLE.com":                              "A.b@example.com",
		"a@sub.Example.CO":                             "a@sub.example.co",
		"user+mailbox/department=shipping@example.tld": "user+mailbox/department=shipping@example.tld",
		"!#$%&'*+-/=?^_`.{|}~@example.tld":             "!#$%&'*+-/=?^_`.{|}~@example.tld",
		"a@1.2.co":                                     "a@1.2.co",
		"a@a-b.c1-d.com":                               "a@a-b.c1-d.com",
		"a@a--b.com":                                   "a@a--b.com",
		"a@abc---d.com":                                "a@abc---d.com",
		"a@example.org":                                "a@example.org",
		"a@sub.example":                                "a@sub.example",
		"a@test.com":                                   "a@test.com",
		"a@xtest.xlocal":                               "a@xtest.xlocal",
		"  a@example.com\t\n":                          "a@example.com",
		"\u00a0a@example.com\u3000":                    "a@example.com",
		"\x1ca@example.com\x1f":                        "a@example.com",
		"<a@example.com>":                              "a@example.com",
		" < a@Example.com > ":                          "a@example.com",
		"Ann <a@example.com>":                          "a@example.com",
		"Ann<a@example.com>":                           "a@example.com",
		"Ann B. <a@example.com>":                       "", // a period needs quotes
		"Änn  Bée\t<A@example.com>":                    "A@example.com",
		`"Ann <B>, Inc." <a@example.com>`:              "a@example.com",
		`"Ann" "B" <a@example.com>`:                    "a@example.com",
		"a@xn--mnchen-3ya.de":                          "a@münchen.de",
		"a@XN--MNCHEN-3YA.de":                          "a@münchen.de",
		"a@MÜNCHEN.de":                                 "a@münchen.de",
		"a@mu\u0308nchen.de":                           "a@münchen.de",
		"a@faß.de":                                     "a@faß.de",
		"jeff@臺網中心.tw":                                 "jeff@臺網中心.tw",
		"伊昭傑@郵件.商務":                                    "伊昭傑@郵件.商務",
		"राम@मोहन.ईन्फो":                               "राम@मोहन.ईन्फो",
		"θσερ@εχαμπλε.ψομ":                             "θσερ@εχαμπλε.ψομ",
		"ñoñó@example.tld":                             "ñoñó@example.tld",
		"Un\u0303a@example.tld":                        "Uña@example.tld",
		"чебурашкаящик-с-апельсинами.рф@example.tld": "чебурашкаящик-с-апельсинами.рф@example.tld",
		"a@日本．ｊｐ":                                        "a@日本.jp",
		"a@日本。co｡jp":                                     "a@日本.co.jp",
		"INFO@example.com":                               "info@example.com",
		"Info@Example.com":                               "info@example.com",
		"PostMaster@münchen.de":                          "postmaster@münchen.de",
		"Infos@example.com":                              "Infos@example.com",
		strings.Repeat("a", 70) + "@example.com":         strings.Repeat("a", 70) + "@example.com",
		"a@" + strings.Repeat("b", 63) + ".com":          "a@" + strings.Repeat("b", 63) + ".com",
		strings.Repeat("a", 242) + "@example.com":        strings.Repeat("a", 242) + "@example.com",
		"N <" + strings.Repeat(" ", 2000) + "a@b.co> ":   "a@b.co",
		"a@" + strings.Repeat("x", 63) + ".é.CO":         "a@" + strings.Repeat("x", 63) + ".é.co",
		"sAlEs@EXAMPLE.com":                              "sales@example.com",
		"no-reply_1@mail-2.example.com":                  "no-reply_1@mail-2.example.com",
		"a@\u0627\u0644\u0645\u063a\u0631\u0628.morocco": "a@المغرب.morocco",
	} {
		got, reason := email.Parse(in)
		if want == "" {
			if reason == "" {
				t.Errorf("Parse(%q) = %q, want a refusal", in, got)
			}
			continue
		}
		if got != want || reason != "" {
			t.Errorf("Parse(%q) = %q, %q, want %q", in, got, reason, want)
		}
	}
}

// The short way must not accept what the long way refuses, nor change it
// differently; a space in front forces the long way.
func TestShortWayAgrees(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"a@b.co", "A@B.CO", "INFO@B.co", ".a@b.co", "a.@b.co", "a..b@b.co", "a@b", "a@.co", "a@b..co", "a@b.co.",
		"a@-b.co", "a@b-.co", "a@b.-co", "a@b.c1", "a@b.1c", "a@b--c.co", "a@bc--d.co", "a@xn--a.co", "a@b_c.co",
		"a@x.TEST", "a@x.Local", "a@local.x", "@b.co", "a@", "a@@b.co", "a b@b.co", "a@b.c-", "a@b.c\x00",
		"a@" + strings.Repeat("b", 64) + ".co", "a@b." + strings.Repeat("c", 64), strings.Repeat("a", 250) + "@b.co",
	} {
		got, reason := email.Parse(in)
		long, longReason := email.Parse(" " + in + " ")
		if got != long || reason != longReason {
			t.Errorf("Parse(%q) = %q, %q, but the long way says %q, %q", in, got, reason, long, longReason)
		}
	}
}

func TestKeyAndDomain(t *testing.T) {
	t.Parallel()
	if got := email.Key("Ännchen.B@Example.COM"); got != "ännchen.b@example.com" {
		t.Errorf("Key = %q", got)
	}
	for in, want := range map[string]string{
		"a@Example.COM": "example.com", `"a@b"@Ü.de`: "ü.de", "nothing": "nothing", "": "", "a@": "",
	} {
		if got := email.Domain(in); got != want {
			t.Errorf("Domain(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"A.b@EXAMPLE.com", "Ann <a@b.co>", `"A <" <a@b.co>`, `"a b"@b.co`, "a@[127.0.0.1]", "a@xn--mnchen-3ya.de",
		"伊昭傑@郵件.商務", "mar\u212aeting@b.co", "a@⒈x.com", "<\u0338a@b.co", "a@・b.com", "", "@", "a@b", "a@\u00ad.co",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, reason := email.Parse(s)
		if (got == "") != (reason != "") {
			t.Errorf("Parse(%q) = %q, %q", s, got, reason)
		}
		if reason != "" {
			return
		}
		if again, reason := email.Parse(got); again != got {
			t.Errorf("Parse(%q) = %q, then %q, %q", s, got, again, reason)
		}
		if long, reason := email.Parse(" " + got); long != got {
			t.Errorf("Parse(%q) = %q, the long way %q, %q", s, got, long, reason)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for name, address := range map[string]string{
		"plain": "customer.name+tag@mail.example.com",
		"upper": "Customer@Example.com",
		"name":  "Customer <customer@example.com>",
		"idn":   "kunde@münchen.de",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				email.Parse(address)
			}
		})
	}
}
