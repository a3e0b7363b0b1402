package organization

import (
	"context"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/schema"
)

// Update changes an organization that was read for update. It is recorded
// even when the body is empty, and the first call marks the organization as
// onboarded; modified_at moves only when a field was given.
func (s *Service) Update(ctx context.Context, tx *db.Tx, actor auth.Subject, o Organization, u Update) (Organization, error) {
	if u.Name.Set && u.Name.Value != nil {
		if err := s.checkWords(*u.Name.Value, ""); err != nil {
			return o, err
		}
	}
	if err := o.check(&u); err != nil {
		return o, err
	}
	if err := s.checkCurrency(ctx, tx, &o, u.DefaultPresentmentCurrency.Value); err != nil {
		return o, err
	}
	before := o.Public()
	now := tx.Now()
	changed, first := o.apply(&u), o.OnboardedAt == nil
	if changed {
		o.ModifiedAt = &now
	}
	if first {
		o.OnboardedAt = &now
	}
	if changed || first {
		if err := save(ctx, tx, o); err != nil {
			return o, err
		}
	}
	record(tx, actor, before, o.Public())
	return o, nil
}

// check holds a change against what the organization is.
func (o *Organization) check(u *Update) error {
	if f := u.FeatureSettings.Value; f != nil {
		if err := o.checkSeats(f); err != nil {
			return err
		}
	}
	if err := o.checkReset(u.SubscriptionSettings.Value); err != nil {
		return err
	}
	if d := u.DisputeSettings.Value; d != nil && d.AutoAcceptBelowAmount != nil {
		return fault.DisputeAutoAcceptNotEnabled.New()
	}
	if e := u.SSOEnforced.Value; e != nil && *e {
		return fault.NotPermitted.New("You must be signed in through SSO for this organization to enforce it.")
	}
	return nil
}

// checkCurrency refuses a currency in which something could not be sold.
func (s *Service) checkCurrency(ctx context.Context, tx *db.Tx, o *Organization, to *Currency) error {
	if to == nil || *to == o.DefaultPresentmentCurrency {
		return nil
	}
	ok, err := s.Priced(ctx, tx, o.ID, *to)
	if err != nil || ok {
		return err
	}
	return schema.ValueError("All active products must have prices in the new currency.", schema.StringNode(string(*to)),
		"body", "default_presentment_currency")
}

func (o *Organization) checkSeats(f *FeatureUpdate) error {
	seats := f.SeatBasedPricingEnabled
	members := o.FeatureSettings.MemberModelEnabled || f.MemberModelEnabled.Value
	msg := ""
	switch {
	case !seats.Set:
	case !seats.Value && o.FeatureSettings.SeatBasedPricingEnabled:
		msg = "Seat-based pricing cannot be disabled once enabled."
	case seats.Value && !members:
		msg = "Member model must be enabled before enabling seat-based pricing."
	}
	if msg == "" {
		return nil
	}
	return schema.ValueError(msg, &schema.Node{Kind: schema.Bool, Bool: seats.Value},
		"body", "feature_settings", "seat_based_pricing_enabled")
}

// apply makes the change and says whether any field was given. A field counts
// even when its value is what it was.
func (o *Organization) apply(u *Update) bool {
	changed := []bool{
		keep(u.Name, &o.Name),
		u.AvatarURL.To(&o.AvatarURL), u.Email.To(&o.Email), u.Website.To(&o.Website), u.Country.To(&o.Country),
		keep(u.Socials, (*[]SocialLink)(&o.Socials)),
		keep(u.EmbedHosts, (*[]string)(&o.EmbedHosts)),
		keep(u.SubscriptionSettings, &o.SubscriptionSettings),
		keep(u.CustomerEmailSettings, &o.CustomerEmailSettings),
		keep(u.CustomerPortalSettings, &o.CustomerPortalSettings),
		keep(u.DefaultPresentmentCurrency, &o.DefaultPresentmentCurrency),
		keep(u.DefaultTaxBehavior, &o.DefaultTaxBehavior),
		o.FeatureSettings.merge(u.FeatureSettings.Value),
		u.Details.Value != nil,
	}
	o.AvatarURL = avatar(o.AvatarURL)
	if d := u.Details.Value; d != nil {
		o.Details = schema.JSON(d)
	}
	for _, c := range changed {
		if c {
			return true
		}
	}
	return false
}

// keep copies a value that is present; null leaves what cannot be null.
func keep[T any](u schema.Opt[*T], dst *T) bool {
	if u.Value == nil {
		return false
	}
	*dst = *u.Value
	return true
}

// merge switches features. Members cannot be switched off: what hangs on them
// would be lost. Metrics cannot be cleared, only replaced.
func (f *FeatureSettings) merge(u *FeatureUpdate) bool {
	if u == nil {
		return false
	}
	f.MemberModelEnabled = f.MemberModelEnabled || u.MemberModelEnabled.Value
	u.SeatBasedPricingEnabled.To(&f.SeatBasedPricingEnabled)
	u.CheckoutLocalizationEnabled.To(&f.CheckoutLocalizationEnabled)
	if u.OverviewMetrics.Value != nil {
		f.OverviewMetrics = u.OverviewMetrics.Value
	}
	return true
}
