package main

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/demo"
	"floe/internal/organization"
	"floe/internal/server"
)

// demoSeed makes every installation show the same people.
const demoSeed = 1

// fillDemo adds demonstration data to the first organization, unless it has
// customers.
func fillDemo(ctx context.Context, io *streams, s *server.Server, d *db.DB) error {
	list, err := organization.List(ctx, d)
	if err != nil {
		return err
	}
	if len(list) == 0 {
		return errors.New("there is no organization to fill with demo data")
	}
	o := list[0]
	count := 0
	err = demo.Fill(ctx, d, s, demo.Config{Organization: o.ID, Seed: demoSeed, Now: clock.Wall.Now()}, func(done, total int) {
		count = total
		io.progress("Making up customers and what they buy: %d of %d", done, total)
	})
	io.progress("")
	switch {
	case errors.Is(err, demo.ErrNotEmpty):
		fmt.Fprintf(io.err, "%s has customers already, so --demo adds none.\n", o.Slug)
		return nil
	case ctx.Err() != nil && err != nil:
		fmt.Fprintf(io.err, "Stopped before the demo data was complete: %s has none of it.\n", o.Slug)
		return err
	case err != nil:
		return err
	}
	fmt.Fprintf(io.err, "Made up %d customers, and two years of what they bought, in %s.\n", count, o.Slug)
	return nil
}
