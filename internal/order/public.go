package order

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/discount"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/period"
	"floe/internal/product"
	"floe/internal/schema"
)

// Item is a line of an order.
type Item struct {
	ID             id.ID      `json:"id" doc:"The ID of the item."`
	CreatedAt      time.Time  `json:"created_at" doc:"When the item was created."`
	ModifiedAt     *time.Time `json:"modified_at" doc:"When the item was last changed; null until then."`
	Label          string     `json:"label" doc:"What was bought." example:"\"Pro Plan\""`
	Amount         int64      `json:"amount" doc:"The amount before discounts and taxes; below zero for what is given back." example:"10000"`
	TaxAmount      int64      `json:"tax_amount" doc:"Always 0: taxes are reckoned for the order." example:"720"`
	Proration      bool       `json:"proration" doc:"Whether the item is for a part of a period, after a change of plan or quantity."`
	ProductPriceID *id.ID     `json:"product_price_id" doc:"The price it was bought at."`
	OrganizationID id.ID      `json:"-"`
	OrderID        id.ID      `json:"-"`
}

// SchemaName is the name of the reference.
func (Item) SchemaName() string { return "OrderItemSchema" }

// Base is an order without the things that it refers to: what the journal
// keeps.
type Base struct {
	ID                   id.ID           `json:"id" doc:"The ID of the order."`
	CreatedAt            time.Time       `json:"created_at" doc:"When the order was created."`
	ModifiedAt           *time.Time      `json:"modified_at" doc:"When the order was last changed; null until then."`
	Status               Status          `json:"status" doc:"Where the order stands."`
	Paid                 bool            `json:"paid" doc:"Whether the order was paid, whatever was given back since."`
	SubtotalAmount       int64           `json:"subtotal_amount" doc:"The sum of the items, before discounts and taxes." example:"10000"`
	DiscountAmount       int64           `json:"discount_amount" doc:"What the discount takes off." example:"1000"`
	NetAmount            int64           `json:"net_amount" doc:"The amount after discounts and before taxes." example:"9000"`
	TaxAmount            int64           `json:"tax_amount" doc:"The taxes." example:"720"`
	TotalAmount          int64           `json:"total_amount" doc:"The amount after discounts, with taxes." example:"9720"`
	AppliedBalanceAmount int64           `json:"applied_balance_amount" doc:"The part of the customer's balance in this order: below zero when it pays, above zero when a debt is collected." example:"0"`
	DueAmount            int64           `json:"due_amount" doc:"What has to be paid." example:"0"`
	RefundedAmount       int64           `json:"refunded_amount" doc:"What was given back, without taxes." example:"0"`
	RefundedTaxAmount    int64           `json:"refunded_tax_amount" doc:"Taxes that were given back." example:"0"`
	Currency             string          `json:"currency" doc:"The currency, in lower case." example:"\"usd\""`
	BillingReason        PublicReason    `json:"billing_reason" doc:"What the order is for."`
	BillingName          *string         `json:"billing_name" doc:"The name on the invoice. It is the customer's at the time of the order."`
	BillingAddress       *address        `json:"billing_address"`
	InvoiceNumber        *string         `json:"invoice_number" doc:"The number of the invoice; drafts have none."`
	IsInvoiceGenerated   bool            `json:"is_invoice_generated" doc:"Whether there is an invoice to download."`
	ReceiptNumber        *string         `json:"receipt_number" doc:"The number of the receipt, once a payment has settled the order."`
	Seats                *int            `json:"seats" required:"false" doc:"How many seats were bought."`
	Units                *int            `json:"units" undocumented:"true"` // units are sold with subscriptions only
	CustomerID           id.ID           `json:"customer_id" doc:"Who bought."`
	ProductID            *id.ID          `json:"product_id" doc:"What was bought."`
	DiscountID           *id.ID          `json:"discount_id" doc:"The discount that was applied."`
	SubscriptionID       *id.ID          `json:"subscription_id" doc:"The subscription that the order is for."`
	CheckoutID           *id.ID          `json:"checkout_id" doc:"The checkout that the order came from."`
	NextPaymentAttemptAt *time.Time      `json:"next_payment_attempt_at" required:"false" doc:"When the next attempt at a payment is due."`
	Metadata             schema.Metadata `json:"metadata"`
	CustomFieldData      customFields    `json:"custom_field_data" required:"false" doc:"Answers to the product's custom fields."`
	PlatformFeeAmount    int64           `json:"platform_fee_amount" doc:"Always 0: no money passes through this server." example:"500"`
	PlatformFeeCurrency  *string         `json:"platform_fee_currency" doc:"Always null: no money passes through this server." example:"\"usd\""`
	Items                []Item          `json:"items" doc:"The lines of the order."`
	Description          string          `json:"description" doc:"What the order is for, in a few words." example:"\"Pro Plan\""`
	RefundableAmount     int64           `json:"refundable_amount" doc:"How much can still be given back, without taxes." example:"9000"`
	RefundableTaxAmount  int64           `json:"refundable_tax_amount" doc:"How much tax can still be given back." example:"720"`
}

