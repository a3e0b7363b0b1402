package organization

import (
	"context"
	"encoding/json"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

// Create makes an organization. A user who makes it becomes its owner; made by
// anyone else it has none until the first user joins. The input has been
// decoded, or comes from Draft.
func (s *Service) Create(ctx context.Context, tx *db.Tx, actor auth.Subject, in Create) (Organization, error) {
	if err := s.checkWords(in.Name, in.Slug); err != nil {
		return Organization{}, err
	}
	o := in.organization()
	o.ID, o.CreatedAt = id.New(), tx.Now()
	if err := o.checkReset(in.SubscriptionSettings); err != nil {
		return Organization{}, err
	}
	if err := checkSlugFree(ctx, tx, in.Slug); err != nil {
		return Organization{}, err
	}
	if err := insert(ctx, tx, o); err != nil {
		return Organization{}, err
	}
	if actor.Kind == auth.User {
		if err := insertMembership(ctx, tx, o.ID, actor.ID, auth.Owner); err != nil {
			return Organization{}, err
		}
	}
	public := o.Public()
	journal.Append(tx, actor, journal.Entry{
		Organization: o.ID, Type: "organization.created", Subject: o.ID, After: schema.JSON(&public),
	})
	tx.AfterCommit(s.AccessChanged)
	return o, nil
}

// organization is what the input asks for. Members and seats are always on.
func (in *Create) organization() Organization {
	o := Organization{
		Name: in.Name, Slug: in.Slug, AvatarURL: avatar(in.AvatarURL), Email: in.Email, Website: in.Website, Country: in.Country,
		FeatureSettings: newFeatures(), SubscriptionSettings: newSubscriptionSettings(),
		CustomerEmailSettings: newCustomerEmailSettings(), CustomerPortalSettings: newCustomerPortalSettings(),
		DefaultPresentmentCurrency: in.DefaultPresentmentCurrency, DefaultTaxBehavior: in.DefaultTaxBehavior,
		Details: textOf(in.Details), LegalEntity: textOf(in.LegalEntity),
	}
	if in.Socials != nil {
		o.Socials = *in.Socials
	}
	if in.FeatureSettings != nil {
		in.FeatureSettings.CheckoutLocalizationEnabled.To(&o.FeatureSettings.CheckoutLocalizationEnabled)
		in.FeatureSettings.OverviewMetrics.To(&o.FeatureSettings.OverviewMetrics)
	}
	set(&o.SubscriptionSettings, in.SubscriptionSettings)
	set(&o.CustomerEmailSettings, in.CustomerEmailSettings)
	set(&o.CustomerPortalSettings, in.CustomerPortalSettings)
	return o
}

// set copies a value that is there.
func set[T any](dst *T, v *T) {
	if v != nil {
		*dst = *v
	}
}

func textOf[T any](v *T) json.RawMessage {
	if v == nil {
		return nil
	}
	return schema.JSON(v)
}

// checkWords refuses names with a blocked word as a malformed input is refused.
func (s *Service) checkWords(name string, slug Slug) error {
	sink := &schema.Problems{}
	body := schema.Root(sink, "body")
	if blocked(name, s.BlockedWords) {
		body.Key("name").ValueError("This name is not allowed.", schema.StringNode(name))
	}
	if blocked(string(slug), s.BlockedWords) {
		body.Key("slug").ValueError("This name is not allowed.", schema.StringNode(string(slug)))
	}
	return sink.Err()
}

// checkSlugFree looks for the slug before the insert does, for the better
// message. Deleted organizations keep theirs.
func checkSlugFree(ctx context.Context, tx *db.Tx, slug Slug) error {
	taken, err := db.Exists(ctx, tx, `SELECT 1 FROM organizations WHERE slug = ?`, slug)
	switch {
	case err != nil:
		return fmt.Errorf("look for a slug: %w", err)
	case taken:
		return errSlugTaken(slug)
	}
	return nil
}

func errSlugTaken(slug Slug) error {
	return schema.ValueError("An organization with this slug already exists.", schema.StringNode(string(slug)), "body", "slug")
}

// checkReset refuses the one behaviour that needs a feature.
func (o *Organization) checkReset(s *SubscriptionSettings) error {
	if s == nil || ProrationBehavior(s.ProrationBehavior) != Reset || o.FeatureSettings.ResetProrationBehaviorEnabled {
		return nil
	}
	return schema.ValueError("The 'reset' proration behavior is not enabled for this organization.",
		schema.StringNode(string(Reset)), "body", "subscription_settings", "proration_behavior")
}
