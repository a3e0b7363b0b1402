package demo

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"floe/internal/customer"
	"floe/internal/id"
	"floe/internal/schema"
	"floe/internal/taxid"
)

// maker makes one customer after the other. What it makes depends on the
// configuration and on the calls before.
type maker struct {
	Config
	random *rand.Rand
	ids    *id.Source
	mails  map[string]int // how often an address was wanted
	slugs  map[string]int // how often a company's name was
	lots   []int          // an index of countries for each of a thousand
}

func newMaker(c Config) *maker {
	m := &maker{
		Config: c, ids: id.NewSource(c.Seed), mails: map[string]int{}, slugs: map[string]int{},
		random: rand.New(rand.NewPCG(c.Seed, 0xf10e)), //nolint:gosec // repeatable on purpose
	}
	for i := range countries {
		for range countries[i].weight {
			m.lots = append(m.lots, i)
		}
	}
	return m
}

// chance is true for so many of a hundred.
func (m *maker) chance(percent int) bool { return m.random.IntN(100) < percent }

func (m *maker) pick(list []string) string { return list[m.random.IntN(len(list))] }

const (
	years      = 2
	teams      = 15 // of a hundred customers
	maxMembers = 8
)

// at is when the i-th customer came. The square root makes more come as time
// goes on.
func (m *maker) at(i int) time.Time {
	span := float64(years * 365 * 24 * time.Hour)
	part := math.Sqrt((float64(i) + m.random.Float64()) / float64(m.Count))
	return m.Now.Add(time.Duration((part - 1) * span)).Truncate(time.Microsecond)
}

// later is a time between another one and now.
func (m *maker) later(than time.Time) time.Time {
	span := m.Now.Sub(than)
	return than.Add(time.Duration(m.random.Float64() * float64(span))).Truncate(time.Microsecond)
}

func (m *maker) customer(i int) customer.Given {
	created := m.at(i)
	c := &parsed()[m.lots[m.random.IntN(len(m.lots))]]
	g := customer.Given{Row: customer.Row{
		ID: m.ids.New(created), OrganizationID: m.Organization, CreatedAt: created, Type: customer.Individual,
		EmailVerified: m.chance(60),
	}}
	if m.chance(92) {
		g.BillingAddress = m.address(c)
	}
	if m.chance(80) {
		g.Locale = text(m.pick(c.locales))
	}
	if m.chance(85) {
		g.ExternalID = text("usr_" + scramble(i))
	}
	if m.chance(teams) {
		m.team(c, &g)
	} else {
		m.individual(c, &g)
	}
	g.Metadata = m.metadata(g.Type == customer.Team, len(g.Members))
	if m.chance(30) {
		at := m.later(created)
		g.ModifiedAt = &at
	}
	return g
}

func (m *maker) individual(c *nation, g *customer.Given) {
	who := m.person(c.people)
	g.Name, g.Email = &who.name, text(m.mail(who.latin, m.pick(mailDomains)))
	if m.chance(12) { // in business on their own
		m.taxID(c, g)
	}
	g.Members = []customer.Member{{ID: m.ids.New(g.CreatedAt), CreatedAt: g.CreatedAt, Email: *g.Email, Name: g.Name,
		ExternalID: g.ExternalID, Role: customer.RoleOwner}}
}

// mailDomains are reserved by RFC 2606.
var mailDomains = []string{"example.com", "example.com", "example.com", "example.org", "example.net", "mail.example.com", "post.example.org"}

func (m *maker) team(c *nation, g *customer.Given) {
	name, domain := m.company(c.people)
	g.Type, g.Name = customer.Team, &name
	if m.chance(80) {
		g.Email = text(m.mail(m.pick([]string{"billing", "accounts", "finance", "office"}), domain))
	}
	if m.chance(75) {
		m.taxID(c, g)
	}
	if m.chance(25) {
		g.BillingName = text(name + " – Accounts Payable")
	}
	at := g.CreatedAt
	for i := range 1 + m.random.IntN(maxMembers) {
		who := m.person(c.people)
		member := customer.Member{ID: m.ids.New(at), CreatedAt: at, Name: &who.name, Email: m.mail(who.latin, domain), Role: m.role(i)}
		if m.chance(40) {
			member.ExternalID = text("mem_" + scramble(m.random.IntN(1<<30)))
		}
		g.Members = append(g.Members, member)
		at = m.later(at)
	}
}

