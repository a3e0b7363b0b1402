package arbitrary

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"floe/internal/schema"
)

// value makes what a schema asks for. The name is that of the property, which
// says more than the schema does.
func (m *Maker) value(s *schema.Schema, name string, depth int) any {
	if m.once(m.Wrong) && depth > 0 {
		return m.wrong()
	}
	switch {
	case s.Ref != "":
		return m.value(m.document.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]], name, depth)
	case s.Const != "":
		return s.Const
	case s.True:
		return true
	case len(s.Enum) > 0:
		return m.one(s.Enum, name)
	case len(s.AnyOf) > 0:
		return m.variant(s.AnyOf, name, depth)
	case len(s.OneOf) > 0:
		return m.variant(s.OneOf, name, depth)
	case len(s.AllOf) > 0:
		return m.value(s.AllOf[0], name, depth)
	}
	switch s.Type {
	case "object":
		return m.object(s, depth)
	case "array":
		return m.list(s, name, depth)
	case "boolean":
		return m.Random.IntN(2) == 0
	case "integer":
		return m.integer(s, name)
	case "number":
		return m.number()
	case "null":
		return nil
	case "string":
		return m.text(s, name)
	}
	return m.scalar()
}

// one is of a closed list, mostly of those that lead somewhere.
func (m *Maker) one(list []string, name string) string {
	likely := map[string][]string{
		"country": {"US", "DE", "FR", "CA", "GB"}, "recurring_interval": {"month"}, "collection_method": {"send_invoice"},
		"price_currency": {"usd", "usd", "eur"}, "default_presentment_currency": {"usd"}, "currency": {"usd", "usd", "eur"}, "status": {"succeeded"},
	}[name]
	if len(likely) > 0 && m.Random.IntN(5) > 0 {
		for _, v := range list {
			if v == likely[0] {
				return m.pick(likely...)
			}
		}
	}
	return m.pick(list...)
}

func (m *Maker) variant(list []*schema.Schema, name string, depth int) any {
	i := m.Random.IntN(len(list))
	if list[i].Type == "null" && m.Random.IntN(2) == 0 {
		i = 0
	}
	return m.value(list[i], name, depth)
}

