package organization

import (
	"reflect"

	"floe/internal/schema"
)

// FeatureSettings say which features an organization uses. The first group is
// the merchant's to change, the rest the operator's.
type FeatureSettings struct {
	IssueFundingEnabled           bool    `json:"issue_funding_enabled"`
	SeatBasedPricingEnabled       bool    `json:"seat_based_pricing_enabled" doc:"Whether products can be sold by seats."`
	WalletsEnabled                bool    `json:"wallets_enabled" doc:"Whether customers have wallets."`
	MemberModelEnabled            bool    `json:"member_model_enabled" doc:"Whether customers have members."`
	CheckoutLocalizationEnabled   bool    `json:"checkout_localization_enabled" doc:"Whether customers see pages in their language."`
	OverviewMetrics               Metrics `json:"overview_metrics" doc:"The metrics of the overview, in order."`
	ResetProrationBehaviorEnabled bool    `json:"reset_proration_behavior_enabled" doc:"Whether a change may start the billing period anew."`
	OffSessionChargesEnabled      bool    `json:"off_session_charges_enabled" doc:"Whether draft orders can be made and charged over the API."`
	MeterCyclingEnabled           bool    `json:"meter_cycling_enabled" doc:"Whether meters may have an interval of their own."`
	UnitBasedPricingEnabled       bool    `json:"unit_based_pricing_enabled" doc:"Whether products can be sold by units."`
	SlackBenefitEnabled           bool    `json:"slack_benefit_enabled"`
	PreviewAccessEnabled          bool    `json:"preview_access_enabled"`
	DisputesEnabled               bool    `json:"disputes_enabled"`
	SSOEnabled                    bool    `json:"sso_enabled"`
	DisputeAutoAcceptEnabled      bool    `json:"dispute_auto_accept_enabled"`
	CompassEnabled                bool    `json:"compass_enabled"`
	MerchantMigrationEnabled      bool    `json:"merchant_migration_enabled"`
}

// Members says whether customers have members.
func (f FeatureSettings) Members() bool { return f.MemberModelEnabled }

// Seats says whether products can be sold by seats.
func (f FeatureSettings) Seats() bool { return f.SeatBasedPricingEnabled }

// newFeatures are what every new organization starts with.
func newFeatures() FeatureSettings {
	return FeatureSettings{MemberModelEnabled: true, SeatBasedPricingEnabled: true, OffSessionChargesEnabled: true}
}

// Metrics is an ordered list of metric names, or null. Organizations of old
// have a boolean in its place, which is read as null.
type Metrics []string

var metricsPlan = schema.PlanOf(reflect.TypeFor[[]string](), "")

// DecodeNode reads the list.
func (m *Metrics) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind == schema.Null || n.Kind == schema.Bool {
		return
	}
	var list []string
	metricsPlan.Decode(n, at, reflect.ValueOf(&list).Elem())
	*m = list
}

// AppendJSON writes null for no list.
func (m Metrics) AppendJSON(dst []byte) []byte {
	if m == nil {
		return append(dst, "null"...)
	}
	return schema.Append(dst, []string(m))
}

// SchemaName says that the schema is written in place.
func (Metrics) SchemaName() string { return "" }

// DescribeSchema describes the list.
func (Metrics) DescribeSchema(b *schema.Builder) *schema.Schema {
	return schema.Nullable(metricsPlan.Schema(b))
}

// SubscriptionSettings say how subscriptions behave.
type SubscriptionSettings struct {
	AllowMultipleSubscriptions   bool             `json:"allow_multiple_subscriptions" doc:"Whether a customer can check out a second subscription."`
	ProrationBehavior            defaultProration `json:"proration_behavior" doc:"What a change of plan does to the price by default."`
	BenefitRevocationGracePeriod int              `json:"benefit_revocation_grace_period" ge:"0" le:"36500" doc:"Days for which a past due subscription keeps its benefits."`
	PreventTrialAbuse            bool             `json:"prevent_trial_abuse" doc:"Whether a customer gets one trial only."`
	AllowCustomerUpdates         bool             `json:"allow_customer_updates" doc:"Kept for old clients; see the portal's settings."`
}

