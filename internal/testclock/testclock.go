// Package testclock lets an organization live in a time of its own, so that a
// year of renewals can be tried out in a minute. Requests and jobs for such an
// organization see its clock's time; the clock stands still until it is
// advanced, and everything that becomes due on the way happens at its own
// time. It knows what can become due only by asking those who do it.
package testclock

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"floe/internal/clock"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/job"
	"floe/internal/order"
	"floe/internal/schema"
	"floe/internal/subscription"
)

// Clock is the test clock of an organization.
type Clock struct {
	OrganizationID id.ID     `json:"organization_id" doc:"The organization that lives by the clock."`
	Now            time.Time `json:"now" doc:"The time that the clock shows."`
	CreatedAt      time.Time `json:"created_at" doc:"When the clock was made, in real time."`
}

// SchemaName is a name of ours.
func (Clock) SchemaName() string { return "TestClock" }

// Service makes clocks and advances them.
type Service struct {
	DB            *db.DB
	Wall          clock.Clock // of the machine
	Subscriptions *subscription.Service
	Orders        *order.Service
	Customers     *customer.Service
	Jobs          *job.Runner
	// Changed is called after a clock has been changed, so that nobody goes on
	// with the time before.
	Changed func()
}

// Shows refuses times that a clock cannot show: ids begin with 1970, and the
// longest period after 2999 still ends in a year of four digits.
func Shows(key string, t time.Time) error {
	if y := t.Year(); y >= 1970 && y < 3000 {
		return nil
	}
	return schema.ValueError("A test clock shows times from 1970 to 2999.", schema.StringNode(t.Format(time.RFC3339Nano)), "body", key)
}

const columns = `organization_id, now, created_at`

func find(ctx context.Context, q db.Querier, org id.ID, lock string) (Clock, error) {
	c, err := db.One[Clock](ctx, q, `SELECT `+columns+` FROM test_clocks WHERE organization_id = ?`+lock, org)
	if errors.Is(err, db.ErrNoRows) {
		return c, fault.NotFound.New("The organization has no test clock.")
	}
	if err != nil {
		return c, fmt.Errorf("read a test clock: %w", err)
	}
	return c, nil
}

// Get reads a clock.
func (s *Service) Get(ctx context.Context, q db.Querier, org id.ID) (Clock, error) {
	return find(ctx, q, org, "")
}

// Create makes a clock that shows a time. From then on the organization's
// subscriptions wait for it.
func (s *Service) Create(ctx context.Context, tx *db.Tx, org id.ID, now time.Time) (Clock, error) {
	c := Clock{OrganizationID: org, Now: clock.Normal(now), CreatedAt: s.Wall.Now()}
	if err := Shows("now", c.Now); err != nil {
		return c, err
	}
	n, err := db.Exec(ctx, tx, `INSERT INTO test_clocks (`+columns+`) VALUES (?, ?, ?) ON CONFLICT (organization_id) DO NOTHING`,
		c.OrganizationID, c.Now, c.CreatedAt)
	switch {
	case err != nil:
		return c, fmt.Errorf("make a test clock: %w", err)
	case n == 0:
		return c, fault.TestClockExists.New()
	}
	tx.AfterCommit(s.changed)
	return c, s.follow(ctx, tx, org, true)
}

// Release gives an organization back to the wall clock. What is due by then
// happens soon; what was done in the clock's time stays as it is.
func (s *Service) Release(ctx context.Context, tx *db.Tx, org id.ID) (Clock, error) {
	c, err := find(ctx, tx, org, tx.ForUpdate())
	if err != nil {
		return c, err
	}
	if _, err := db.Exec(ctx, tx, `DELETE FROM test_clocks WHERE organization_id = ?`, org); err != nil {
		return c, fmt.Errorf("release a test clock: %w", err)
	}
	tx.AfterCommit(s.changed)
	return c, s.follow(ctx, tx, org, false)
}

// JobFollow is the second look after a clock was made or released.
const JobFollow = "test_clocks.follow"

// settled is when everybody has come to an end who did not know of a change of
// clocks: on PostgreSQL whoever is in a transaction meanwhile makes things for
// the time before, and nobody sees them until they commit.
const settled = time.Minute

// followArgs are those of JobFollow.
type followArgs struct {
	OrganizationID id.ID `json:"organization_id"`
}

// follow says of all that can become due whether it waits for a clock, now and
// once more when everything has settled.
func (s *Service) follow(ctx context.Context, tx *db.Tx, org id.ID, clocked bool) error {
	if err := s.mark(ctx, tx, org, clocked); err != nil {
		return err
	}
	return s.Jobs.Enqueue(ctx, tx, JobFollow, followArgs{org}, job.At(s.Wall.Now().Add(settled)))
}

