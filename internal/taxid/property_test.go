package taxid

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// samples is how many ids of each template the property tests look at.
const samples = 500

func TestExamplesAreValid(t *testing.T) {
	t.Parallel()

	for country := range templates {
		seen := make(map[string]bool)
		for n := range uint64(samples) {
			value, ok := Example(country, n)
			if !ok {
				t.Errorf("Example(%s, %d) finds none", country, n)
				continue
			}
			if _, _, ok := Validate(country, value); !ok {
				t.Errorf("Validate(%s, %q) fails for example %d", country, value, n)
			}
			if again, _ := Example(country, n); again != value {
				t.Errorf("Example(%s, %d) gives %q, then %q", country, n, value, again)
			}
			seen[value] = true
		}
		if len(seen) < samples*9/10 {
			t.Errorf("%d examples of %s have only %d values", samples, country, len(seen))
		}
	}
}

func TestExampleCoversWhatCanBeJudged(t *testing.T) {
	t.Parallel()

	for country, list := range countries {
		judged := false
		for _, f := range list {
			judged = judged || validators[f] != nil
		}
		if _, ok := Example(country, 1<<64-1); ok != judged {
			t.Errorf("Example(%s) is %v, but it can be judged: %v", country, ok, judged)
		}
	}
	if value, ok := Example("XX", 1); ok {
		t.Errorf("Example(XX) = %q", value)
	}
}

// variants are templates of the numbers that Example does not make.
var variants = []struct{ country, template string }{
	{"BR", "#########??"},
	{"BR", "$#$#$#$#0001??"},
	{"CA", "########?"},
	{"CH", "CHE########?TVA"},
	{"ES", "ES########@"},
	{"ES", "ESX#######@"},
	{"ES", "ESP#######@"},
	{"FR", "FRA?4#######?"},
	{"GB", "4######??###"},
	{"GB", "GD88880##??"},
	{"ID", "001######?091000"},
	{"IE", "IE#######@A"},
	{"IE", "IE#$#####@"},
	{"IE", "XI4######??"},
	{"IN", "0#$$$P$####$AZ!"},
	{"LT", "LT##########1?"},
	{"LV", "LV32########?"},
	{"LV", "LV0101801###?"},
	{"RO", "RO#?"},
	{"RO", "RO180010112###?"},
	{"RU", "##########??"},
	{"SG", "19#######@"},
	{"SG", "S##LL####@"},
	{"SV", "0614######0##?"},
	{"VN", "03#######?001"},
}

// weak lists the templates whose formula lets some changes of a check character
// pass, with the share that may.
var weak = map[string]float64{
	"TW #######?":       0.25, // the remainder is by five, so digits have twins
	"NL NL########?B01": 0.02, // either of two formulas will do
	"FR FRA?4#######?":  0.01, // keys with letters outnumber remainders
}

// Changing one check character of a valid number makes it invalid.
func TestOneWrongCheckCharacterIsCaught(t *testing.T) {
	t.Parallel()

	for country, template := range templates {
		checkCharacters(t, country, template)
	}
	for _, v := range variants {
		checkCharacters(t, v.country, v.template)
	}
}

func checkCharacters(t *testing.T, country, template string) {
	t.Helper()
	tried, missed, passed := 0, 0, ""
	for n := range uint64(samples) {
		value, ok := solve(country, template, n)
		if !ok {
			t.Errorf("no example %d of %s %s", n, country, template)
			return
		}
		for _, changed := range wrongChecks(template, value) {
			tried++
			if _, _, ok := Validate(country, changed); ok {
				missed++
				passed = changed + ", from " + value
			}
		}
	}
	if float64(missed) > weak[country+" "+template]*float64(tried) {
		t.Errorf("%d of %d wrong check characters pass for %s %s, such as %s", missed, tried, country, template, passed)
	}
}

// wrongChecks lists the values that differ from a valid one of the template in
// one check character.
func wrongChecks(template, value string) []string {
	var list []string
	for at := range len(template) {
		if !strings.ContainsRune(checkPlaces, rune(template[at])) {
			continue
		}
		for _, c := range candidates(template[at]) {
			if changed := value[:at] + string(c) + value[at+1:]; changed != value {
				list = append(list, changed)
			}
		}
	}
	return list
}

// Numbers cut short or run on are the commonest nonsense. A few formats have
// two lengths, so some are valid; none may upset a validator.
func TestOtherLengths(t *testing.T) {
	t.Parallel()

	for _, tt := range valid {
		accepted := 0
		for n := range len(tt.want) {
			if _, _, ok := Validate(tt.country, tt.want[:n]); ok {
				accepted++
			}
		}
		for _, tail := range []string{"0", "00", "A", "ÅÅ", "0000000000000000"} {
			if _, _, ok := Validate(tt.country, tt.want+tail); ok {
				accepted++
			}
		}
		if accepted > 3 {
			t.Errorf("%d other lengths of %s %q are accepted", accepted, tt.country, tt.want)
		}
	}
}

func FuzzValidate(f *testing.F) {
	for _, tt := range valid {
		f.Add(tt.country, tt.value)
	}
	for country := range templates {
		value, _ := Example(country, 7)
		f.Add(country, value)
	}
	f.Add("MX", "Ñ\xff&")
	f.Add("NL", "NL")
	f.Fuzz(func(t *testing.T, country, value string) {
		got, format, ok := Validate(country, value)
		if !ok {
			if got != "" || format != "" {
				t.Errorf("Validate(%q, %q) = %q, %q without ok", country, value, got, format)
			}
			return
		}
		if n := utf8.RuneCountInString(got); n == 0 || n > maxLength {
			t.Errorf("Validate(%q, %q) = %q of %d characters", country, value, got, n)
		}
		// Every format keeps this, also those that drop a country prefix.
		again, format2, ok := Validate(country, got)
		if !ok || again != got || format2 != format {
			t.Errorf("Validate(%q, %q) = %q, %q, then %q, %q, %v", country, value, got, format, again, format2, ok)
		}
	})
}

func FuzzExample(f *testing.F) {
	for country := range countries {
		f.Add(country, uint64(1))
	}
	f.Fuzz(func(t *testing.T, country string, n uint64) {
		value, ok := Example(country, n)
		if !ok {
			return
		}
		if _, _, ok := Validate(country, value); !ok {
			t.Errorf("Example(%q, %d) = %q, which is not valid", country, n, value)
		}
	})
}