// Order is an order as the API shows it. Amounts are in the smallest unit of
// the currency.
type Order struct {
	Base
	Customer     Customer           `json:"customer"`
	Product      *Product           `json:"product"`
	Discount     *discount.Embedded `json:"discount"`
	Subscription *Subscription      `json:"subscription"`

	// What clients of earlier versions look for; see customer.LegacyUser.
	Amount            int64               `json:"amount" undocumented:"true"`              // the net amount
	FromBalanceAmount int64               `json:"from_balance_amount" undocumented:"true"` // the applied balance
	UserID            id.ID               `json:"user_id" undocumented:"true"`
	User              customer.LegacyUser `json:"user" undocumented:"true"`
	ProductPriceID    *id.ID              `json:"product_price_id" undocumented:"true"`
	ProductPrice      *product.Price      `json:"product_price" undocumented:"true"` // the first item's
}

// Customer is the customer of an order, as they are today.
type Customer struct{ customer.Customer }

// SchemaName is the name of the reference.
func (Customer) SchemaName() string { return "OrderCustomer" }

// DescribeSchema describes a customer of either type.
func (Customer) DescribeSchema(b *schema.Builder) *schema.Schema {
	s := b.Object(reflect.TypeFor[customer.Customer]())
	s.Required = slices.DeleteFunc(s.Required, func(key string) bool { return key == "email" })
	return s
}

// Product is the product of an order: without its prices and benefits.
type Product struct{ product.Reduced }

// SchemaName is the name of the reference.
func (Product) SchemaName() string { return "OrderProduct" }

