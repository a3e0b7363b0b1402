package product

import (
	"context"
	"encoding/json"
	"reflect"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/organization"
	"floe/internal/period"
	"floe/internal/schema"
)

// Create is the body of a creation: of a product that is bought once, or of
// one that is a subscription, which has an interval.
type Create struct {
	OneTime   *CreateOneTime
	Recurring *CreateRecurring
	prices    *schema.Node
}

var (
	oneTimePlan   = schema.PlanOf(reflect.TypeFor[CreateOneTime](), "")
	recurringPlan = schema.PlanOf(reflect.TypeFor[CreateRecurring](), "")
)

// DecodeNode reads the one or the other.
func (c *Create) DecodeNode(n *schema.Node, at *schema.At) {
	c.prices = n.Get("prices")
	if interval := n.Get("recurring_interval"); interval != nil && interval.Kind != schema.Null {
		c.Recurring = &CreateRecurring{}
		recurringPlan.Decode(n, at.Key("recurring"), reflect.ValueOf(c.Recurring).Elem())
		return
	}
	c.OneTime = &CreateOneTime{}
	oneTimePlan.Decode(n, at.Key("one_time"), reflect.ValueOf(c.OneTime).Elem())
}

// SchemaName is the name of the reference.
func (Create) SchemaName() string { return "ProductCreate" }

// DescribeSchema describes the union.
func (Create) DescribeSchema(b *schema.Builder) *schema.Schema {
	return &schema.Schema{OneOf: []*schema.Schema{b.Of(reflect.TypeFor[CreateRecurring]()), b.Of(reflect.TypeFor[CreateOneTime]())}}
}

// CreateCommon is what both have.
type CreateCommon struct {
	Metadata             schema.MetadataInput  `json:"metadata" factory:"{}"`
	Name                 Name                  `json:"name" doc:"The name of the product." example:"\"Pro\""`
	Description          *string               `json:"description" trim:"null" doc:"What the product is."`
	Visibility           Visibility            `json:"visibility" default:"\"public\"" doc:"Where the product is offered."`
	Prices               []PriceCreate         `json:"prices" minItems:"1" doc:"The prices. For each currency: a fixed price, one by seats or by units or both, or one that the buyer chooses; and any number of metered ones on subscriptions."`
	Medias               *[]id.ID              `json:"medias" doc:"Pictures: the IDs of uploaded files, in order."`
	AttachedCustomFields []AttachedFieldCreate `json:"attached_custom_fields" factory:"[]" doc:"What customers are asked for at the checkout, in order."`
	OrganizationID       *id.ID                `json:"organization_id" doc:"The organization that will own the product. Required unless you use an organization token."`
}

// CreateOneTime is the body of a product that is bought once.
type CreateOneTime struct {
	CreateCommon
	RecurringInterval      none `json:"recurring_interval" factory:"null" doc:"Null: the product is bought once."`
	RecurringIntervalCount none `json:"recurring_interval_count" factory:"null" doc:"Null: the product is bought once."`
}

// SchemaName is the name of the reference.
func (CreateOneTime) SchemaName() string { return "ProductCreateOneTime" }

// CreateRecurring is the body of a subscription.
type CreateRecurring struct {
	CreateCommon
	Trial
	RecurringInterval      period.Interval  `json:"recurring_interval" doc:"The unit of the billing period. It can't be changed later." example:"\"month\""`
	RecurringIntervalCount int              `json:"recurring_interval_count" ge:"1" le:"999" default:"1" doc:"How many units the billing period has. It can't be changed later."`
	MeterInterval          *period.Interval `json:"meter_interval" doc:"The unit of the period after which usage is settled, where that is not the billing period. It can't be changed later."`
	MeterIntervalCount     *int             `json:"meter_interval_count" ge:"1" le:"999" doc:"How many units the period has after which usage is settled; 1 by default."`
}

// SchemaName is the name of the reference.
func (CreateRecurring) SchemaName() string { return "ProductCreateRecurring" }

// Trial is the trial that checkouts of a product begin with.
type Trial struct {
	TrialInterval      *TrialInterval `json:"trial_interval" doc:"The unit of the trial; null for none."`
	TrialIntervalCount *int           `json:"trial_interval_count" ge:"1" le:"1000" doc:"How many units the trial lasts."`
}

const trialTogether = "Both trial_interval and trial_interval_count must be set together."

// CheckNode holds the fields against each other.
func (c *CreateRecurring) CheckNode(n *schema.Node, at *schema.At) {
	if (c.TrialInterval == nil) != (c.TrialIntervalCount == nil) {
		at.Report("missing", trialTogether, n)
	}
	if c.MeterInterval == nil {
		c.MeterIntervalCount = nil
		return
	}
	if c.MeterIntervalCount == nil {
		one := 1
		c.MeterIntervalCount = &one
	}
	if !divides(*c.MeterInterval, *c.MeterIntervalCount, c.RecurringInterval, c.RecurringIntervalCount) {
		at.ValueError("The meter interval must evenly divide the billing interval, so the meter cycle re-aligns with the billing cycle at every renewal.", n)
	}
}

