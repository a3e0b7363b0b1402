package subscription

import (
	"context"
	"reflect"
	"slices"
	"time"

	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/discount"
	"floe/internal/id"
	"floe/internal/period"
	"floe/internal/product"
	"floe/internal/schema"
)

// Bare is a subscription without what it refers to: the form that the journal
// keeps.
type Bare struct {
	CreatedAt                   time.Time       `json:"created_at" doc:"When the subscription was created."`
	ModifiedAt                  *time.Time      `json:"modified_at" doc:"When the subscription was last changed; null until then."`
	ID                          id.ID           `json:"id" doc:"The ID of the subscription."`
	Amount                      int64           `json:"amount" doc:"What a period costs, in the smallest unit of the currency." example:"10000"`
	Currency                    string          `json:"currency" doc:"The currency, in lower case." example:"\"usd\""`
	RecurringInterval           period.Interval `json:"recurring_interval" doc:"The unit of a period." example:"\"month\""`
	RecurringIntervalCount      int             `json:"recurring_interval_count" doc:"How many units a period has: 1 is every month, 2 every other one."`
	Status                      Status          `json:"status" doc:"Where the subscription stands." example:"\"active\""`
	CurrentPeriodStart          time.Time       `json:"current_period_start" doc:"When the billing period began."`
	CurrentPeriodEnd            time.Time       `json:"current_period_end" doc:"When the billing period ends."`
	CurrentMeterPeriodStart     *time.Time      `json:"current_meter_period_start" doc:"When the period of usage began, where the product has one of its own."`
	CurrentMeterPeriodEnd       *time.Time      `json:"current_meter_period_end" doc:"When the period of usage ends and credits are renewed."`
	TrialStart                  *time.Time      `json:"trial_start" doc:"When the trial began, if there was one."`
	TrialEnd                    *time.Time      `json:"trial_end" doc:"When the trial ends or ended."`
	CancelAtPeriodEnd           bool            `json:"cancel_at_period_end" doc:"Whether the subscription ends with the period."`
	CanceledAt                  *time.Time      `json:"canceled_at" doc:"When the cancellation was asked for. Until the period's end the subscription may go on."`
	StartedAt                   *time.Time      `json:"started_at" doc:"When the subscription began."`
	EndsAt                      *time.Time      `json:"ends_at" doc:"When the subscription will end."`
	EndedAt                     *time.Time      `json:"ended_at" doc:"When the subscription has ended."`
	PastDueAt                   *time.Time      `json:"past_due_at" required:"false" doc:"Since when a payment is overdue."`
	PauseAtPeriodEnd            bool            `json:"pause_at_period_end" doc:"Whether the subscription pauses when the period ends."`
	PausedAt                    *time.Time      `json:"paused_at" doc:"Since when the subscription is paused."`
	ResumesAt                   *time.Time      `json:"resumes_at" doc:"When a pause ends by itself."`
	CustomerID                  id.ID           `json:"customer_id" doc:"The ID of the customer."`
	ProductID                   id.ID           `json:"product_id" doc:"The ID of the product."`
	DiscountID                  *id.ID          `json:"discount_id" doc:"The ID of the discount, if there is one."`
	CheckoutID                  *id.ID          `json:"checkout_id"`
	Seats                       *int            `json:"seats" required:"false" doc:"How many seats there are; null when the product is not sold by seats."`
	Units                       *int            `json:"units" required:"false" doc:"How many units there are; null when the product is not sold by units."`
	CustomerCancellationReason  *Reason         `json:"customer_cancellation_reason"`
	CustomerCancellationComment *string         `json:"customer_cancellation_comment"`
	Metadata                    schema.Metadata `json:"metadata"`
	CustomFieldData             CustomFieldData `json:"custom_field_data" required:"false" doc:"What the customer answered to the product's custom fields."`
}

// Subscription is a subscription as the API shows it.
type Subscription struct {
	Bare
	Customer      Customer           `json:"customer"`
	Product       product.Full       `json:"product"`
	Discount      *discount.Embedded `json:"discount"`
	Prices        []Price            `json:"prices" doc:"The prices that the subscription is billed by."`
	Meters        []Meter            `json:"meters" doc:"What was used in the period."`
	PendingUpdate *Pending           `json:"pending_update" doc:"A change that will be made when the period ends; null when there is none."`

	// What clients of earlier versions look for; see customer.LegacyUser.
	UserID  id.ID      `json:"user_id" undocumented:"true"`
	User    legacyUser `json:"user" undocumented:"true"`
	PriceID *id.ID     `json:"price_id" undocumented:"true"`
	Price   *Price     `json:"price" undocumented:"true"` // the first of the prices
}

type legacyUser struct {
	customer.LegacyUser
	GithubUsername *string `json:"github_username"`
}

// Customer is the customer of a subscription.
type Customer struct{ customer.Customer }

// SchemaName is the name of the reference.
func (Customer) SchemaName() string { return "SubscriptionCustomer" }

// DescribeSchema describes a customer of either type.
func (Customer) DescribeSchema(b *schema.Builder) *schema.Schema {
	s := b.Object(reflect.TypeFor[customer.Customer]())
	s.Required = slices.DeleteFunc(s.Required, func(key string) bool { return key == "email" })
	return s
}

// Price is a price of a subscription.
type Price = product.Price

// Meter is what a subscription has used of a metered price. There is no usage
// yet, so none is ever shown.
type Meter struct {
	CreatedAt     time.Time  `json:"created_at"`
	ModifiedAt    *time.Time `json:"modified_at"`
	ID            id.ID      `json:"id" doc:"The ID of the count."`
	ConsumedUnits float64    `json:"consumed_units" doc:"How many units were used in the period." example:"25"`
	CreditedUnits int        `json:"credited_units" doc:"How many units were credited in the period." example:"100"`
	Amount        int        `json:"amount" doc:"What is due so far, in the smallest unit of the currency." example:"0"`
	MeterID       id.ID      `json:"meter_id" doc:"The ID of the meter."`
}