// Subscription is the subscription of an order.
type Subscription struct {
	ID                          id.ID           `json:"id" doc:"The ID of the subscription."`
	OrganizationID              id.ID           `json:"-"`
	CreatedAt                   time.Time       `json:"created_at" doc:"When the subscription was created."`
	ModifiedAt                  *time.Time      `json:"modified_at" doc:"When the subscription was last changed; null until then."`
	Metadata                    schema.Metadata `json:"metadata"`
	Amount                      int64           `json:"amount" doc:"What a period costs." example:"10000"`
	Currency                    string          `json:"currency" doc:"The currency, in lower case." example:"\"usd\""`
	RecurringInterval           period.Interval `json:"recurring_interval" doc:"The unit of a period."`
	RecurringIntervalCount      int             `json:"recurring_interval_count" doc:"How many units a period has."`
	Status                      subStatus       `json:"status" doc:"Where the subscription stands."`
	CurrentPeriodStart          time.Time       `json:"current_period_start" doc:"When the period began."`
	CurrentPeriodEnd            time.Time       `json:"current_period_end" doc:"When the period ends."`
	CurrentMeterPeriodStart     *time.Time      `json:"current_meter_period_start" doc:"When the period of usage began, where it has one of its own."`
	CurrentMeterPeriodEnd       *time.Time      `json:"current_meter_period_end" doc:"When the period of usage ends."`
	TrialStart                  *time.Time      `json:"trial_start" doc:"When the trial began."`
	TrialEnd                    *time.Time      `json:"trial_end" doc:"When the trial ends."`
	CancelAtPeriodEnd           bool            `json:"cancel_at_period_end" doc:"Whether it ends with the period."`
	CanceledAt                  *time.Time      `json:"canceled_at" doc:"When it was canceled."`
	StartedAt                   *time.Time      `json:"started_at" doc:"When it started."`
	EndsAt                      *time.Time      `json:"ends_at" doc:"When it will end."`
	EndedAt                     *time.Time      `json:"ended_at" doc:"When it ended."`
	PastDueAt                   *time.Time      `json:"past_due_at" required:"false" doc:"Since when a payment is overdue."`
	PauseAtPeriodEnd            bool            `json:"pause_at_period_end" doc:"Whether it pauses with the period's end."`
	PausedAt                    *time.Time      `json:"paused_at" doc:"Since when it is paused."`
	ResumesAt                   *time.Time      `json:"resumes_at" doc:"When it resumes by itself."`
	CustomerID                  id.ID           `json:"customer_id" doc:"Who has subscribed."`
	ProductID                   id.ID           `json:"product_id" doc:"The product."`
	DiscountID                  *id.ID          `json:"discount_id" doc:"The discount."`
	CheckoutID                  *id.ID          `json:"checkout_id" doc:"The checkout that it came from."`
	Seats                       *int            `json:"seats" required:"false" doc:"How many seats there are."`
	Units                       *int            `json:"units" undocumented:"true"`
	CustomerCancellationReason  *subReason      `json:"customer_cancellation_reason"`
	CustomerCancellationComment *string         `json:"customer_cancellation_comment"`
}

// SchemaName is the name of the reference.
func (Subscription) SchemaName() string { return "OrderSubscription" }

const subscriptionColumns = `id, organization_id, created_at, modified_at, metadata, amount, currency, recurring_interval,
	recurring_interval_count, status, current_period_start, current_period_end, current_meter_period_start, current_meter_period_end,
	trial_start, trial_end, cancel_at_period_end, canceled_at, started_at, ends_at, ended_at, past_due_at, pause_at_period_end, paused_at,
	resumes_at, customer_id, product_id, discount_id, checkout_id, seats, units, customer_cancellation_reason, customer_cancellation_comment`

// The values of subscriptions are the business of the package above, which
// also describes them.

type subStatus string

func (subStatus) SchemaName() string { return "" }
func (subStatus) DescribeSchema(*schema.Builder) *schema.Schema {
	return schema.Ref("SubscriptionStatus")
}
func (s *subStatus) DecodeNode(n *schema.Node, _ *schema.At) { *s = subStatus(n.Text) }

type subReason string

func (subReason) SchemaName() string { return "" }
func (subReason) DescribeSchema(*schema.Builder) *schema.Schema {
	return schema.Ref("CustomerCancellationReason")
}
func (s *subReason) DecodeNode(n *schema.Node, _ *schema.At) { *s = subReason(n.Text) }

// address is a stored address: JSON text that is passed through.
type address json.RawMessage

// AppendJSON writes the text as it is.
func (a address) AppendJSON(dst []byte) []byte { return append(dst, a...) }

// DecodeNode is never used: addresses arrive as schema.AddressInput.
func (a *address) DecodeNode(n *schema.Node, _ *schema.At) { *a = n.Append(nil) }

// SchemaName says that the schema is that of schema.Address.
func (address) SchemaName() string { return "" }

// DescribeSchema describes an address.
func (address) DescribeSchema(b *schema.Builder) *schema.Schema {
	return b.Of(reflect.TypeFor[schema.Address]())
}