// role is that of the i-th member.
func (m *maker) role(i int) customer.Role {
	switch {
	case i == 0:
		return customer.RoleOwner
	case m.chance(20):
		return customer.RoleBillingManager
	}
	return customer.RoleMember
}

// mail is an address nobody else has.
func (m *maker) mail(local, domain string) string {
	key := local + "@" + domain
	m.mails[key]++
	if n := m.mails[key]; n > 1 {
		local += strconv.Itoa(n)
	}
	return local + "@" + domain
}

// company is a name and the domain that belongs to it.
func (m *maker) company(p *peopleLists) (name, domain string) {
	word := m.pick(p.companies)
	slug := latin(word)
	if m.chance(50) {
		other := m.pick(p.companies)
		if other != word {
			word, slug = word+" & "+other, slug+"-"+latin(other)
		}
	}
	m.slugs[slug]++
	if n := m.slugs[slug]; n > 1 {
		word, slug = word+" "+strconv.Itoa(n), slug+"-"+strconv.Itoa(n)
	}
	return word + " " + m.pick(p.forms), slug + ".example.com"
}

// taxID gives the customer a number that passes the checks of its country.
func (m *maker) taxID(c *nation, g *customer.Given) {
	value, ok := taxid.Example(c.code, m.random.Uint64N(1<<40))
	if !ok {
		return
	}
	normal, format, ok := taxid.Validate(c.code, value)
	if !ok {
		return
	}
	g.TaxID, g.TaxIDFormat = &normal, text(string(format))
	if g.BillingAddress == nil { // the country says how to check the number
		g.BillingAddress = m.address(c)
	}
}

func (m *maker) address(c *nation) json.RawMessage {
	where := &c.cities[m.random.IntN(len(c.cities))]
	a := schema.Address{City: &where.name, Country: schema.Country(c.code)}
	number := strconv.Itoa(1 + m.random.IntN(180))
	a.Line1 = text(strings.NewReplacer("{s}", m.pick(c.people.streets), "{n}", number).Replace(c.people.street))
	if m.chance(15) {
		a.Line2 = text(strconv.Itoa(1+m.random.IntN(12)) + string("ABCD"[m.random.IntN(4)]))
	}
	if where.postal != "" {
		a.PostalCode = text(m.fill(where.postal))
	}
	if where.state != "" {
		a.State = &where.state
	}
	return schema.JSON(&a)
}

// fill chooses the digits and letters of a postal code.
func (m *maker) fill(template string) string {
	out := []byte(template)
	for i, c := range out {
		switch c {
		case '#':
			out[i] = byte('0' + m.random.IntN(10))
		case '$':
			out[i] = "ABCDEFGHJKLMNPRSTUVWXY"[m.random.IntN(22)]
		}
	}
	return string(out)
}

var (
	plans   = []string{"free", "free", "free", "starter", "starter", "pro", "pro", "business", "enterprise"}
	sources = []string{"website", "website", "referral", "newsletter", "conference", "partner", "import"}
)

// metadata is what a shop might note about a customer.
func (m *maker) metadata(team bool, members int) json.RawMessage {
	if m.chance(25) {
		return json.RawMessage(`{}`)
	}
	out := schema.AppendString([]byte(`{"plan":`), m.pick(plans))
	if team {
		out = strconv.AppendInt(append(out, `,"seats":`...), int64(members+m.random.IntN(20)), 10)
	}
	if m.chance(70) {
		out = schema.AppendString(append(out, `,"source":`...), m.pick(sources))
	}
	if m.chance(50) {
		out = strconv.AppendBool(append(out, `,"newsletter":`...), m.chance(40))
	}
	if m.chance(30) {
		out = schema.AppendFloat(append(out, `,"health_score":`...), float64(m.random.IntN(1000))/1000)
	}
	return append(out, '}')
}

// scramble is a short text for a number below 2^40, another for each and in no
// order that shows.
func scramble(n int) string {
	const digits = "0123456789abcdefghjkmnpqrstvwxyz"
	v := uint64(n) * 0x9e3779b97f4a7c15 & (1<<40 - 1) //nolint:gosec // numbers are small
	var out [8]byte
	for i := range out {
		out[7-i] = digits[v&31]
		v >>= 5
	}
	return string(out[:])
}

func text(s string) *string { return &s }