// SchemaName is the name of the reference.
func (Meter) SchemaName() string { return "SubscriptionMeter" }

// bare is the row as the journal keeps it.
func (r *Row) bare() Bare {
	return Bare{
		CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, ID: r.ID, Amount: r.Amount, Currency: r.Currency,
		RecurringInterval: r.RecurringInterval, RecurringIntervalCount: r.RecurringIntervalCount, Status: r.Status,
		CurrentPeriodStart: r.CurrentPeriodStart, CurrentPeriodEnd: r.CurrentPeriodEnd,
		CurrentMeterPeriodStart: r.CurrentMeterPeriodStart, CurrentMeterPeriodEnd: r.CurrentMeterPeriodEnd,
		TrialStart: r.TrialStart, TrialEnd: r.TrialEnd, CancelAtPeriodEnd: r.CancelAtPeriodEnd, CanceledAt: r.CanceledAt,
		StartedAt: r.StartedAt, EndsAt: r.EndsAt, EndedAt: r.EndedAt, PastDueAt: r.PastDueAt, PauseAtPeriodEnd: r.PauseAtPeriodEnd,
		PausedAt: r.PausedAt, ResumesAt: r.ResumesAt, CustomerID: r.CustomerID, ProductID: r.ProductID, DiscountID: r.DiscountID,
		CheckoutID: r.CheckoutID, Seats: r.Seats, Units: r.Units, CustomerCancellationReason: r.CustomerCancellationReason,
		CustomerCancellationComment: r.CustomerCancellationComment, Metadata: schema.Metadata(r.Metadata),
		CustomFieldData: CustomFieldData(r.CustomFieldData),
	}
}

// Public is subscriptions as the API shows them, in the order of the rows. It
// reads what they refer to with a few statements for all.
func (s *Service) Public(ctx context.Context, q db.Querier, rows ...Row) ([]Subscription, error) {
	out := make([]Subscription, len(rows))
	if len(rows) == 0 {
		return out, nil
	}
	refs := referred(rows)
	customers, err := customer.Rows(ctx, q, refs.organizations, refs.customers)
	if err != nil {
		return nil, err
	}
	products, err := s.products(ctx, q, &refs)
	if err != nil {
		return nil, err
	}
	waiting, err := pendings(ctx, q, refs.organizations, refs.ids)
	if err != nil {
		return nil, err
	}
	discounts, err := discount.ByIDs(ctx, q, refs.organizations, refs.discounts)
	if err != nil {
		return nil, err
	}
	prices := map[id.ID]product.Price{}
	for _, org := range refs.organizations {
		some, err := product.PricesByID(ctx, q, org, refs.prices[org])
		if err != nil {
			return nil, err
		}
		for k, v := range some {
			prices[k] = v
		}
	}
	for i := range rows {
		r := &rows[i]
		sub := Subscription{Bare: r.bare(), Customer: Customer{s.Customers.Public(customers[r.CustomerID])},
			Product: products[r.ProductID], Prices: []Price{}, Meters: []Meter{}, PendingUpdate: waiting[r.ID]}
		if r.DiscountID != nil {
			if d, ok := discounts[*r.DiscountID]; ok {
				sub.Discount = discount.Embed(d)
			}
		}
		for _, p := range r.PriceIDs {
			if price, ok := prices[p]; ok {
				sub.Prices = append(sub.Prices, price)
			}
		}
		sub.UserID, sub.User.LegacyUser = sub.CustomerID, sub.Customer.LegacyUser()
		if len(sub.Prices) > 0 {
			sub.PriceID, sub.Price = &sub.Prices[0].ID, &sub.Prices[0]
		}
		out[i] = sub
	}
	return out, nil
}

func (s *Service) one(ctx context.Context, q db.Querier, r Row) (Subscription, error) {
	list, err := s.Public(ctx, q, r)
	if err != nil {
		return Subscription{}, err
	}
	return list[0], nil
}

func (s *Service) products(ctx context.Context, q db.Querier, refs *references) (map[id.ID]product.Full, error) {
	loaded, err := product.Load(ctx, q, refs.organizations, refs.products...)
	if err != nil {
		return nil, err
	}
	list := make([]product.Loaded, 0, len(loaded))
	for _, p := range refs.products {
		if l, ok := loaded[p]; ok {
			list = append(list, l)
		}
	}
	full, err := s.Products.Full(ctx, q, list...)
	if err != nil {
		return nil, err
	}
	out := make(map[id.ID]product.Full, len(full))
	for _, f := range full {
		out[f.ID] = f
	}
	return out, nil
}

// references are the ids that rows refer to, each once.
type references struct {
	ids, organizations, customers, products, discounts []id.ID
	prices                                             map[id.ID][]id.ID // by organization
}

func referred(rows []Row) references {
	out := references{prices: map[id.ID][]id.ID{}}
	seen := map[id.ID]bool{}
	add := func(list []id.ID, v id.ID) []id.ID {
		if seen[v] {
			return list
		}
		seen[v] = true
		return append(list, v)
	}
	for i := range rows {
		r := &rows[i]
		out.ids = add(out.ids, r.ID)
		out.organizations = add(out.organizations, r.OrganizationID)
		out.customers = add(out.customers, r.CustomerID)
		out.products = add(out.products, r.ProductID)
		for _, p := range r.PriceIDs {
			out.prices[r.OrganizationID] = add(out.prices[r.OrganizationID], p)
		}
		if r.DiscountID != nil {
			out.discounts = add(out.discounts, *r.DiscountID)
		}
	}
	return out
}
