package main

import (
	"context"
	"fmt"
	"slices"

	"floe/internal/db"
	"floe/internal/organization"
)

type organizationFeatures struct {
	dataOptions
	Organization string                 `required:"" placeholder:"SLUG" help:"The organization."`
	On           []organization.Feature `placeholder:"FEATURE" enum:"reset_proration_behavior,unit_based_pricing,meter_cycling,off_session_charges" help:"What to switch on."`
	Off          []organization.Feature `placeholder:"FEATURE" enum:"reset_proration_behavior,unit_based_pricing,meter_cycling,off_session_charges" help:"What to switch off; who has begun with it goes on."`
}

// Help lists the features and shows an example.
func (organizationFeatures) Help() string {
	return `These are the features that an organization cannot switch itself, over the API:

  reset_proration_behavior  Changes of a subscription may begin a new period.
  unit_based_pricing        Products can be sold by units that you name.
  meter_cycling             Usage can have an interval of its own.
  off_session_charges       Draft orders; on for every new organization.

Without an option it changes nothing.

Examples:
  floe organization features --organization acme
  floe organization features --organization acme --on unit_based_pricing,reset_proration_behavior`
}

// Validate refuses a feature that is to be both.
func (c *organizationFeatures) Validate() error {
	for _, name := range c.On {
		if slices.Contains(c.Off, name) {
			return fmt.Errorf("%s cannot be switched on and off at once", name)
		}
	}
	return nil
}

// Run switches features and prints which are on.
func (c *organizationFeatures) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		o, err := s.bySlug(ctx, c.Organization)
		if err != nil {
			return err
		}
		to := map[organization.Feature]bool{}
		for _, name := range c.On {
			to[name] = true
		}
		for _, name := range c.Off {
			to[name] = false
		}
		err = s.db.Write(ctx, func(tx *db.Tx) (err error) {
			o, err = s.organizations.Switch(ctx, tx, operator(), o.ID, to)
			return err
		})
		if err != nil {
			return plain(err)
		}
		return printResource(io, &o.FeatureSettings)
	})
}