// divides says whether a whole number of meter periods makes up every billing
// period, whatever the lengths of its months and years.
func divides(meter period.Interval, m int, billing period.Interval, n int) bool {
	const daysAWeek, monthsAYear = 7, 12
	switch {
	case meter == billing:
		return n%m == 0
	case meter == period.Day && billing == period.Week:
		return daysAWeek*n%m == 0
	case meter == period.Month && billing == period.Year:
		return monthsAYear*n%m == 0
	case meter == period.Day:
		return m == 1
	}
	return false
}

// none is a field that may only be null.
type none struct{}

// DecodeNode refuses everything else.
func (*none) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.Null {
		at.Report("none_required", "Input should be None", n)
	}
}

// SchemaName says that the schema is written in place.
func (none) SchemaName() string { return "" }

// DescribeSchema describes null.
func (none) DescribeSchema(*schema.Builder) *schema.Schema { return &schema.Schema{Type: "null"} }

// common is what both have.
func (c *Create) common() *CreateCommon {
	if c.Recurring != nil {
		return &c.Recurring.CreateCommon
	}
	return &c.OneTime.CreateCommon
}

type createInput struct{ Body Create }

func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Full, err error) {
	org, err := organization.ForCreate(sub, in.Body.common().OrganizationID, auth.ProductsManage)
	if err != nil {
		return out, err
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		l, err := s.Create(ctx, tx, sub, org, in.Body)
		if err != nil {
			return err
		}
		out, err = s.one(ctx, tx, l)
		return err
	})
	return out, err
}

// Create adds a product to an organization.
func (s *Service) Create(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, in Create) (Loaded, error) {
	owner, err := organization.Hold(ctx, tx, org)
	if err != nil {
		return Loaded{}, err
	}
	c := in.common()
	l := Loaded{Row: newRow(tx, org, &in), BenefitIDs: []id.ID{}}
	problems := &schema.Problems{Business: true}
	set := priceSet{org: owner, oneTime: in.OneTime != nil, given: in.prices, problems: problems}
	if err := set.resolve(ctx, tx, nil, fresh(c.Prices, in.prices)); err != nil {
		return l, err
	}
	set.check()
	if l.MeterInterval != nil && !owner.FeatureSettings.MeterCyclingEnabled {
		problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", "meter_interval"},
			Msg: "Separate meter cycling is not enabled for this organization.", Input: schema.StringNode(string(*l.MeterInterval))})
	}
	unknownFiles(c.Medias, problems)
	unknownFields(c.AttachedCustomFields, problems)
	if err := problems.Err(); err != nil {
		return l, err
	}
	added, _ := set.apply(tx, &l)
	l.IsRecurring = l.recurring()
	if err := insert(ctx, tx, &l); err != nil {
		return l, err
	}
	if err := insertPrices(ctx, tx, added); err != nil {
		return l, err
	}
	after := recordOf(&l)
	journal.Append(tx, actor, journal.Entry{Organization: org, Type: "product.created", Subject: l.ID, After: schema.JSON(&after)})
	return l, nil
}

// fresh are new prices as members of a set.
func fresh(prices []PriceCreate, given *schema.Node) []PriceUpdate {
	out := make([]PriceUpdate, len(prices))
	for i := range prices {
		out[i] = PriceUpdate{New: &prices[i], node: &given.Items[i]}
	}
	return out
}

func newRow(tx *db.Tx, org id.ID, in *Create) Row {
	c := in.common()
	r := Row{ID: tx.NewID(tx.Now()), OrganizationID: org, CreatedAt: tx.Now(), Name: string(c.Name), Description: c.Description,
		Visibility: c.Visibility, Metadata: json.RawMessage(c.Metadata.Metadata())}
	if rec := in.Recurring; rec != nil {
		r.RecurringInterval, r.RecurringIntervalCount = &rec.RecurringInterval, &rec.RecurringIntervalCount
		r.MeterInterval, r.MeterIntervalCount = rec.MeterInterval, rec.MeterIntervalCount
		r.TrialInterval, r.TrialIntervalCount = (*period.Interval)(rec.TrialInterval), rec.TrialIntervalCount
	}
	return r
}

// unknownFiles and unknownFields refuse what cannot exist yet.
func unknownFiles(ids *[]id.ID, problems *schema.Problems) {
	if ids == nil {
		return
	}
	for i, file := range *ids {
		problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", "medias", i},
			Msg: "File does not exist or is not yet uploaded.", Input: schema.StringNode(string(file))})
	}
}

func unknownFields(list []AttachedFieldCreate, problems *schema.Problems) {
	for i, f := range list {
		problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", "attached_custom_fields", i},
			Msg: "Custom field does not exist.", Input: schema.StringNode(string(f.CustomFieldID))})
	}
}

// record is a product as the journal keeps it: benefits by their ids.
type record struct {
	Reduced
	Prices     []Price `json:"prices"`
	BenefitIDs []id.ID `json:"benefit_ids"`
}

func recordOf(l *Loaded) record { return record{ReducedOf(l.Row), l.Prices, l.BenefitIDs} }
