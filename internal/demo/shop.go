package demo

import (
	"container/heap"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/schema"
	"floe/internal/server"
)

// shop sells to the customers as they come, and lives through the years with
// them: the services do everything at its own time, as if it had been done
// then. It belongs to one transaction.
type shop struct {
	Config
	*server.Server
	catalogue

	tx      *db.Tx
	actor   auth.Subject
	random  *rand.Rand // not that of the customers, who are the same without a shop
	diary   diary
	owing   map[id.ID]time.Time // subscriptions that are not paid for any more, since when
	plans   int                 // how many there were
	paid    int                 // how many payments were noted
	recent  int                 // individuals who came in the last days
	settled int                 // monthly subscriptions that were there for a while at the end
}

const day = 24 * time.Hour

// open opens a shop with all that it sells, a day before the first customer
// can come.
func open(ctx context.Context, tx *db.Tx, s *server.Server, c Config) (*shop, error) {
	p := &shop{Config: c, Server: s, tx: tx, owing: map[id.ID]time.Time{},
		random: rand.New(rand.NewPCG(c.Seed, 0x5809)), //nolint:gosec // repeatable on purpose
	}
	p.actor = auth.NewSystem("demo")
	p.actor.Memberships = []auth.Membership{{OrganizationID: c.Organization, Role: auth.Owner}}
	tx.TakeIDs(id.NewSource(c.Seed + 1))
	grant.TakeKeys(tx, p.key)
	begin := c.Now.Add(-years*365*day - day)
	tx.MoveTo(begin)
	// With a clock of its own, the organization is left alone by what runs at
	// the same time; nobody sees the clock, which is gone before the commit.
	if _, err := s.TestClocks.Create(ctx, tx, c.Organization, begin); err != nil {
		return nil, err
	}
	if err := p.stock(ctx); err != nil {
		return nil, fmt.Errorf("make up what is sold: %w", err)
	}
	for week := begin.Add(7 * day); week.Before(c.Now); week = week.Add(7 * day) {
		p.plan(week, p.keepBooks)
	}
	return p, nil
}

// close lives on until now and gives the organization back to the real time.
func (p *shop) close(ctx context.Context) error {
	if err := p.live(ctx, p.Now); err != nil {
		return err
	}
	_, err := p.TestClocks.Release(ctx, p.tx, p.Organization)
	return err
}

// live lets everything happen that is due or planned until a time.
func (p *shop) live(ctx context.Context, until time.Time) error {
	for len(p.diary) > 0 && !p.diary[0].at.After(until) {
		if err := ctx.Err(); err != nil { // on SQLite no statement minds
			return err
		}
		e := heap.Pop(&p.diary).(entry) //nolint:forcetypeassert // it holds nothing else
		if _, err := p.TestClocks.AdvanceIn(ctx, p.tx, p.Organization, e.at); err != nil {
			return err
		}
		if err := e.do(ctx); err != nil {
			return fmt.Errorf("at %s: %w", e.at.Format(time.DateTime), err)
		}
	}
	_, err := p.TestClocks.AdvanceIn(ctx, p.tx, p.Organization, until)
	return err
}

// plan puts something into the diary. What would be in the past is done next.
func (p *shop) plan(at time.Time, do func(ctx context.Context) error) {
	if at.Before(p.tx.Now()) {
		at = p.tx.Now()
	}
	p.plans++
	heap.Push(&p.diary, entry{at: at, n: p.plans, do: do})
}

// entry is something that will happen.
type entry struct {
	at time.Time
	n  int // the order of those at one time
	do func(ctx context.Context) error
}

// diary is a heap of entries, the next one first.
type diary []entry

func (d diary) Len() int { return len(d) }
func (d diary) Less(i, j int) bool {
	return d[i].at.Before(d[j].at) || d[i].at.Equal(d[j].at) && d[i].n < d[j].n
}
func (d diary) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *diary) Push(x any)   { *d = append(*d, x.(entry)) } //nolint:forcetypeassert // nothing else comes
func (d *diary) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

// chance is true for so many of a hundred.
func (p *shop) chance(percent int) bool { return p.random.IntN(100) < percent }

func (p *shop) pick(list ...string) string { return list[p.random.IntN(len(list))] }

// in is a time some days from now: at least from, and less than to.
func (p *shop) in(from, to float64) time.Time {
	return p.tx.Now().Add(time.Duration((from + p.random.Float64()*(to-from)) * float64(day))).Truncate(time.Second)
}

// ago is a time some days before the end.
func (p *shop) ago(from, to float64) time.Time {
	return p.Now.Add(-time.Duration((from + p.random.Float64()*(to-from)) * float64(day))).Truncate(time.Second)
}

// key is the text of a license key: a UUID of version 4 in capitals.
func (p *shop) key() string {
	a, b := p.random.Uint64(), p.random.Uint64()
	return strings.ToUpper(fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0x3fff|0x8000, b&(1<<48-1)))
}

type body map[string]any

// read makes a body of what the API would accept as one, with its checks and
// defaults.
func read[T any](b body) (out T, err error) {
	text, err := json.Marshal(b)
	if err != nil {
		return out, err
	}
	n, err := schema.Parse(text)
	if err != nil {
		return out, err
	}
	problems := &schema.Problems{}
	schema.PlanOf(reflect.TypeFor[T](), "").Decode(n, schema.Root(problems, "body"), reflect.ValueOf(&out).Elem())
	return out, problems.Err()
}
