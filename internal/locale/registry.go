package locale

import (
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// The registry of x/text knows which subtags exist and most of what replaced
// them. The tables below add what it lacks or decides differently from the
// CLDR data that clients of the API are used to.

// wholeTags are the tags that BCP 47 registered as a whole, before tags were
// made of parts. Several of them break the rules for parts.
var wholeTags = map[string]string{
	"art-lojban":  "jbo",
	"cel-gaulish": "xtg-x-cel-gaulish",
	"en-gb-oed":   "en-gb-oxendict",
	"i-ami":       "ami",
	"i-bnn":       "bnn",
	"i-default":   "en-x-i-default",
	"i-hak":       "hak",
	"i-klingon":   "tlh",
	"i-lux":       "lb",
	"i-mingo":     "see-x-i-mingo",
	"i-navajo":    "nv",
	"i-pwn":       "pwn",
	"i-tao":       "tao",
	"i-tay":       "tay",
	"i-tsu":       "tsu",
	"no-bok":      "nb",
	"no-bokmal":   "nb",
	"no-nyn":      "nn",
	"no-nynorsk":  "nn",
	"sgn-be-fr":   "sfb",
	"sgn-be-nl":   "vgt",
	"sgn-ch-de":   "sgg",
	"zh-guoyu":    "zh",
	"zh-hakka":    "hak",
	"zh-min":      "nan-x-zh-min",
	"zh-min-nan":  "nan",
	"zh-xiang":    "hsn",
}

// languages replaces single codes. Mandarin is what "zh" means when nothing
// else is said; Moldavian is Romanian without a word about the country.
var languages = map[string]string{
	"bh":  "bho",
	"bih": "bho",
	"cmn": "zh",
	"mo":  "ro",
	"mol": "ro",
	"scc": "sr",
	"scr": "hr",
}

// regions are countries that were split, where CLDR names a main successor.
var regions = map[string]string{
	"AN": "CW",
	"CS": "RS",
	"NT": "SA",
	"PC": "FM",
	"SU": "RU",
	"YU": "RS",
}

// extensions are the registered extended languages of each language. Those of
// "sgn" are left out: nearly every sign language is one.
var extensions = map[string]string{
	"ar": "aao abh abv acm acq acw acx acy adf aeb aec afb ajp apc apd arb arq ars " +
		"ary arz auz avl ayh ayl ayn ayp bbz pga shu ssh",
	"kok": "gom knn",
	"lv":  "ltg lvs",
	"ms": "bjn btj bve bvu coa dup hji jak jax kvb kvr kxd lce lcf liw max meo mfa mfb " +
		"min mqg msi mui orn ors pel pse tmw urk vkk vkt xmm zlm zmi zsm",
	"sw": "swc swh",
	"uz": "uzn uzs",
	"zh": "cdo cjy cmn cpx csp czh czo gan hak hnm hsn luh lzh mnp nan sjc wuu yue",
}

const replaceLanguages = language.DeprecatedBase | language.Legacy

// canonicalLanguage returns the current code of a language, with the script
// and region that its old code implied: "sh" was Serbian in Latin letters.
func canonicalLanguage(code string) (lang, script, region string, ok bool) {
	if replacement, found := languages[code]; found {
		code = replacement
	}
	if len(code) < 2 || len(code) > 3 {
		return "", "", "", false
	}
	if _, err := language.ParseBase(code); err != nil {
		return "", "", "", false
	}
	t, err := replaceLanguages.Parse(code)
	if err != nil {
		return "", "", "", false
	}
	b, s, r := t.Raw()
	if b.String() == "und" {
		return "", "", "", false
	}
	if s != (language.Script{}) {
		script = s.String()
	}
	if r != (language.Region{}) {
		region = r.String()
	}
	return b.String(), script, region, true
}

// extended returns the language that a pair such as "zh" and "yue" means. Only
// registered pairs count: "en-USA" is a mistake, although "usa" is spoken in
// Papua New Guinea.
func extended(code, extension string) (string, bool) {
	if code == "sgn" {
		return extension, true
	}
	return extension, slices.Contains(strings.Fields(extensions[code]), extension)
}

func canonicalScript(code string) (string, bool) {
	s, err := language.ParseScript(code)
	if err != nil {
		return "", false
	}
	if s.String() == "Qaai" {
		return "Zinh", true
	}
	return s.String(), true
}

func canonicalRegion(code string) (string, bool) {
	r, err := language.ParseRegion(code)
	if err != nil {
		return "", false
	}
	region := r.Canonicalize().String()
	if successor, found := regions[region]; found {
		region = successor
	}
	return region, true
}

// isVariant reports whether code is registered. "posix" is not: it is a
// relic of system locales that x/text reads as an extension.
func isVariant(code string) bool {
	if len(code) > 8 || !isAlnum(code) {
		return false
	}
	_, err := language.ParseVariant(code)
	return err == nil
}

// dropDefaultScript removes the script when the registry says that the
// language is always written in it.
func (t *tag) dropDefaultScript() {
	if t.script == "" {
		return
	}
	written, err := language.SuppressScript.Parse(t.language + "-" + t.script)
	if err == nil && !strings.Contains(written.String(), "-") {
		t.script = ""
	}
}
