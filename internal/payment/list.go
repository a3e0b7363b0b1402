package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/listing"
	"floe/internal/schema"
)

// Operations are the operations on payments that a processor made. What
// somebody has recorded of payments outside is with its order.
func (s *Service) Operations() []*api.Operation {
	return []*api.Operation{
		api.Get("/v1/payments/", s.listMade).Scopes(auth.PaymentsRead).Named("payments:list", "List Payments").
			About("List what a payment processor was asked to collect. Payments that were recorded by hand are not among them."),
		api.Get("/v1/payments/{id}", s.getMade).Scopes(auth.PaymentsRead).Named("payments:get", "Get Payment").
			Fails(fault.NotFound, "Payment not found."),
	}
}

// madeStatus is what became of a processor's payment.
type madeStatus string

// Enum lists the statuses.
func (madeStatus) Enum() []string { return []string{"pending", "succeeded", "failed"} }

// SchemaName is the name of the reference.
func (madeStatus) SchemaName() string { return "PaymentStatus" }

// Payment is a payment that a processor made.
type Payment struct {
	ID                id.ID        `json:"id" doc:"The ID of the payment."`
	CreatedAt         time.Time    `json:"created_at" doc:"When the payment was made."`
	ModifiedAt        *time.Time   `json:"modified_at" doc:"When it was last changed; null until then."`
	Processor         string       `json:"processor" doc:"Who was asked to collect it."`
	Status            madeStatus   `json:"status" doc:"What became of it."`
	Amount            int64        `json:"amount" doc:"The amount, with taxes, in the smallest unit of the currency." example:"1000"`
	Currency          string       `json:"currency" doc:"The currency, in lower case." example:"\"usd\""`
	Method            string       `json:"method" doc:"What kind of method was charged." example:"\"card\""`
	MethodMetadata    *cardPayment `json:"method_metadata,omitempty"`
	Trigger           *Trigger     `json:"trigger" doc:"What made it happen: a purchase, a renewal, or another attempt."`
	DeclineReason     *string      `json:"decline_reason" doc:"The processor's code, when it was declined." example:"\"insufficient_funds\""`
	DeclineMessage    *string      `json:"decline_message" doc:"The same for people."`
	OrganizationID    id.ID        `json:"organization_id" doc:"The organization that is paid."`
	CheckoutID        *id.ID       `json:"checkout_id" doc:"Always null: there are no checkouts."`
	OrderID           *id.ID       `json:"order_id" doc:"The order that is paid."`
	ProcessorMetadata anything     `json:"processor_metadata" required:"false" doc:"Always empty."`
}

// SchemaName is the name of the reference.
func (Payment) SchemaName() string { return "Payment" }

// DescribeSchema describes the two variants: with a card, and with anything else.
func (Payment) DescribeSchema(b *schema.Builder) *schema.Schema {
	return variants(b, reflect.TypeFor[Payment](), "method", "CardPayment", "GenericPayment", reflect.TypeFor[cardPayment]())
}

// cardPayment is what is shown of a card that was charged.
type cardPayment struct {
	Brand string `json:"brand"`
	Last4 string `json:"last4"`
}

// SchemaName is the name of the reference.
func (cardPayment) SchemaName() string { return "CardPaymentMetadata" }

// anything is an object without promises; nothing is in it.
type anything struct{}

// AppendJSON writes nothing in an object.
func (anything) AppendJSON(dst []byte) []byte { return append(dst, "{}"...) }

// DecodeNode is never used.
func (*anything) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (anything) SchemaName() string { return "" }

// DescribeSchema promises an object.
func (anything) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "object", AdditionalProperties: &schema.Schema{}}
}

// madeRow is a processor's payment as it is stored.
type madeRow struct {
	ID             id.ID
	OrganizationID id.ID
	OrderID        id.ID
	CreatedAt      time.Time
	ModifiedAt     *time.Time
	Processor      string
	Status         madeStatus
	Amount         int64
	Currency       string
	Method         string
	MethodMetadata json.RawMessage
	Cause          *Trigger
	DeclineReason  *string
	DeclineMessage *string
}

const madeColumns = `id, organization_id, order_id, created_at, modified_at, processor, status, amount, currency, COALESCE(method, 'other') AS method,
	method_metadata, cause, decline_reason, decline_message`

