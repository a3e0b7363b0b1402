package db

import (
	"context"
	"errors"
	"runtime"
)

// company has PostgreSQL answer several callers in one round trip. What a short
// read costs there is mostly its way: a message, a process that wakes up and
// another that does, a transaction. Those who ask while others are being
// answered go together, on one connection.
//
// Nobody waits for company: who comes first, and finds a slot free, goes alone.
// Nobody sees less for it either: what they get was read after they had asked.
type company struct {
	db    *DB
	line  line[*Reads]
	slots chan struct{}
}

// mostCompany bounds how long the last of a company waits for the others.
const mostCompany = 64

// newCompany lets as many round trips be under way as there are processors to
// read the answers. With more there would be little company in each, with one
// the program and PostgreSQL would wait for each other.
func newCompany(d *DB) *company {
	return &company{db: d, slots: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}
}

// enter takes a slot that is free. Where somebody waits for one, none is.
func (c *company) enter() bool {
	select {
	case c.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

func (c *company) leave() { <-c.slots }

// read runs reads. Those whom a replica may answer go alone, because what they
// must see differs.
func (c *company) read(ctx context.Context, r *Reads) error {
	if c.db.mayAskReplica(ctx) {
		return c.alone(ctx, r)
	}
	if c.enter() {
		defer c.leave()
		return c.alone(ctx, r)
	}
	err := c.line.wait(ctx, newMember(ctx, r), c.lead)
	if errors.Is(err, errAlone) {
		return c.alone(ctx, r)
	}
	return err
}

func (c *company) alone(ctx context.Context, r *Reads) error {
	if len(r.list) == 1 {
		return r.oneByOne(ctx, c.db)
	}
	return c.db.readTogether(ctx, r)
}

// lead asks for a member and those who wait with it. A statement that fails
// ends the answers of all; then each goes alone.
func (c *company) lead(ctx context.Context, m *member[*Reads]) error {
	select {
	case c.slots <- struct{}{}:
		defer c.leave()
	case <-ctx.Done():
		c.line.leave(m)
		return ctx.Err()
	}
	taken := c.line.take(mostCompany)
	if len(taken) == 1 {
		return c.alone(ctx, m.item)
	}
	outcome := errAlone // of a panic, too
	defer func() { tell(taken, m, outcome) }()
	// The others have not asked for the end of this one.
	lasting, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.db.config.QueueTimeout)
	defer cancel()
	if err := c.db.readTogether(lasting, together(taken)); err == nil {
		c.db.stats.reads.Add(int64(len(taken) - 1))
		outcome = nil
	}
	return outcome
}

// together is what all members want to read.
func together(taken []*member[*Reads]) *Reads {
	all := &Reads{apart: true}
	for _, m := range taken {
		all.list = append(all.list, m.item.list...)
		all.apart = all.apart && len(m.item.list) == 1
	}
	return all
}
