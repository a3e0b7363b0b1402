// Package demo makes customers up: realistic people and teams of many
// countries, and what they bought in two years, the same every time for the
// same seed. It fills a new organization, so that there is something to look
// at, and gives tests and measurements customers of any number. Nothing here is about real people: names are
// common ones put together at random, and all e-mail addresses lie in domains
// that are reserved for examples.
package demo

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"floe/internal/auth"
	"floe/internal/clock"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/server"
)

// Config says what to make up.
type Config struct {
	Organization id.ID
	Seed         uint64
	// Now is the end of the two years in which the customers came.
	Now time.Time
	// Count is how many customers there are; 2,000 when zero.
	Count int
}

const defaultCount = 2000

func (c Config) withDefaults() Config {
	if c.Count == 0 {
		c.Count = defaultCount
	}
	c.Now = clock.Normal(c.Now)
	return c
}

// ErrNotEmpty is what Fill says of an organization that has customers.
var ErrNotEmpty = errors.New("the organization has customers already")

// Fill adds customers, and two years of what they bought, to an organization
// that has none: all of it, or nothing when it fails. It calls progress now and
// then, unless that is nil. Nothing else should happen in the organization
// meanwhile.
func Fill(ctx context.Context, d *db.DB, s *server.Server, c Config, progress func(done, total int)) error {
	c = c.withDefaults()
	if progress == nil {
		progress = func(int, int) {}
	}
	err := d.Write(clock.WithTime(ctx, c.Now), func(tx *db.Tx) error {
		if err := empty(ctx, tx, c.Organization); err != nil {
			return err
		}
		shop, err := open(ctx, tx, s, c)
		if err != nil {
			return err
		}
		done, known := 0, 1 // known is where the database has to learn again how much there is
		for batch := range Batches(c, 100) {
			if err := s.Customers.AddGiven(ctx, tx, auth.NewSystem("demo"), batch); err != nil {
				return err
			}
			for i := range batch {
				shop.welcome(&batch[i])
			}
			if err := shop.live(ctx, batch[len(batch)-1].CreatedAt); err != nil {
				return err
			}
			done += len(batch)
			progress(done, c.Count)
			if done >= known {
				if err := tx.Analyze(ctx); err != nil {
					return err
				}
				known *= 4
			}
		}
		return shop.close(ctx)
	})
	if err != nil {
		return fmt.Errorf("fill with demo data: %w", err)
	}
	return nil
}

// empty refuses an organization that has, or had, customers.
func empty(ctx context.Context, tx *db.Tx, org id.ID) error {
	some, err := db.Exists(ctx, tx, `SELECT 1 FROM customers WHERE organization_id = ? LIMIT 1`, org)
	if err == nil && some {
		return ErrNotEmpty
	}
	return err
}

// Customers yields the customers, oldest first.
func Customers(c Config) iter.Seq[customer.Given] {
	c = c.withDefaults()
	return func(yield func(customer.Given) bool) {
		m := newMaker(c)
		for i := range c.Count {
			if !yield(m.customer(i)) {
				return
			}
		}
	}
}

// Batches yields the customers in lists of a size.
func Batches(c Config, size int) iter.Seq[[]customer.Given] {
	return func(yield func([]customer.Given) bool) {
		batch := make([]customer.Given, 0, size)
		for g := range Customers(c) {
			if batch = append(batch, g); len(batch) < size {
				continue
			}
			if !yield(batch) {
				return
			}
			batch = make([]customer.Given, 0, size)
		}
		if len(batch) > 0 {
			yield(batch)
		}
	}
}
