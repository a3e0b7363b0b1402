package organization

import (
	"reflect"
	"slices"

	"floe/internal/schema"
)

// The names under which the reference documents the types of this package,
// and where its document says something else than the Go type.

// SchemaName is the name of the reference.
func (Public) SchemaName() string { return "Organization" }

// SchemaName is the name of the reference.
func (Status) SchemaName() string { return "OrganizationStatus" }

// SchemaName is the name of the reference.
func (Capabilities) SchemaName() string { return "OrganizationCapabilities" }

// SchemaName is the name of the reference.
func (DisputeSettings) SchemaName() string { return "OrganizationDisputeSettings" }

// SchemaName is the name of the reference.
func (FeatureSettings) SchemaName() string { return "OrganizationFeatureSettings" }

// SchemaName is the name of the reference.
func (FeatureUpdate) SchemaName() string { return "OrganizationFeatureSettingsUpdate" }

// SchemaName is the name of the reference.
func (SubscriptionSettings) SchemaName() string { return "OrganizationSubscriptionSettings" }

// SchemaName is the name of the reference.
func (CustomerEmailSettings) SchemaName() string { return "OrganizationCustomerEmailSettings" }

// SchemaName is the name of the reference.
func (CustomerPortalSettings) SchemaName() string { return "OrganizationCustomerPortalSettings" }

// SchemaName is the name of the reference.
func (PortalUsage) SchemaName() string { return "CustomerPortalUsageSettings" }

// SchemaName is the name of the reference.
func (PortalSubscription) SchemaName() string { return "CustomerPortalSubscriptionSettings" }

// SchemaName is the name of the reference.
func (PortalCustomer) SchemaName() string { return "CustomerPortalCustomerSettings" }

// SchemaName is the name of the reference.
func (Create) SchemaName() string { return "OrganizationCreate" }

// SchemaName is the name of the reference.
func (Update) SchemaName() string { return "OrganizationUpdate" }

// SchemaName is the name of the reference.
func (Details) SchemaName() string { return "OrganizationDetails" }

// SchemaName is the name of the reference.
func (Individual) SchemaName() string { return "OrganizationIndividualLegalEntitySchema" }

// SchemaName is the name of the reference.
func (Company) SchemaName() string { return "OrganizationCompanyLegalEntitySchema" }

// SchemaName says that the union is written in place.
func (LegalEntity) SchemaName() string { return "" }

// SchemaName is the name of the reference.
func (DisputeUpdate) SchemaName() string { return "OrganizationDisputeSettingsUpdate" }

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "OrganizationSortProperty" }

// SchemaName follows the names of the reference, which hides this type.
func (NotificationSettings) SchemaName() string { return "OrganizationNotificationSettings" }

// DescribeSchema says what not every server sends.
func (Public) DescribeSchema(b *schema.Builder) *schema.Schema {
	return optional(b.Object(reflect.TypeFor[Public]()), "country", "notification_settings")
}

// DescribeSchema says that every flag has a default.
func (FeatureSettings) DescribeSchema(b *schema.Builder) *schema.Schema {
	return flags(b.Object(reflect.TypeFor[FeatureSettings]()))
}

// DescribeSchema says that every flag has a default.
func (FeatureUpdate) DescribeSchema(b *schema.Builder) *schema.Schema {
	return flags(b.Object(reflect.TypeFor[FeatureUpdate]()))
}

// DescribeSchema says which groups a client may leave out, in both directions.
func (CustomerPortalSettings) DescribeSchema(b *schema.Builder) *schema.Schema {
	return optional(b.Object(reflect.TypeFor[CustomerPortalSettings]()), "customer")
}

// DescribeSchema says which switches a client may leave out, in both directions.
func (PortalSubscription) DescribeSchema(b *schema.Builder) *schema.Schema {
	return optional(b.Object(reflect.TypeFor[PortalSubscription]()), "pause")
}

// DescribeSchema says which switches a client may leave out, in both directions.
func (PortalCustomer) DescribeSchema(b *schema.Builder) *schema.Schema {
	return optional(b.Object(reflect.TypeFor[PortalCustomer]()), "allow_email_change")
}

// optional marks properties as such. Their defaults are not shown, because the
// same component describes answers.
func optional(s *schema.Schema, names ...string) *schema.Schema {
	s.Required = slices.DeleteFunc(s.Required, func(n string) bool { return slices.Contains(names, n) })
	for _, n := range names {
		s.Properties.Get(n).Default = nil
	}
	return s
}

// flags marks the booleans of an object as off unless said otherwise.
func flags(s *schema.Schema) *schema.Schema {
	s.Required = nil
	for _, p := range s.Properties.Schemas {
		if p.Type == "boolean" {
			p.Default = []byte("false")
		}
	}
	return s
}