func newSubscriptionSettings() SubscriptionSettings {
	return SubscriptionSettings{ProrationBehavior: defaultProration(Prorate), AllowCustomerUpdates: true}
}

// ProrationBehavior says what a change of plan does to the price.
type ProrationBehavior string

// The behaviours.
const (
	Invoice    ProrationBehavior = "invoice"     // the difference is ordered at once
	Prorate    ProrationBehavior = "prorate"     // it waits for the next order
	NextPeriod ProrationBehavior = "next_period" // the change waits for the end of the period
	// Reset starts the billing period anew. It is only for organizations that
	// have the feature.
	Reset ProrationBehavior = "reset"
)

// Enum lists the behaviours.
func (ProrationBehavior) Enum() []string {
	return []string{string(Invoice), string(Prorate), string(NextPeriod), string(Reset)}
}

// SchemaName is the name of the reference.
func (ProrationBehavior) SchemaName() string { return "SubscriptionProrationBehavior" }

// defaultProration is a behaviour where the document does not show reset.
type defaultProration ProrationBehavior

// DecodeNode reads a behaviour.
func (p *defaultProration) DecodeNode(n *schema.Node, at *schema.At) {
	values := ProrationBehavior("").Enum()
	for _, v := range values {
		if n.Kind == schema.String && n.Text == v {
			*p = defaultProration(v)
			return
		}
	}
	at.Enum(values, n)
}

// SchemaName says that the schema is written in place.
func (defaultProration) SchemaName() string { return "" }

// DescribeSchema lists the behaviours that everyone has.
func (defaultProration) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "string", Enum: ProrationBehavior("").Enum()[:3]}
}

// CustomerEmailSettings turn each mail to customers on or off.
type CustomerEmailSettings struct {
	OrderConfirmation                   bool `json:"order_confirmation"`
	PaymentMethodExpirationReminder     bool `json:"payment_method_expiration_reminder"`
	SubscriptionCancellation            bool `json:"subscription_cancellation"`
	SubscriptionConfirmation            bool `json:"subscription_confirmation"`
	SubscriptionCycled                  bool `json:"subscription_cycled"`
	SubscriptionCycledAfterTrial        bool `json:"subscription_cycled_after_trial"`
	SubscriptionPastDue                 bool `json:"subscription_past_due"`
	SubscriptionPaused                  bool `json:"subscription_paused"`
	SubscriptionResumed                 bool `json:"subscription_resumed"`
	SubscriptionRenewalReminder         bool `json:"subscription_renewal_reminder"`
	SubscriptionRevoked                 bool `json:"subscription_revoked"`
	SubscriptionTrialConversionReminder bool `json:"subscription_trial_conversion_reminder"`
	SubscriptionUncanceled              bool `json:"subscription_uncanceled"`
	SubscriptionUpdated                 bool `json:"subscription_updated"`
}

func newCustomerEmailSettings() CustomerEmailSettings {
	return CustomerEmailSettings{true, true, true, true, true, true, true, true, true, true, true, true, true, true}
}

// CustomerPortalSettings say what customers may do in the portal.
type CustomerPortalSettings struct {
	Usage        PortalUsage        `json:"usage"`
	Subscription PortalSubscription `json:"subscription"`
	Customer     PortalCustomer     `json:"customer" default:"{}"`
}

// PortalUsage is the usage page of the portal.
type PortalUsage struct {
	Show bool `json:"show" doc:"Whether customers see the page."`
}

// PortalSubscription is what customers may do to their subscriptions.
type PortalSubscription struct {
	UpdateSeats bool `json:"update_seats" doc:"Whether they may change the number of seats."`
	UpdatePlan  bool `json:"update_plan" doc:"Whether they may change the plan."`
	Pause       bool `json:"pause" default:"false" doc:"Whether they may pause and resume."`
}

// PortalCustomer is what customers may do to their own data.
type PortalCustomer struct {
	AllowEmailChange bool `json:"allow_email_change" default:"false" doc:"Whether they may change their e-mail address."`
}

func newCustomerPortalSettings() CustomerPortalSettings {
	return CustomerPortalSettings{Usage: PortalUsage{Show: true}, Subscription: PortalSubscription{UpdateSeats: true, UpdatePlan: true}}
}
