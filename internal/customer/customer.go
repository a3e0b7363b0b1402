// Package customer is the heart of Floe: customers, the members of their
// teams, and the sessions that let them into the portal. What customers own
// (subscriptions, grants) is other packages' work; deletion reaches it through
// the interfaces declared here.
package customer

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/email"
	"floe/internal/id"
	"floe/internal/schema"
	"floe/internal/taxid"
)

// Subscriptions is what deleting a customer needs of subscriptions.
type Subscriptions interface {
	// AskBillable asks who of an organization's customers has what CancelAll ends.
	AskBillable(reads *db.Reads, organization id.ID, customers []id.ID) *[]id.ID
	// CancelAll ends every billable subscription of a customer at once.
	CancelAll(ctx context.Context, tx *db.Tx, actor auth.Subject, organization, customer id.ID) error
}

// Grants is what deleting a customer needs of benefit grants.
type Grants interface {
	// AskHolders asks who of an organization's customers has what RevokeAll
	// revokes.
	AskHolders(reads *db.Reads, organization id.ID, customers []id.ID) *[]id.ID
	// RevokeAll revokes every benefit that a customer has.
	RevokeAll(ctx context.Context, tx *db.Tx, actor auth.Subject, organization, customer id.ID) error
	// RevokeMember revokes every benefit that a member of a customer has.
	RevokeMember(ctx context.Context, tx *db.Tx, actor auth.Subject, organization, customer, member id.ID) error
}

// Methods is what deleting a customer needs of saved ways to pay.
type Methods interface {
	// ForgetAll forgets every way to pay of customers, and with anonymize what
	// was known of them.
	ForgetAll(ctx context.Context, tx *db.Tx, organization id.ID, customers []id.ID, anonymize bool) error
}

// Eraser is what anonymising a customer needs of those who keep something of
// theirs that outlives them.
type Eraser interface {
	// Erase removes what may tell who somebody is, in their own words or those
	// of others, and keeps out what is on its way. It is called before anything
	// ends, so that nobody is told of it any more.
	Erase(ctx context.Context, tx *db.Tx, organization, customer id.ID) error
}

// Type tells people and companies apart.
type Type string

// The types of customer. An individual has one member, the owner; a team has
// any number and needs no e-mail of its own.
const (
	Individual Type = "individual"
	Team       Type = "team"
)

// Enum lists the types.
func (Type) Enum() []string { return []string{"individual", "team"} }

// SchemaName is the name of the reference.
func (Type) SchemaName() string { return "CustomerType" }

// Customer is a customer as the API shows it. Times are UTC microseconds.
type Customer struct {
	ID                     id.ID           `json:"id" doc:"The ID of the customer."`
	CreatedAt              time.Time       `json:"created_at" doc:"When the customer was created."`
	ModifiedAt             *time.Time      `json:"modified_at" doc:"When the customer was last changed; null until then."`
	Metadata               schema.Metadata `json:"metadata"`
	ExternalID             *string         `json:"external_id" required:"false" doc:"Your own ID of the customer, unique within the organization. It can be set once." example:"\"usr_1337\""`
	Email                  *string         `json:"email" doc:"The e-mail address, unique within the organization whatever its letter case." example:"\"customer@example.com\""`
	EmailVerified          bool            `json:"email_verified" doc:"Whether the customer has proven to own the address."`
	Type                   Type            `json:"type" doc:"An individual or a team."`
	Name                   *string         `json:"name" doc:"The name of the customer." example:"\"John Doe\""`
	BillingName            *string         `json:"billing_name" doc:"The name on invoices: the customer's own billing name, or else the name."`
	BillingAddress         *addressText    `json:"billing_address"`
	TaxID                  *TaxID          `json:"tax_id"`
	Locale                 *string         `json:"locale" required:"false"`
	OrganizationID         id.ID           `json:"organization_id" doc:"The organization that owns the customer."`
	DefaultPaymentMethodID *id.ID          `json:"default_payment_method_id" required:"false" doc:"The customer's default payment method, if any."`
	DeletedAt              *time.Time      `json:"deleted_at" doc:"When the customer was deleted."`
	FirstUserEventAt       *time.Time      `json:"first_user_event_at" doc:"The time of the earliest event that a user caused."`
	AvatarURL              *string         `json:"avatar_url" doc:"A picture that belongs to the e-mail address."`
}