func (m *Maker) object(s *schema.Schema, depth int) any {
	out := map[string]any{}
	if s.Properties != nil {
		for i, name := range s.Properties.Names {
			required := contains(s.Required, name)
			often := 3
			if m.careful {
				often = 6
			}
			if m.careful && s.Properties.Schemas[i].Const != "" {
				required = true // which variant it is
			}
			if m.careful && name == "collection_method" { // nobody can check out
				often = 2
			}
			if name == "medias" || name == "attached_custom_fields" { // nobody can make what these speak of
				often = 60
			}
			if name == "organization_id" {
				often = 20
			}
			if required && !m.once(m.Wrong/2) || !required && depth < 6 && m.Random.IntN(often) == 0 {
				out[name] = m.value(s.Properties.Schemas[i], name, depth+1)
			}
		}
	}
	if s.AdditionalProperties != nil {
		for range m.Random.IntN(4) {
			out[m.key()] = m.value(s.AdditionalProperties, "", depth+1)
		}
	}
	if m.once(m.Wrong / 4) {
		out[m.nasty()] = m.scalar()
	}
	if activation, ok := out["activation_id"].(string); ok && m.careful && out["key"] != nil {
		if key := m.Known.parents[m.Known.parents[activation]]; key != "" {
			out["key"] = key
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, v := range list {
		if v == s {
			return true
		}
	}
	return false
}

func (m *Maker) list(s *schema.Schema, name string, depth int) any {
	n := m.Random.IntN(3)
	if s.MinItems != nil {
		n = max(n, *s.MinItems)
	}
	if name == "prices" || name == "types" {
		n = 1
	}
	if m.once(m.Wrong / 4) {
		n = 40
	}
	out := make([]any, n)
	for i := range out {
		out[i] = m.value(s.Items, singular(name), depth+1)
	}
	return out
}

// edges of numbers, as JSON writes them.
var edges = []string{
	"0", "-0", "-1", "1", "1.0", "1.5", "2147483647", "2147483648", "-2147483648", "-2147483649", "9007199254740993",
	"9223372036854775807", "9223372036854775808", "-9223372036854775809", "1e3", "1e-7", "1e400", "0.1", "123456789012345678901234567890",
}

func (m *Maker) integer(s *schema.Schema, name string) any {
	if m.once(2 * m.Wrong) {
		return json.Number(m.pick(edges...))
	}
	low, high := 0, 3000
	switch {
	case name == "amount" && m.careful: // what was paid allows several
		low, high = 1, 100
	case strings.HasSuffix(name, "_count") || name == "duration_in_months" || strings.HasSuffix(name, "seats") || name == "units" || name == "increment_usage":
		high = 12
	case strings.HasPrefix(name, "limit") || name == "max_redemptions" || name == "ttl" || name == "overlap":
		high = 3
	}
	if s.Minimum != nil {
		low = max(low, int(max(*s.Minimum, -5)))
	}
	if s.ExclusiveMinimum != nil {
		low = max(low, int(*s.ExclusiveMinimum)+1)
	}
	if s.Maximum != nil {
		high = int(min(float64(high), *s.Maximum))
	}
	if s.Maximum != nil && m.once(2*m.Wrong) {
		return int64(min(*s.Maximum, math.MaxInt64/2)) + int64(m.Random.IntN(2))
	}
	return low + m.Random.IntN(max(1, high-low+1))
}

func (m *Maker) number() any {
	if m.once(2 * m.Wrong) {
		return json.Number(m.pick(edges...))
	}
	return float64(m.Random.IntN(10000)) / 100
}

// scalar is any value that metadata takes.
func (m *Maker) scalar() any {
	switch m.Random.IntN(6) {
	case 0:
		return m.Random.IntN(2) == 0
	case 1:
		return m.integer(&schema.Schema{}, "")
	case 2:
		return m.number()
	}
	return m.free()
}

// key is one of few, so that filters find something.
func (m *Maker) key() string {
	if m.once(4 * m.Wrong) {
		return m.nasty()
	}
	return m.pick("a", "A", "plan", "ä", "$x", "a.b", "__external_id", "0")
}

func (m *Maker) text(s *schema.Schema, name string) string {
	switch s.Format {
	case "uuid4", "uuid":
		return fmt.Sprint(m.named(strings.TrimSuffix(name, "_id") + "_id")) // also of a list of products
	case "email":
		return m.email()
	case "date-time":
		return m.date(name)
	case "uri":
		if m.Sink != "" && (name == "url" || m.careful) {
			return m.Sink
		}
		return m.pick("https://example.com/", "https://example.com/a?b=c", "https://hooks.example.com/in", "http://example.com", "HTTPS://Example.COM")
	}
	out := m.byName(name)
	if s.Pattern != "" && m.Random.IntN(4) > 0 {
		out = m.pick("1", "0.5", "12.25", "100")
	}
	for s.MinLength != nil && len([]rune(out)) < *s.MinLength && m.Random.IntN(10) > 0 {
		out += "abcdefgh"
	}
	if s.MaxLength != nil && len([]rune(out)) > *s.MaxLength && m.Random.IntN(10) > 0 {
		out = string([]rune(out)[:*s.MaxLength])
	}
	return out
}

// byName makes texts that mean something where they stand.
func (m *Maker) byName(name string) string {
	if m.once(m.Wrong) {
		return m.nasty()
	}
	switch name {
	case "currency":
		if m.careful {
			return "usd"
		}
	case "tax_id":
		return m.pick("FR61954506077", "12-3456789", "DE 129273398", "234567899 RT0001", "nonsense")
	case "state":
		return m.pick("NY", "US-CA", "ON", "Bayern", "ny")
	case "locale":
		return m.pick("en", "de-DE", "zh_hant_tw", "english", "x-foo", "en-Latn-US")
	case "timezone":
		return m.pick("UTC", "Europe/Berlin", "America/New_York", "Nowhere/Land", "")
	case "query":
		return m.pick(m.free(), m.nasty(), "a", "example", "com", "%", "_")
	case "code", "slug", "reference", "label", "prefix":
		return m.pick("a-b", "abc", "ABC", "code1", "CODE1", m.free())
	case "secret":
		return strings.Repeat("s", 32)
	case "cursor", "after", "before":
		return m.pick("0", "1", "25", "9223372036854775807", "-1", "x", "")
	case "key":
		return fmt.Sprint(m.named("key"))
	}
	if strings.HasSuffix(name, "external_id") || strings.HasPrefix(name, "external_") {
		return fmt.Sprint(m.named(name))
	}
	return m.free()
}

func (m *Maker) email() string {
	if m.once(m.Wrong) {
		return m.nasty() + "@example.com"
	}
	if m.Text != nil {
		return m.Text() + "@example.com"
	}
	return m.pick("ann", "ANN", "bob", "Bob", "c.d", "c+d", "éva", "ÉVA", "ß", "ss", "ıx", "ix", "日本", "o'neil", "a_b", "a%b") +
		m.pick("", "", "1", "2") + "@" + m.pick("example.com", "EXAMPLE.com", "example.org", "münchen.example.com")
}

// start is a time near which everything happens.
var start = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

func (m *Maker) date(name string) string {
	if m.once(2 * m.Wrong) {
		return m.pick("2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-05-04", "1777863721", "2026-05-04T03:02:01+14:00", "now", "")
	}
	hours := m.Random.IntN(24*60) - 24*10
	if name == "paid_at" && m.careful {
		hours = -1 - m.Random.IntN(100)
	}
	if name == "to" || name == "now" { // of a test clock, which does all that is due until then
		hours = m.Random.IntN(24 * 200)
	}
	return start.Add(time.Duration(hours) * time.Hour).Format(time.RFC3339)
}

// free is a text that a caller chooses.
func (m *Maker) free() string {
	if m.once(8 * m.Wrong) {
		return m.nasty()
	}
	if m.careful && m.Text == nil && m.Random.IntN(8) == 0 {
		return m.odd()
	}
	if m.Text != nil {
		return m.Text()
	}
	return m.pick("a", "A", "Ann", "ann", "b", "Zoe", "zoe", "Äpfel", "äpfel", "apfel", "10", "9", "2", "x y", "true", "1", "1.0", "example")
}

// nastiest are texts that programs stumble over.
var nastiest = []string{
	"", " ", "\t", "\n", "\u0000", "a\u0000b", "\u0001", "\u007f", "\u0085", "\u00a0", "\u200b", "\u200d", "\u202e", "\u2028", "\ufeff", "\ufffd", "\uffff",
	"'", "''", `"`, `\`, `\\`, "`", "%", "%%", "_", `\%`, `\_`, "*", "?", "[", "(", "$1", "?1", ":a", "--", "/*", ";", "'; DROP TABLE customers; --",
	"é", "e\u0301", "É", "ß", "ẞ", "SS", "İ", "i", "ı", "I", "ﬁ", "fi", "ﬀ", "Å", "Å", "Ω", "ω", "ς", "σ", "Σ", "ǅ", "ǆ", "K", "k", "ſ", "Æ", "日本語", "한국어", "ไทย", "العربية", "עברית",
	"😀", "👩‍👩‍👧‍👦", "🇩🇪", "𝒜", "\U0010ffff", "null", "undefined", "true", "NaN", "Infinity", "1e400", "-0", "0x10", "{}", "[]", "<script>alert(1)</script>",
	"../..", "a/b", "a%2Fb", "a?b", "a#b", "a&b=c", "a+b", "a b", ".", "..", "Z", "z", "a-", "a_", "A-", surrogate, "x" + surrogate + "y",
}

func (m *Maker) nasty() string {
	switch m.Random.IntN(12) {
	case 0:
		return strings.Repeat(m.pick("x", "é", "😀"), m.Random.IntN(300))
	case 1:
		return m.pick(nastiest...) + m.pick(nastiest...)
	}
	return m.pick(nastiest...)
}

// odd is a nasty text that is not wrong as such.
func (m *Maker) odd() string {
	for {
		if s := m.nasty(); strings.TrimSpace(s) != "" && !strings.ContainsAny(s, "\x00"+surrogate) {
			return s
		}
	}
}

// wrong is a value of any type.
func (m *Maker) wrong() any {
	switch m.Random.IntN(6) {
	case 0:
		return nil
	case 1:
		return json.Number(m.pick(edges...))
	case 2:
		return []any{m.nasty()}
	case 3:
		return map[string]any{m.key(): m.nasty()}
	case 4:
		return true
	}
	return m.nasty()
}