// customFields is what a customer answered to a product's custom fields.
type customFields json.RawMessage

// AppendJSON writes the text as it is.
func (c customFields) AppendJSON(dst []byte) []byte {
	if len(c) == 0 {
		return append(dst, "{}"...)
	}
	return append(dst, c...)
}

// DecodeNode drops what was sent: a product has no custom fields, and answers
// to unknown ones are not kept.
func (c *customFields) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.Object {
		at.Report("dict_type", "Input should be a valid dictionary", n)
		return
	}
	*c = customFields("{}")
}

// SchemaName says that the schema is written in place.
func (customFields) SchemaName() string { return "" }

// DescribeSchema describes a map of answers.
func (customFields) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "object", AdditionalProperties: &schema.Schema{AnyOf: []*schema.Schema{
		{Type: "string"}, {Type: "integer"}, {Type: "boolean"}, {Type: "string", Format: "date-time"}, {Type: "null"}}}}
}

// base is the row as the journal keeps it.
func (r *Row) base(items []Item) Base {
	if items == nil {
		items = []Item{}
	}
	b := Base{
		ID: r.ID, CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, Status: r.Status, Paid: r.Status.Paid(),
		SubtotalAmount: r.SubtotalAmount, DiscountAmount: r.DiscountAmount, NetAmount: r.NetAmount, TaxAmount: r.TaxAmount,
		TotalAmount: r.TotalAmount(), AppliedBalanceAmount: r.AppliedBalanceAmount, DueAmount: r.DueAmount(),
		RefundedAmount: r.RefundedAmount, RefundedTaxAmount: r.RefundedTaxAmount, Currency: r.Currency, BillingReason: r.Reason.Public(),
		BillingName: r.BillingName, InvoiceNumber: r.InvoiceNumber, IsInvoiceGenerated: r.InvoiceSum != nil, ReceiptNumber: r.ReceiptNumber,
		Seats: r.Seats, CustomerID: r.CustomerID, ProductID: r.ProductID, DiscountID: r.DiscountID, SubscriptionID: r.SubscriptionID,
		CheckoutID: r.CheckoutID, NextPaymentAttemptAt: r.NextPaymentAttemptAt, Metadata: schema.Metadata(r.Metadata),
		CustomFieldData: customFields(r.CustomFieldData), Items: items, Description: r.Description,
		RefundableAmount: r.RefundableAmount(), RefundableTaxAmount: r.RefundableTaxAmount(),
	}
	if len(r.BillingAddress) > 0 {
		a := address(r.BillingAddress)
		b.BillingAddress = &a
	}
	return b
}

// Public is orders as the API shows them, in the order of the rows. It reads
// what they refer to with one statement for each kind of thing.
func (s *Service) Public(ctx context.Context, q db.Querier, rows ...Row) ([]Order, error) {
	out := make([]Order, len(rows))
	if len(rows) == 0 {
		return out, nil
	}
	items, err := itemsOf(ctx, q, rows...)
	if err != nil {
		return nil, err
	}
	orgs, _ := keysOf(rows)
	customers, err := customer.Rows(ctx, q, orgs, ids(rows, func(r *Row) *id.ID { return &r.CustomerID }))
	if err != nil {
		return nil, err
	}
	products, err := product.Rows(ctx, q, orgs, ids(rows, func(r *Row) *id.ID { return r.ProductID }))
	if err != nil {
		return nil, err
	}
	discounts, err := discountsOf(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	subscriptions, err := subscriptionsOf(ctx, q, orgs, ids(rows, func(r *Row) *id.ID { return r.SubscriptionID }))
	if err != nil {
		return nil, err
	}
	prices, err := firstPrices(ctx, q, rows, items)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		r := &rows[i]
		o := Order{Base: r.base(items[r.ID]), Customer: Customer{s.Customers.Public(customers[r.CustomerID])}}
		o.Amount, o.FromBalanceAmount = o.NetAmount, o.AppliedBalanceAmount
		o.UserID, o.User = o.CustomerID, o.Customer.LegacyUser()
		if p := firstPrice(o.Items); p != nil {
			o.ProductPriceID = p
			if price, ok := prices[*p]; ok {
				o.ProductPrice = &price
			}
		}
		if r.ProductID != nil {
			if p, ok := products[*r.ProductID]; ok {
				o.Product = &Product{product.ReducedOf(p)}
			}
		}
		if r.DiscountID != nil {
			o.Discount = discounts[*r.DiscountID]
		}
		if r.SubscriptionID != nil {
			if sub, ok := subscriptions[*r.SubscriptionID]; ok {
				o.Subscription = &sub
			}
		}
		out[i] = o
	}
	return out, nil
}

