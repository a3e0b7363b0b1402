package locale_test

import (
	"strings"
	"testing"

	"floe/internal/locale"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"en_us":               "en-US",
		"EN-us":               "en-US",
		"zh-hant-tw":          "zh-Hant-TW",
		"en-Latn-US":          "en-US",
		"eng":                 "en",
		"fra":                 "fr",
		"ger":                 "de",
		"iw":                  "he",
		"in":                  "id",
		"ji":                  "yi",
		"mo":                  "ro",
		"tl":                  "fil",
		"sh":                  "sr-Latn",
		"zh-yue":              "yue",
		"zh-min-nan":          "nan",
		"en-UK":               "en-GB",
		"en-GB-oxendict":      "en-GB-oxendict",
		"es-419":              "es-419",
		"ja-JP-u-ca-japanese": "ja-JP-u-ca-japanese",
		"en-US-x-twain":       "en-US-x-twain",

		"en":                      "en",
		"EN":                      "en",
		"fil":                     "fil",
		"aaa":                     "aaa",
		"qaa":                     "qaa",
		"no":                      "no",
		"nb":                      "nb",
		"nor":                     "no",
		"cze":                     "cs",
		"dut":                     "nl",
		"mol":                     "ro",
		"hbs":                     "sr-Latn",
		"sh-QU":                   "sr-Latn-EU",
		"sh-Cyrl":                 "sr-Cyrl",
		"scc":                     "sr",
		"zh-TW":                   "zh-TW",
		"zh_CN":                   "zh-CN",
		"ar-arz":                  "arz",
		"sgn-ase":                 "ase",
		"zh-cmn-hans-cn":          "zh-Hans-CN",
		"yi-Latn":                 "yi-Latn",
		"yi-Hebr":                 "yi",
		"sr-latn":                 "sr-Latn",
		"ja-latn-hepburn":         "ja-Latn-hepburn",
		"spa-latn-mx":             "es-MX",
		"en-840":                  "en-US",
		"en-001":                  "en-001",
		"ru-SU":                   "ru-RU",
		"de-1996-1901":            "de-1901-1996",
		"sl-rozaj-biske-1994":     "sl-1994-biske-rozaj",
		"en-a-bbb-c-ddd":          "en-a-bbb-c-ddd",
		"en-u-co-phonebk-x-Pig":   "en-u-co-phonebk-x-pig",
		"i-klingon":               "tlh",
		"en-gb-oed":               "en-GB-oxendict",
		"zh-min":                  "nan-x-zh-min",
		"EN_gb_X_a_1":             "en-GB-x-a-1",
		"ur-Aran":                 "ur-Aran",
		"de-Qaai":                 "de-Zinh",
		"pt-Latn-BR-u-nu-latn":    "pt-BR-u-nu-latn",
		"sr-Latn-ME":              "sr-Latn-ME",
		"az-Arab-x-aze-derbend":   "az-Arab-x-aze-derbend",
		"mn-Cyrl-MN":              "mn-Cyrl-MN",
		"en-t-es-m0-mungo":        "en-t-es-m0-mungo",
		"en-X-" + "12345678-abcd": "en-x-12345678-abcd",
	} {
		if got, ok := locale.Parse(in); !ok || got != want {
			t.Errorf("Parse(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, in := range []string{
		"", " en ", "und", "x-foo", "zz", "english", "aaaa", "en--US", "c", "de-DE@euro", "en-US-POSIX",

		"root", "und-US", "i-enochian", "x", "-", "_", "en-", "-en", "en ", "e", "en-US-US",
		"en-US-Latn", "spa-MX-Latn", "en-Latnx", "en-Xyzz", "en-000", "en-JX", "jp", "en-oxenfree",
		"de-1901-1901", "en-a-bbb-a-ddd", "en-a-b-foo", "en-a", "en-x", "en-x-", "en-x-123456789",
		"en-1-abc", "sgn-ase-bfi", "zh-yue-yue", "zh-eng", "en-USA", "en-yue", "en-u-ca@x", "C.UTF-8", "én", "ar-٠٠١", "en\x00", "en-US\n",
		"en-x-" + strings.Repeat("abcdefg-", 40) + "a",
	} {
		if got, ok := locale.Parse(in); ok || got != "" {
			t.Errorf("Parse(%q) = %q, %v, want a refusal", in, got, ok)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"en_us", "zh-hant-tw", "sh-QU", "zh-min-nan", "ja-JP-u-ca-japanese", "en-US-x-twain", "de-1996-1901",
		"", "und", "x-foo", "en--US", "c", "de-DE@euro", "sgn-be-fr", "zh-cmn", "bh", "cmn", "en-a-bbb-x-y",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := locale.Parse(s)
		if !ok {
			return
		}
		if again, ok := locale.Parse(got); !ok || again != got {
			t.Errorf("Parse(%q) = %q, then %q, %v", s, got, again, ok)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		locale.Parse("en_US")
	}
}
