package organization

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

const columns = `id, created_at, modified_at, onboarded_at, name, slug, avatar_url, email, website, socials, details, legal_entity,
	country, feature_settings, subscription_settings, customer_email_settings, customer_portal_settings,
	default_presentment_currency, default_tax_behavior, embed_hosts, embed_hosts_enforced`

// visible reads an organization that a caller can reach; lock ends the SELECT.
func visible(ctx context.Context, q db.Querier, sub auth.Subject, org id.ID, lock string) (Organization, error) {
	w := db.Where("deleted_at IS NULL").In("id", sub.Organizations(auth.AnyMember, org))
	return one(ctx, q, w, lock)
}

// ByID reads an organization for the server itself; it asks nobody's
// permission. Unknown and deleted ones are a fault.NotFound.
func ByID(ctx context.Context, q db.Querier, org id.ID) (Organization, error) {
	return one(ctx, q, db.Where("id = ?", org).And("deleted_at IS NULL"), "")
}

// Hold is ByID for what must not change until the transaction ends, such as the
// currency that prices are held against.
func Hold(ctx context.Context, tx *db.Tx, org id.ID) (Organization, error) {
	return one(ctx, tx, db.Where("id = ?", org).And("deleted_at IS NULL"), tx.ForShare())
}

// BySlug is ByID for a slug.
func BySlug(ctx context.Context, q db.Querier, slug string) (Organization, error) {
	return one(ctx, q, db.Where("slug = ?", strings.ToLower(slug)).And("deleted_at IS NULL"), "")
}

func one(ctx context.Context, q db.Querier, w *db.W, lock string) (Organization, error) {
	o, err := db.One[Organization](ctx, q, `SELECT `+columns+` FROM organizations`+w.SQL()+lock, w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return o, fault.NotFound.New()
	}
	if err != nil {
		return o, fmt.Errorf("read an organization: %w", err)
	}
	return o, nil
}

// List reads every organization, oldest first, for operators.
func List(ctx context.Context, q db.Querier) ([]Organization, error) {
	list, err := db.All[Organization](ctx, q, `SELECT `+columns+` FROM organizations WHERE deleted_at IS NULL ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("list organizations: %w", err)
	}
	return list, nil
}

// Features reads which features an organization has on: one row by its key.
func Features(ctx context.Context, q db.Querier, org id.ID) (FeatureSettings, error) {
	f, err := db.One[FeatureSettings](ctx, q, `SELECT feature_settings FROM organizations WHERE id = ?`, org)
	if err != nil {
		return f, fmt.Errorf("read the features of organization %s: %w", org, err)
	}
	return f, nil
}

func insert(ctx context.Context, tx *db.Tx, o Organization) error {
	_, err := db.Exec(ctx, tx, `INSERT INTO organizations (`+columns+`)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		o.ID, o.CreatedAt, o.ModifiedAt, o.OnboardedAt, o.Name, o.Slug, o.AvatarURL, o.Email, o.Website, o.Socials, o.Details,
		o.LegalEntity, o.Country, o.FeatureSettings, o.SubscriptionSettings, o.CustomerEmailSettings, o.CustomerPortalSettings,
		o.DefaultPresentmentCurrency, o.DefaultTaxBehavior, o.EmbedHosts, o.EmbedHostsEnforced)
	if db.IsUnique(err, "organizations_slug_key") {
		return errSlugTaken(o.Slug)
	}
	if err != nil {
		return fmt.Errorf("insert an organization: %w", err)
	}
	return nil
}

func save(ctx context.Context, tx *db.Tx, o Organization) error {
	_, err := db.Exec(ctx, tx, `UPDATE organizations SET modified_at = ?, onboarded_at = ?, name = ?, avatar_url = ?, email = ?, website = ?,
		socials = ?, details = ?, country = ?, feature_settings = ?, subscription_settings = ?, customer_email_settings = ?,
		customer_portal_settings = ?, default_presentment_currency = ?, default_tax_behavior = ?, embed_hosts = ?
		WHERE id = ?`,
		o.ModifiedAt, o.OnboardedAt, o.Name, o.AvatarURL, o.Email, o.Website, o.Socials, o.Details, o.Country, o.FeatureSettings,
		o.SubscriptionSettings, o.CustomerEmailSettings, o.CustomerPortalSettings, o.DefaultPresentmentCurrency,
		o.DefaultTaxBehavior, o.EmbedHosts, o.ID)
	if err != nil {
		return fmt.Errorf("update an organization: %w", err)
	}
	return nil
}