// Concerns says which changes end the use of an answer.
func (c Customer) Concerns() (organization, customer id.ID) { return c.OrganizationID, c.ID }

// DescribeSchema describes a customer as the union of its two types, which
// differ only in whether the e-mail may be null.
func (Customer) DescribeSchema(b *schema.Builder) *schema.Schema {
	return DescribeVariants(b, reflect.TypeFor[Customer](), "Customer")
}

// DescribeVariants registers name+"Individual" and name+"Team" for a struct
// with a customer's fields and answers their union.
func DescribeVariants(b *schema.Builder, t reflect.Type, name string) *schema.Schema {
	union := &schema.Schema{Discriminator: &schema.Discriminator{PropertyName: "type", Mapping: map[string]string{}}}
	for _, v := range []Type{Individual, Team} {
		s := b.Object(t)
		s.Properties.Set("type", &schema.Schema{Type: "string", Const: string(v), Description: "The type of customer."})
		if v == Individual {
			email := *s.Properties.Get("email")
			email.Type, email.AnyOf = "string", nil
			s.Properties.Set("email", &email)
		} else {
			s.Required = slices.DeleteFunc(s.Required, func(key string) bool { return key == "email" })
		}
		ref := b.Add(name+strings.ToUpper(string(v[:1]))+string(v[1:]), s)
		union.OneOf = append(union.OneOf, ref)
		union.Discriminator.Mapping[string(v)] = ref.Ref
	}
	return union
}

// addressText is a stored address: JSON text that is passed through.
type addressText json.RawMessage

// AppendJSON writes the text as it is.
func (a addressText) AppendJSON(dst []byte) []byte { return append(dst, a...) }

// DecodeNode keeps the text; addresses arrive as schema.AddressInput.
func (a *addressText) DecodeNode(n *schema.Node, _ *schema.At) { *a = n.Append(nil) }

// SchemaName says that the schema is that of schema.Address.
func (addressText) SchemaName() string { return "" }

// DescribeSchema describes an address.
func (addressText) DescribeSchema(b *schema.Builder) *schema.Schema {
	return b.Of(reflect.TypeFor[schema.Address]())
}

// TaxID is a checked tax identifier and its format.
type TaxID struct {
	Value  string
	Format taxid.Format
}

// AppendJSON writes the pair [value, format].
func (t TaxID) AppendJSON(dst []byte) []byte {
	dst = schema.AppendString(append(dst, '['), t.Value)
	dst = schema.AppendString(append(dst, ','), string(t.Format))
	return append(dst, ']')
}

// DecodeNode is never used: tax ids arrive as text.
func (t *TaxID) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (TaxID) SchemaName() string { return "" }

// DescribeSchema describes the pair.
func (TaxID) DescribeSchema(b *schema.Builder) *schema.Schema {
	two := 2
	formats := make([]string, 0, 80)
	for _, f := range taxid.Formats() {
		formats = append(formats, string(f))
	}
	format := b.Add("TaxIDFormat", &schema.Schema{Type: "string", Enum: formats})
	return &schema.Schema{Type: "array", PrefixItems: []*schema.Schema{{Type: "string"}, format}, MinItems: &two, MaxItems: &two,
		Examples: []json.RawMessage{json.RawMessage(`["911144442","us_ein"]`)}}
}

