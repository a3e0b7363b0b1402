package place_test

import (
	"slices"
	"testing"

	"floe/internal/place"
)

func TestCountries(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		codes []string
		count int
	}{
		"stored": {place.Countries(), 249},
		"input":  {place.InputCountries(), 244},
	} {
		if len(tc.codes) != tc.count {
			t.Errorf("%s: %d countries, want %d", name, len(tc.codes), tc.count)
		}
		if !slices.IsSorted(tc.codes) {
			t.Errorf("%s: not sorted", name)
		}
		if got := len(slices.Compact(slices.Clone(tc.codes))); got != tc.count {
			t.Errorf("%s: %d distinct countries, want %d", name, got, tc.count)
		}
		if first, last := tc.codes[0], tc.codes[len(tc.codes)-1]; first != "AD" || last != "ZW" {
			t.Errorf("%s: from %s to %s, want AD to ZW", name, first, last)
		}
	}
}

// Callers build error texts from the lists; one that sorts or cuts its copy
// must not change what the next caller sees.
func TestListsAreCopies(t *testing.T) {
	t.Parallel()
	place.Countries()[0] = "!!"
	place.InputCountries()[0] = "!!"
	if place.Countries()[0] != "AD" || place.InputCountries()[0] != "AD" {
		t.Error("a caller could change the list of countries")
	}
}

func TestIsInputCountry(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code          string
		stored, input bool
	}{
		{"AD", true, true},
		{"FR", true, true},
		{"US", true, true},
		{"PR", true, true},
		{"AX", true, true},
		{"KR", true, true},
		{"ZW", true, true},
		{"CU", true, false},
		{"IR", true, false},
		{"KP", true, false},
		{"RU", true, false},
		{"SY", true, false},
		{"XK", false, false},
		{"UK", false, false},
		{"EU", false, false},
		{"us", false, false},
		{"USA", false, false},
		{"", false, false},
		{"AA", false, false},
		{"ZZ", false, false},
	} {
		if got := slices.Contains(place.Countries(), tc.code); got != tc.stored {
			t.Errorf("%q among Countries: %v", tc.code, got)
		}
		if got := place.IsInputCountry(tc.code); got != tc.input {
			t.Errorf("IsInputCountry(%q) = %v", tc.code, got)
		}
	}
}

func TestSubdivision(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		country, state, want string
		ok                   bool
	}{
		{"US", "CA", "US-CA", true},
		{"US", "US-CA", "US-CA", true},
		{"US", "DC", "US-DC", true},
		{"US", "AK", "US-AK", true},
		{"US", "WY", "US-WY", true},
		{"US", "ca", "", false},
		{"US", "us-ca", "", false},
		{"US", "US-ca", "", false},
		{"US", "US-US-CA", "", false},
		{"US", "US-", "", false},
		{"US", "", "", false},
		{"US", "PR", "", false},
		{"US", "GU", "", false},
		{"US", "VI", "", false},
		{"US", "AS", "", false},
		{"US", "MP", "", false},
		{"US", "California", "", false},
		{"US", "CA-QC", "", false},
		{"CA", "QC", "CA-QC", true},
		{"CA", "CA-ON", "CA-ON", true},
		{"CA", "AB", "CA-AB", true},
		{"CA", "YT", "CA-YT", true},
		{"CA", "NY", "", false},
		{"CA", "CA", "", false},
		{"CA", "qc", "", false},
		{"FR", "Bretagne", "Bretagne", true},
		{"FR", "", "", true},
		{"DE", "US-CA", "US-CA", true},
		{"us", "ca", "ca", true},
	} {
		got, ok := place.Subdivision(tc.country, tc.state)
		if got != tc.want || ok != tc.ok {
			t.Errorf("Subdivision(%q, %q) = %q, %v, want %q, %v", tc.country, tc.state, got, ok, tc.want, tc.ok)
		}
	}
}

func TestSubdivisionCounts(t *testing.T) {
	t.Parallel()
	for country, want := range map[string]int{"US": 51, "CA": 13} {
		count := 0
		for a := 'A'; a <= 'Z'; a++ {
			for b := 'A'; b <= 'Z'; b++ {
				if _, ok := place.Subdivision(country, string([]rune{a, b})); ok {
					count++
				}
			}
		}
		if count != want {
			t.Errorf("%s has %d subdivisions, want %d", country, count, want)
		}
	}
}

func FuzzSubdivision(f *testing.F) {
	for _, seed := range [][2]string{{"US", "CA"}, {"CA", "CA-QC"}, {"FR", "Bretagne"}, {"US", "US-"}, {"", ""}} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, country, state string) {
		got, ok := place.Subdivision(country, state)
		if !ok {
			return
		}
		if again, ok := place.Subdivision(country, got); !ok || again != got {
			t.Errorf("Subdivision(%q, %q) = %q, then %q, %v", country, state, got, again, ok)
		}
	})
}
