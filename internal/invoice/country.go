package invoice

import (
	_ "embed"
	"strings"
	"sync"
)

// countries are the English names of the countries, from CLDR.
//
//go:embed countries.txt
var countries string

var countryNames = sync.OnceValue(func() map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(countries) {
		code, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[code] = name
	}
	return out
})

// Country is the English name of a country, or its code when it is not known.
func Country(code string) string {
	if name, ok := countryNames()[code]; ok {
		return name
	}
	return code
}
