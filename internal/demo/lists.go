package demo

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// nation is a country with its lists taken apart.
type nation struct {
	code    string
	people  *peopleLists
	locales []string
	cities  []city
}

type city struct{ name, postal, state string }

type peopleLists struct {
	*people
	given, family             []spelled
	streets, companies, forms []string
}

// spelled is a name and how it is written in an e-mail address.
type spelled struct{ name, latin string }

// parsed are the countries, taken apart once.
var parsed = sync.OnceValue(func() []nation {
	lists := map[*people]*peopleLists{}
	out := make([]nation, len(countries))
	for i, c := range countries {
		p := lists[c.people]
		if p == nil {
			p = &peopleLists{
				people: c.people, given: spell(c.people.given), family: spell(c.people.family), companies: strings.Fields(c.people.companies),
				streets: strings.Split(c.people.streets, ","), forms: strings.Split(c.people.forms, ","),
			}
			lists[c.people] = p
		}
		out[i] = nation{code: c.code, people: p, locales: strings.Fields(c.locales), cities: cities(c)}
	}
	return out
})

func spell(list string) []spelled {
	var out []spelled
	for word := range strings.FieldsSeq(list) {
		name, ascii, ok := strings.Cut(word, "/")
		if !ok {
			ascii = latin(name)
		}
		out = append(out, spelled{name, ascii})
	}
	return out
}

func cities(c country) []city {
	var out []city
	for text := range strings.SplitSeq(c.cities, ",") {
		parts := append(strings.Split(text, "/"), "", "")
		where := city{parts[0], parts[1], parts[2]}
		if where.state != "" && (c.code == "US" || c.code == "CA") {
			where.state = c.code + "-" + where.state
		}
		out = append(out, where)
	}
	return out
}

// unmarked are the Latin letters that do not come apart into a plain one and
// its mark.
var unmarked = strings.NewReplacer("ß", "ss", "ø", "o", "æ", "ae", "å", "aa", "ł", "l", "đ", "d", "ı", "i", "'", "", "ä", "ae", "ö", "oe", "ü", "ue")

// latin is a name in plain small letters.
func latin(s string) string {
	s = unmarked.Replace(norm.NFC.String(strings.ToLower(s)))
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

// someone is a person.
type someone struct{ name, latin string }

func (m *maker) person(p *peopleLists) someone {
	given, family := p.given[m.random.IntN(len(p.given))], p.family[m.random.IntN(len(p.family))]
	who := someone{given.name + " " + family.name, given.latin + "." + family.latin}
	if p.familyFirst {
		who.name = family.name + " " + given.name
	}
	if p.joined {
		who.name = family.name + given.name
	}
	return who
}
