// Package organization keeps the organizations that own everything else, the
// users, and who belongs where. It decides which organization a create
// operation is for (ForCreate). It does not know tokens: it tells whoever
// remembers what credentials may do when that has changed.
package organization

import (
	"context"
	"encoding/json"
	"time"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// Config is what a Service needs.
type Config struct {
	DB *db.DB
	// AccessChanged is called after a commit that changed who may reach what:
	// a new organization, a new membership. Nil when nobody remembers such
	// things.
	AccessChanged func()
	// Priced says whether all that an organization sells has prices in a
	// currency. Nil when nothing is sold.
	Priced func(ctx context.Context, tx *db.Tx, organization id.ID, currency Currency) (bool, error)
	// BlockedWords may not stand in the name or slug of an organization.
	BlockedWords []string
}

// Service offers the operations on organizations, and to the command line the
// making of organizations and users.
type Service struct{ Config }

// New makes a service.
func New(c Config) *Service {
	if c.AccessChanged == nil {
		c.AccessChanged = func() {}
	}
	if c.Priced == nil {
		c.Priced = func(context.Context, *db.Tx, id.ID, Currency) (bool, error) { return true, nil }
	}
	return &Service{c}
}

// Organization is an organization as it is stored. Public is what callers see.
type Organization struct {
	ID                         id.ID
	CreatedAt                  time.Time
	ModifiedAt                 *time.Time
	OnboardedAt                *time.Time // of the first change through the API
	Name                       string
	Slug                       Slug
	AvatarURL                  *schema.URL
	Email                      *schema.Email
	Website                    *schema.URL
	Socials                    Socials
	Details                    json.RawMessage // private; kept as it came
	LegalEntity                json.RawMessage // private; kept as it came
	Country                    *schema.Country
	FeatureSettings            FeatureSettings
	SubscriptionSettings       SubscriptionSettings
	CustomerEmailSettings      CustomerEmailSettings
	CustomerPortalSettings     CustomerPortalSettings
	DefaultPresentmentCurrency Currency
	DefaultTaxBehavior         TaxBehavior
	EmbedHosts                 Hosts
	EmbedHostsEnforced         bool
}

// Public is an organization as answers and events show it.
type Public struct {
	CreatedAt          time.Time         `json:"created_at" doc:"When the organization was created."`
	ModifiedAt         *time.Time        `json:"modified_at" doc:"When the organization was last changed."`
	ID                 id.ID             `json:"id" doc:"The ID of the organization."`
	Name               string            `json:"name" doc:"The name that customers see."`
	Slug               Slug              `json:"slug" doc:"The unique name in web addresses."`
	AvatarURL          *string           `json:"avatar_url" doc:"A picture that customers see."`
	ProrationBehavior  ProrationBehavior `json:"proration_behavior" doc:"What happens to the price when customers change their subscription themselves."`
	CustomerUpdates    bool              `json:"allow_customer_updates" doc:"Whether customers may change their subscriptions in the customer portal."`
	Email              *string           `json:"email" doc:"Where customers find help."`
	Website            *string           `json:"website" doc:"The website of the organization."`
	Socials            Socials           `json:"socials" doc:"Profiles in social networks."`
	Status             Status            `json:"status" doc:"Always active."`
	DetailsSubmittedAt *time.Time        `json:"details_submitted_at" doc:"When business details were submitted for review."`
	ResubmissionAt     *time.Time        `json:"onboarding_resubmission_requested_at" doc:"When the details were asked for again."`
	SSOEnforced        bool              `json:"sso_enforced" doc:"Whether users must come through single sign-on."`

	DefaultPresentmentCurrency string                 `json:"default_presentment_currency" doc:"The currency shown when a customer's own is not available."`
	DefaultTaxBehavior         TaxBehavior            `json:"default_tax_behavior" doc:"Whether prices include taxes."`
	FeatureSettings            *FeatureSettings       `json:"feature_settings" doc:"Which features are on."`
	SubscriptionSettings       SubscriptionSettings   `json:"subscription_settings" doc:"How subscriptions behave."`
	NotificationSettings       NotificationSettings   `json:"notification_settings" doc:"Always on; kept for old clients."`
	CustomerEmailSettings      CustomerEmailSettings  `json:"customer_email_settings" doc:"Which mails customers are to get. None are sent yet."`
	CustomerPortalSettings     CustomerPortalSettings `json:"customer_portal_settings" doc:"What customers may do in the customer portal."`
	DisputeSettings            DisputeSettings        `json:"dispute_settings" doc:"How disputes are handled."`
	EmbedHosts                 Hosts                  `json:"embed_hosts" doc:"Hosts that may embed the checkout."`
	EmbedHostsEnforced         bool                   `json:"embed_hosts_enforced" doc:"Whether other hosts are refused."`
	Country                    *schema.Country        `json:"country" doc:"Two-letter country code (ISO 3166-1 alpha-2)."`
	AccountID                  *id.ID                 `json:"account_id" doc:"Always null: money does not pass through this server."`
	PayoutAccountID            *id.ID                 `json:"payout_account_id" doc:"Always null: money does not pass through this server."`
	Capabilities               Capabilities           `json:"capabilities" doc:"What the organization may do."`
}

// Public is the form in which callers see the organization. What belongs to a
// hosted service (reviews, accounts, disputes) has its constant.
func (o *Organization) Public() Public {
	return Public{
		CreatedAt: o.CreatedAt, ModifiedAt: o.ModifiedAt, ID: o.ID, Name: o.Name, Slug: o.Slug,
		AvatarURL: (*string)(o.AvatarURL), Email: (*string)(o.Email), Website: (*string)(o.Website), Socials: o.Socials,
		ProrationBehavior:          ProrationBehavior(o.SubscriptionSettings.ProrationBehavior),
		CustomerUpdates:            o.CustomerPortalSettings.Subscription.UpdatePlan,
		Status:                     Active,
		DefaultPresentmentCurrency: string(o.DefaultPresentmentCurrency),
		DefaultTaxBehavior:         o.DefaultTaxBehavior,
		FeatureSettings:            &o.FeatureSettings,
		SubscriptionSettings:       o.SubscriptionSettings,
		NotificationSettings:       NotificationSettings{true, true, true, true},
		CustomerEmailSettings:      o.CustomerEmailSettings,
		CustomerPortalSettings:     o.CustomerPortalSettings,
		EmbedHosts:                 o.EmbedHosts,
		EmbedHostsEnforced:         o.EmbedHostsEnforced,
		Country:                    o.Country,
		Capabilities:               Capabilities{true, true, true, true, true, true},
	}
}

// Status is where an organization stands with the operator.
type Status string

// Active is the only status: there is nobody who reviews.
const Active Status = "active"

// Enum lists what clients must be ready for.
func (Status) Enum() []string {
	return []string{"created", "review", "snoozed", "denied", "active", "blocked", "offboarding", "offboarded"}
}

// Capabilities are what an organization may do.
type Capabilities struct {
	CheckoutPayments     bool `json:"checkout_payments"`
	SubscriptionRenewals bool `json:"subscription_renewals"`
	Payouts              bool `json:"payouts"`
	Refunds              bool `json:"refunds"`
	APIAccess            bool `json:"api_access"`
	DashboardAccess      bool `json:"dashboard_access"`
}

// NotificationSettings are sent for old clients that ask for them.
type NotificationSettings struct {
	NewOrder             bool `json:"new_order"`
	NewSubscription      bool `json:"new_subscription"`
	ChargebackPrevention bool `json:"chargeback_prevention"`
	SubscriptionRenewal  bool `json:"subscription_renewal"`
}

// DisputeSettings say when a dispute is conceded without asking.
type DisputeSettings struct {
	AutoAcceptBelowAmount *int64 `json:"auto_accept_below_amount"`
}