// Row is a customer as it is stored.
type Row struct {
	ID                     id.ID
	OrganizationID         id.ID
	CreatedAt              time.Time
	ModifiedAt             *time.Time
	DeletedAt              *time.Time
	AnonymizedAt           *time.Time
	Type                   Type
	Email                  *string
	EmailVerified          bool
	Name                   *string
	BillingName            *string
	ExternalID             *string
	BillingAddress         json.RawMessage
	TaxID                  *string
	TaxIDFormat            *string
	Locale                 *string
	Metadata               json.RawMessage
	DefaultPaymentMethodID *id.ID
	FirstUserEventAt       *time.Time
	OwnerEmail             *string // of the owner member, read where the customer has none
}

// Metadata keys that the server sets.
const (
	keptExternalID = "__external_id"
	anonymizedAt   = "__anonymized_at"
)

// Public is the row as the API shows it.
func (s *Service) Public(r Row) Customer {
	c := Customer{
		ID: r.ID, CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, Metadata: schema.Metadata(r.Metadata),
		ExternalID: r.ExternalID, Email: r.Email, EmailVerified: r.EmailVerified, Type: r.Type, Name: r.Name,
		BillingName: r.BillingName, Locale: r.Locale, OrganizationID: r.OrganizationID,
		DefaultPaymentMethodID: r.DefaultPaymentMethodID, DeletedAt: r.DeletedAt, FirstUserEventAt: r.FirstUserEventAt,
	}
	if c.ExternalID == nil {
		c.ExternalID = r.keptExternalID()
	}
	if c.BillingName == nil || *c.BillingName == "" {
		c.BillingName = r.Name
	}
	if len(r.BillingAddress) > 0 {
		a := addressText(r.BillingAddress)
		c.BillingAddress = &a
	}
	if r.TaxID != nil && r.TaxIDFormat != nil {
		c.TaxID = &TaxID{*r.TaxID, taxid.Format(*r.TaxIDFormat)}
	}
	if address := r.avatarEmail(); address != nil {
		url := email.AvatarURL(*address, s.LogoDevKey)
		c.AvatarURL = &url
	}
	return c
}

func (r *Row) avatarEmail() *string {
	if r.Email != nil {
		return r.Email
	}
	return r.OwnerEmail
}

// keptExternalID is the external id that a deleted customer had.
func (r *Row) keptExternalID() *string {
	if !strings.Contains(string(r.Metadata), `"`+keptExternalID+`"`) {
		return nil
	}
	if v := schema.Metadata(r.Metadata).Node().Get(keptExternalID); v != nil && v.Kind == schema.String {
		return &v.Text
	}
	return nil
}

// address is the stored billing address, or nil.
func (r *Row) address() *schema.Node {
	if len(r.BillingAddress) == 0 {
		return nil
	}
	n, err := schema.Parse(r.BillingAddress)
	if err != nil {
		return nil
	}
	return n
}

// country is that of the stored billing address, or "".
func (r *Row) country() string {
	return r.address().TextAt("country")
}

// search is the folded text that substring search looks at. The separator
// keeps a search from matching across fields.
func (r *Row) search() string {
	var parts []string
	for _, s := range []*string{r.Email, r.Name, r.BillingName} {
		if s != nil && *s != "" {
			parts = append(parts, fold(*s))
		}
	}
	return strings.Join(parts, "\x1f")
}

// emailKey is what keeps two live customers from having one address.
func (r *Row) emailKey() *string {
	if r.DeletedAt != nil {
		return nil
	}
	return foldOrNull(r.Email)
}

// fold is how text is compared without regard to case, on both engines alike:
// by this program and not by a database's locale.
func fold(s string) string { return strings.ToLower(s) }

func foldOrNull(s *string) *string {
	if s == nil {
		return nil
	}
	f := fold(*s)
	return &f
}

// foldIfOther is the folded text where it is not the text itself. Most ids of
// others are in lower case, and need no second index entry.
func foldIfOther(s *string) *string {
	if f := foldOrNull(s); f != nil && *f != *s {
		return f
	}
	return nil
}