// public shows a payment. A card of which nothing is known any more is shown
// like any other method.
func (r *madeRow) public() Payment {
	p := Payment{ID: r.ID, CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, Processor: r.Processor, Status: r.Status, Amount: r.Amount,
		Currency: r.Currency, Method: r.Method, Trigger: r.Cause, DeclineReason: r.DeclineReason, DeclineMessage: r.DeclineMessage,
		OrganizationID: r.OrganizationID, OrderID: &r.OrderID}
	if c := readCard(r.MethodMetadata); c != nil {
		p.MethodMetadata = &cardPayment{c.Brand, c.Last4}
	}
	return p
}

// SortKey is a sorting criterion of the list.
type SortKey string

// Enum lists the criteria.
func (SortKey) Enum() []string {
	return []string{"created_at", "-created_at", "status", "-status", "amount", "-amount", "method", "-method"}
}

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "PaymentSortProperty" }

var sortKeys = listing.Keys{"created_at": {SQL: "created_at"}, "status": {SQL: "status"}, "amount": {SQL: "amount"},
	"method": {SQL: "COALESCE(method, 'other')"}}

type listMadeInput struct {
	listing.Page
	Sorting       []SortKey               `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	Organizations schema.Many[id.ID]      `query:"organization_id" doc:"Filter by organization ID."`
	Checkouts     schema.Many[id.ID]      `query:"checkout_id" doc:"Filter by checkout ID. There are none."`
	Orders        schema.Many[id.ID]      `query:"order_id" doc:"Filter by order ID."`
	Customers     schema.Many[id.ID]      `query:"customer_id" doc:"Filter by customer ID."`
	Statuses      schema.Many[madeStatus] `query:"status" doc:"Filter by status."`
	Methods       schema.Many[string]     `query:"method" doc:"Filter by kind of method."`
	Emails        schema.Many[string]     `query:"customer_email" doc:"Filter by the customer's e-mail address."`
}

func (s *Service) listMade(ctx context.Context, sub auth.Subject, in listMadeInput) (listing.Result[Payment], error) {
	orgs := sub.Organizations(auth.SalesView, in.Organizations...)
	if len(orgs) == 0 || len(in.Checkouts) > 0 {
		return listing.Empty[Payment](), nil
	}
	rows, err := listing.Run[madeRow](ctx, s.DB, listing.Query{Columns: madeColumns, From: "order_payments", Where: in.filter(orgs),
		Several: listing.AmongSeveral(orgs, in.filter), Order: sortKeys.Order(listing.Names(in.Sorting)), Page: in.Page})
	if err != nil {
		return listing.Result[Payment]{}, err
	}
	out := listing.Result[Payment]{Items: make([]Payment, len(rows.Items)), Pagination: rows.Pagination}
	for i := range rows.Items {
		out.Items[i] = rows.Items[i].public()
	}
	return out, nil
}

func (in *listMadeInput) filter(orgs []id.ID) *db.W {
	w := db.Where("processor <> 'manual'").In("organization_id", orgs)
	listing.Among(w, "order_id", in.Orders)
	listing.Among(w, "customer_id", in.Customers)
	listing.Among(w, "status", in.Statuses)
	listing.Among(w, "COALESCE(method, 'other')", in.Methods)
	if in.Emails != nil {
		keys := make([]string, len(in.Emails))
		for i, address := range in.Emails {
			keys[i] = strings.ToLower(address)
		}
		inner := db.Where("").In("organization_id", orgs).In("email_key", keys)
		w.And("customer_id IN (SELECT id FROM customers"+inner.SQL()+")", inner.Args()...)
	}
	return w
}

type madeInput struct {
	ID id.ID `path:"id" doc:"The payment ID."`
}

func (s *Service) getMade(ctx context.Context, sub auth.Subject, in madeInput) (Payment, error) {
	w := db.Where("id = ? AND processor <> 'manual'", in.ID).In("organization_id", sub.Organizations(auth.SalesView))
	r, err := db.One[madeRow](ctx, s.DB, `SELECT `+madeColumns+` FROM order_payments`+w.SQL(), w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return Payment{}, fault.NotFound.New()
	}
	if err != nil {
		return Payment{}, fmt.Errorf("read a payment: %w", err)
	}
	return r.public(), nil
}
