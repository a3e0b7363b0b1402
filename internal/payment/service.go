package payment

import (
	"context"
	"log/slog"
	"reflect"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/listing"
	"floe/internal/schema"
)

// Service keeps what a processor knows of customers: its names for them, and
// their ways to pay.
type Service struct {
	DB        *db.DB
	Logger    *slog.Logger
	Customers *customer.Service
	// Processor moves money; Manual{} moves none.
	Processor Processor
}

// Charges says whether the processor is asked for what is due. For an
// organization with a test clock it never is: nobody pays for a time that is
// only tried out.
func (s *Service) Charges(tx *db.Tx) bool {
	return s.Processor.Capabilities().OffSession && !tx.Clocked()
}

// MethodOperations are the operations on the payment methods of customers.
func (s *Service) MethodOperations() []*api.Operation {
	read, write := auth.CustomersRead, auth.CustomersWrite
	const notFound = "Customer not found."
	return []*api.Operation{
		api.Get("/v1/customers/{id}/payment-methods", s.list).Scopes(read, write).
			Named("customers:list_payment_methods", "List Customer Payment Methods").
			Fails(fault.NotFound, notFound),
		api.Get("/v1/customers/external/{external_id}/payment-methods", s.listExternal).Scopes(read, write).
			Named("customers:list_payment_methods_external", "List Customer Payment Methods by External ID").
			Fails(fault.NotFound, notFound).
			Fails(fault.AmbiguousExternal, "Several customers across your organizations share this external customer ID."),
	}
}

// Saved is a stored way to pay, as the API shows it.
type Saved struct {
	ID             id.ID      `json:"id" doc:"The ID of the payment method."`
	CreatedAt      time.Time  `json:"created_at"`
	ModifiedAt     *time.Time `json:"modified_at"`
	Processor      string     `json:"processor" doc:"Who stores the payment method."`
	CustomerID     id.ID      `json:"customer_id" doc:"The customer that it belongs to."`
	Type           string     `json:"type" doc:"What kind of payment method it is."`
	MethodMetadata *Card      `json:"method_metadata,omitempty"`
	IsDefault      bool       `json:"is_default" doc:"Whether it is the customer's default."`
}

// SchemaName is the name of the reference.
func (Saved) SchemaName() string { return "PaymentMethod" }

// DescribeSchema describes the two variants: a card, and anything else.
func (Saved) DescribeSchema(b *schema.Builder) *schema.Schema {
	return variants(b, reflect.TypeFor[Saved](), "type", "CustomerPaymentMethodCard", "CustomerPaymentMethodGeneric", reflect.TypeFor[Card]())
}

// variants describes what is about a card, or about anything else: then it has
// no metadata of the method.
func variants(b *schema.Builder, t reflect.Type, key, card, generic string, metadata reflect.Type) *schema.Schema {
	processor := b.Add("PaymentProcessor", &schema.Schema{Type: "string", Enum: []string{"stripe"}})
	variant := func(name string, isCard bool) *schema.Schema {
		s := b.Object(t)
		s.Properties.Set("processor", processor)
		if isCard {
			s.Properties.Set(key, &schema.Schema{Type: "string", Const: "card"})
			s.Properties.Set("method_metadata", b.Of(metadata))
			s.Required = append(s.Required, "method_metadata")
		} else {
			s.Properties.Remove("method_metadata")
		}
		return b.Add(name, s)
	}
	return &schema.Schema{AnyOf: []*schema.Schema{variant(card, true), variant(generic, false)}}
}

type listInput struct {
	ID id.ID `path:"id" doc:"The customer ID."`
	listing.Page
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (listing.Result[Saved], error) {
	return s.listOf(ctx, sub, in.ID, nil, in.Page)
}

type listExternalInput struct {
	ExternalID string `path:"external_id" doc:"The customer external ID."`
	listing.Page
}

func (s *Service) listExternal(ctx context.Context, sub auth.Subject, in listExternalInput) (listing.Result[Saved], error) {
	return s.listOf(ctx, sub, "", &in.ExternalID, in.Page)
}

func (s *Service) listOf(ctx context.Context, sub auth.Subject, customerID id.ID, external *string, p listing.Page) (out listing.Result[Saved], err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		c, err := s.Customers.Find(ctx, q, sub, customerID, external)
		if err != nil {
			return err
		}
		w := db.Where("organization_id = ? AND customer_id = ? AND deleted_at IS NULL", c.OrganizationID, c.ID)
		rows, err := listing.Run[methodRow](ctx, q, listing.Query{Columns: methodColumns, From: "payment_methods", Where: w,
			Order: ` ORDER BY created_at DESC, id DESC`, Page: p})
		if err != nil {
			return err
		}
		out = listing.Result[Saved]{Items: make([]Saved, len(rows.Items)), Pagination: rows.Pagination}
		for i := range rows.Items {
			out.Items[i] = rows.Items[i].public(c.DefaultPaymentMethodID)
		}
		return nil
	})
	return out, err
}
