package organization

import (
	"reflect"

	"floe/internal/schema"
)

// Create is a new organization.
type Create struct {
	Name                       string                  `json:"name" minLength:"3" doc:"The name that customers see." example:"\"Acme\""`
	Slug                       Slug                    `json:"slug" doc:"The unique name in web addresses. It cannot be changed." example:"\"acme\""`
	AvatarURL                  *schema.URL             `json:"avatar_url" doc:"A picture that customers see."`
	LegalEntity                *LegalEntity            `json:"legal_entity"`
	Email                      *schema.Email           `json:"email" doc:"Where customers find help."`
	Website                    *schema.URL             `json:"website" doc:"The website of the organization."`
	Socials                    *[]SocialLink           `json:"socials" doc:"Profiles in social networks."`
	Details                    *Details                `json:"details" doc:"Business details. They are kept, and shown to nobody."`
	Country                    *schema.Country         `json:"country" doc:"Two-letter country code (ISO 3166-1 alpha-2)."`
	FeatureSettings            *FeatureUpdate          `json:"feature_settings"`
	SubscriptionSettings       *SubscriptionSettings   `json:"subscription_settings"`
	CustomerEmailSettings      *CustomerEmailSettings  `json:"customer_email_settings"`
	CustomerPortalSettings     *CustomerPortalSettings `json:"customer_portal_settings"`
	DefaultPresentmentCurrency Currency                `json:"default_presentment_currency" default:"\"usd\"" doc:"The currency shown when a customer's own is not available."`
	DefaultTaxBehavior         TaxBehavior             `json:"default_tax_behavior" default:"\"location\"" doc:"Whether prices include taxes."`
}

var createPlan = schema.PlanOf(reflect.TypeFor[Create](), "")

// Draft is the smallest valid Create, or the problems of its name and slug.
// It is for the command line, whose input no request has checked.
func Draft(name, slug string) (Create, error) {
	body := &schema.Node{Kind: schema.Object, Keys: []string{"name", "slug"},
		Items: []schema.Node{*schema.StringNode(name), *schema.StringNode(slug)}}
	var in Create
	sink := &schema.Problems{}
	createPlan.Decode(body, schema.Root(sink, "body"), reflect.ValueOf(&in).Elem())
	return in, sink.Err()
}

// Update is a change of an organization. Settings come whole, but for the
// features, which are merged into what is set. Null clears what can be null
// and leaves everything else as it is.
type Update struct {
	Name                       schema.Opt[*string]                 `json:"name" minLength:"3" doc:"The name that customers see." example:"\"Acme\""`
	AvatarURL                  schema.Opt[*schema.URL]             `json:"avatar_url" doc:"A picture that customers see."`
	Email                      schema.Opt[*schema.Email]           `json:"email" doc:"Where customers find help."`
	Website                    schema.Opt[*schema.URL]             `json:"website" doc:"The website of the organization."`
	Socials                    schema.Opt[*[]SocialLink]           `json:"socials" doc:"Profiles in social networks."`
	Details                    schema.Opt[*Details]                `json:"details" doc:"Business details. They are kept, and shown to nobody."`
	Country                    schema.Opt[*schema.Country]         `json:"country" doc:"Two-letter country code (ISO 3166-1 alpha-2)."`
	FeatureSettings            schema.Opt[*FeatureUpdate]          `json:"feature_settings"`
	SubscriptionSettings       schema.Opt[*SubscriptionSettings]   `json:"subscription_settings"`
	CustomerEmailSettings      schema.Opt[*CustomerEmailSettings]  `json:"customer_email_settings"`
	CustomerPortalSettings     schema.Opt[*CustomerPortalSettings] `json:"customer_portal_settings"`
	DisputeSettings            schema.Opt[*DisputeUpdate]          `json:"dispute_settings"`
	EmbedHosts                 schema.Opt[*[]string]               `json:"embed_hosts" doc:"Hosts that may embed the checkout."`
	DefaultPresentmentCurrency schema.Opt[*Currency]               `json:"default_presentment_currency" doc:"The currency shown when a customer's own is not available."`
	DefaultTaxBehavior         schema.Opt[*TaxBehavior]            `json:"default_tax_behavior" doc:"Whether prices include taxes."`
	SSOEnforced                schema.Opt[*bool]                   `json:"sso_enforced" doc:"Whether users must come through single sign-on."`
}

// FeatureUpdate holds the features that a merchant may switch. Others are
// ignored.
type FeatureUpdate struct {
	SeatBasedPricingEnabled     schema.Opt[bool]    `json:"seat_based_pricing_enabled" doc:"Whether products can be sold by seats. It stays on once it is."`
	MemberModelEnabled          schema.Opt[bool]    `json:"member_model_enabled" doc:"Whether customers have members. It stays on once it is."`
	CheckoutLocalizationEnabled schema.Opt[bool]    `json:"checkout_localization_enabled" doc:"Whether customers see pages in their language."`
	OverviewMetrics             schema.Opt[Metrics] `json:"overview_metrics" doc:"The metrics of the overview, in order."`
}

// DisputeUpdate is a change of the dispute settings.
type DisputeUpdate struct {
	AutoAcceptBelowAmount *int64 `json:"auto_accept_below_amount" ge:"1" le:"10000" doc:"Not available on this server."`
}

// LegalEntity says in what form an organization exists.
type LegalEntity struct {
	Individual *Individual `variant:"individual"`
	Company    *Company    `variant:"company"`
}

// Individual is a person who trades under their own name.
type Individual struct {
	Type string `json:"type" const:"individual"`
}

// Company is a registered company.
type Company struct {
	Type           string `json:"type" const:"company"`
	RegisteredName string `json:"registered_name"`
}

// Union chooses by the key "type".
func (*LegalEntity) Union() schema.Union { return schema.Union{Discriminator: "type", Func: "'type'"} }

// AppendJSON writes the variant.
func (l LegalEntity) AppendJSON(dst []byte) []byte {
	if l.Company != nil {
		return schema.Append(dst, l.Company)
	}
	return schema.Append(dst, l.Individual)
}

// Details are what a hosted service asks of a business.
type Details struct {
	About                 *string        `json:"about"`
	ProductDescription    *string        `json:"product_description"`
	SellingCategories     []string       `json:"selling_categories" factory:"[]"`
	PricingModels         []string       `json:"pricing_models" factory:"[]"`
	IntendedUse           *string        `json:"intended_use"`
	CustomerAcquisition   []string       `json:"customer_acquisition" factory:"[]"`
	FutureAnnualRevenue   *int64         `json:"future_annual_revenue" ge:"0"`
	Switching             bool           `json:"switching" default:"false"`
	SwitchingFrom         *switchingFrom `json:"switching_from"`
	PreviousAnnualRevenue *int64         `json:"previous_annual_revenue" ge:"0"`
}

// switchingFrom is where an organization comes from.
type switchingFrom string

// Enum lists the services.
func (switchingFrom) Enum() []string {
	return []string{"paddle", "lemon_squeezy", "gumroad", "stripe", "other"}
}

// SchemaName says that the list is written in place.
func (switchingFrom) SchemaName() string { return "" }