// FollowAgain does the work of JobFollow.
func (s *Service) FollowAgain(ctx context.Context, tx *db.Tx, text json.RawMessage) error {
	var a followArgs
	if err := json.Unmarshal(text, &a); err != nil {
		return fmt.Errorf("read what is to follow a test clock: %w", err)
	}
	_, err := find(ctx, tx, a.OrganizationID, tx.ForUpdate())
	if err != nil && !errors.Is(err, fault.NotFound.New()) {
		return err
	}
	return s.mark(ctx, tx, a.OrganizationID, err == nil)
}

func (s *Service) mark(ctx context.Context, tx *db.Tx, org id.ID, clocked bool) error {
	if err := s.Subscriptions.FollowClock(ctx, tx, org, clocked); err != nil {
		return err
	}
	if err := s.Orders.FollowClock(ctx, tx, org, clocked); err != nil {
		return err
	}
	return s.Customers.FollowClock(ctx, tx, org, clocked)
}

func (s *Service) changed() {
	if s.Changed != nil {
		s.Changed()
	}
}

// Progress is told how far a clock has come and how much has happened so far,
// and says whether it is to go on.
type Progress func(now time.Time, done int) (more bool)

// Advance moves a clock to a time. What is due until then happens in the order
// of its times, hundreds of subscriptions in a transaction, each at its own
// time. Each transaction leaves the clock where it has got to, so that an
// advance that was broken off goes on where it ended when it is asked for
// again. That is also how it ends when progress does not want more.
func (s *Service) Advance(ctx context.Context, org id.ID, to time.Time, progress Progress) (Clock, error) {
	to = clock.Normal(to)
	if err := Shows("to", to); err != nil {
		return Clock{}, err
	}
	total := 0
	for first := true; ; first = false {
		c, done, finished, err := s.step(ctx, org, to, first)
		if err != nil {
			return c, err
		}
		total += done
		if more := progress == nil || progress(c.Now, total); finished || !more {
			return c, nil
		}
	}
}

// step does what is due next, and what is due so soon after it that it can
// share the transaction.
func (s *Service) step(ctx context.Context, org id.ID, to time.Time, first bool) (c Clock, done int, finished bool, err error) {
	start, err := s.Get(ctx, s.DB, org)
	if err != nil {
		return c, 0, false, err
	}
	err = s.DB.Write(clock.WithTime(ctx, start.Now), func(tx *db.Tx) error {
		if c, err = find(ctx, tx, org, tx.ForUpdate()); err != nil {
			return err
		}
		if first && to.Before(c.Now) {
			return schema.ValueError("A test clock only goes forward.", schema.StringNode(to.Format(time.RFC3339Nano)), "body", "to")
		}
		tx.MoveTo(c.Now)
		var last time.Time
		done, last, err = s.next(ctx, tx, org, to)
		if err != nil {
			return err
		}
		finished = done == 0
		if finished {
			last = to
		}
		if last.After(c.Now) {
			c.Now = last
		}
		tx.AfterCommit(s.changed)
		_, err = db.Exec(ctx, tx, `UPDATE test_clocks SET now = ? WHERE organization_id = ?`, c.Now, org)
		return err
	})
	return c, done, finished, err
}

// next does one batch of renewals or of overdue orders, whichever comes first.
func (s *Service) next(ctx context.Context, tx *db.Tx, org id.ID, to time.Time) (done int, last time.Time, err error) {
	renewal, err := s.Subscriptions.NextDueOf(ctx, tx, org)
	if err != nil {
		return 0, last, err
	}
	overdue, err := s.Orders.NextOverdueOf(ctx, tx, org)
	if err != nil {
		return 0, last, err
	}
	until := to
	switch {
	case !renewal.IsZero() && !renewal.After(to) && (overdue.IsZero() || !overdue.Before(renewal)):
		if !overdue.IsZero() {
			until = earliest(until, overdue)
		}
		return s.Subscriptions.RunDueOf(ctx, tx, org, until, subscription.Batch)
	case !overdue.IsZero() && !overdue.After(to):
		until = earliest(until, overdue.Add(window))
		if !renewal.IsZero() {
			until = earliest(until, renewal.Add(-time.Microsecond))
		}
		return s.Orders.RunOverdueOf(ctx, tx, org, until, subscription.Batch)
	}
	return 0, last, nil
}

// window is how much time one batch of overdue orders covers at most: none of
// them is looked at again so soon.
const window = 24*time.Hour - time.Microsecond

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
