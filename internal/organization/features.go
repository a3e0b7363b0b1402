package organization

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
)

// Feature is something that only the operator of a server switches, not the
// organization itself. It is named as in the feature settings.
type Feature string

// The features that make a difference.
const (
	ResetProration    Feature = "reset_proration_behavior"
	OffSessionCharges Feature = "off_session_charges"
	MeterCycling      Feature = "meter_cycling"
	UnitBasedPricing  Feature = "unit_based_pricing"
)

func (f *FeatureSettings) field(name Feature) *bool {
	switch name {
	case ResetProration:
		return &f.ResetProrationBehaviorEnabled
	case OffSessionCharges:
		return &f.OffSessionChargesEnabled
	case MeterCycling:
		return &f.MeterCyclingEnabled
	case UnitBasedPricing:
		return &f.UnitBasedPricingEnabled
	}
	return nil
}

// Switch turns features of an organization on (true) or off. What was begun
// with a feature that is off now goes on.
func (s *Service) Switch(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, to map[Feature]bool) (Organization, error) {
	o, err := one(ctx, tx, db.Where("id = ?", org).And("deleted_at IS NULL"), tx.ForUpdate())
	if err != nil {
		return o, err
	}
	before := o.Public()
	for name, on := range to {
		field := o.FeatureSettings.field(name)
		if field == nil {
			return o, fmt.Errorf("there is no feature %q", name)
		}
		*field = on
	}
	if o.checkReset(&o.SubscriptionSettings) != nil {
		return o, errors.New("changes of the organization's subscriptions reset the period unless they say otherwise; change that first")
	}
	if len(to) == 0 {
		return o, nil
	}
	now := tx.Now()
	o.ModifiedAt = &now
	if err := save(ctx, tx, o); err != nil {
		return o, err
	}
	record(tx, actor, before, o.Public())
	return o, nil
}

// record tells the journal of a change.
func record(tx *db.Tx, actor auth.Subject, before, after Public) {
	e := journal.Entry{Organization: after.ID, Type: "organization.updated", Subject: after.ID, Payload: &after}
	e.Before, e.After = journal.Changes(&before, &after)
	journal.Append(tx, actor, e)
}