// Shown is Public for one row.
func (s *Service) Shown(ctx context.Context, q db.Querier, r Row) (Order, error) {
	list, err := s.Public(ctx, q, r)
	if err != nil {
		return Order{}, err
	}
	return list[0], nil
}

// firstPrice is the price of the first item, nil when it has none.
func firstPrice(items []Item) *id.ID {
	if len(items) == 0 {
		return nil
	}
	return items[0].ProductPriceID
}

// firstPrices reads the prices of the first items.
func firstPrices(ctx context.Context, q db.Querier, rows []Row, items map[id.ID][]Item) (map[id.ID]product.Price, error) {
	of := map[id.ID][]id.ID{} // by organization
	for i := range rows {
		r := &rows[i]
		if p := firstPrice(items[r.ID]); p != nil && !slices.Contains(of[r.OrganizationID], *p) {
			of[r.OrganizationID] = append(of[r.OrganizationID], *p)
		}
	}
	out := map[id.ID]product.Price{}
	for org, list := range of {
		some, err := product.PricesByID(ctx, q, org, list)
		if err != nil {
			return nil, err
		}
		maps.Copy(out, some)
	}
	return out, nil
}

// ids are the values of a field of rows, each once.
func ids(rows []Row, field func(*Row) *id.ID) []id.ID {
	var out []id.ID
	seen := map[id.ID]bool{}
	for i := range rows {
		if v := field(&rows[i]); v != nil && !seen[*v] {
			seen[*v] = true
			out = append(out, *v)
		}
	}
	return out
}

// discountsOf reads the discounts of rows; a page of orders has few different
// ones.
func discountsOf(ctx context.Context, q db.Querier, rows []Row) (map[id.ID]*discount.Embedded, error) {
	out := map[id.ID]*discount.Embedded{}
	for i := range rows {
		r := &rows[i]
		if r.DiscountID == nil || out[*r.DiscountID] != nil {
			continue
		}
		d, err := discount.Find(ctx, q, r.OrganizationID, *r.DiscountID)
		if err != nil {
			return nil, fmt.Errorf("read the discount of an order: %w", err)
		}
		out[d.ID] = discount.Embed(d)
	}
	return out, nil
}

func subscriptionsOf(ctx context.Context, q db.Querier, orgs, list []id.ID) (map[id.ID]Subscription, error) {
	out := make(map[id.ID]Subscription, len(list))
	if len(list) == 0 {
		return out, nil
	}
	w := db.Where("").In("organization_id", orgs).In("id", list)
	rows, err := db.All[Subscription](ctx, q, `SELECT `+subscriptionColumns+` FROM subscriptions`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read the subscriptions of orders: %w", err)
	}
	for _, r := range rows {
		out[r.ID] = r
	}
	return out, nil
}

// Told is an order as webhooks show it: as a GET does.
func (s *Service) Told(ctx context.Context, q db.Querier, e *journal.Entry) (any, error) {
	r, err := byID(ctx, q, []id.ID{e.Organization}, e.Subject, "")
	if err != nil {
		return nil, err
	}
	out, err := s.Shown(ctx, q, r)
	return &out, err
}
