package subscription

import (
	"context"
	"errors"
	"reflect"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/organization"
	"floe/internal/schema"
)

// Update is the body of a change, in one of nine shapes.
type Update struct {
	Base          *UpdateBase          `variant:"SubscriptionUpdateBase"`
	Seats         *UpdateSeats         `variant:"SubscriptionUpdateSeats"`
	Units         *UpdateUnits         `variant:"SubscriptionUpdateUnits"`
	BillingPeriod *UpdateBillingPeriod `variant:"SubscriptionUpdateBillingPeriod"`
	Cancel        *Cancel              `variant:"SubscriptionCancel"`
	Revoke        *Revoke              `variant:"SubscriptionRevoke"`
	Pause         *Pause               `variant:"SubscriptionPause"`
	Resume        *ResumeNow           `variant:"SubscriptionResume"`
	Clear         *Clear               `variant:"SubscriptionUpdateClear"`
}

// Union says that every shape is tried; they have no key in common that would
// let two of them fit.
func (Update) Union() schema.Union { return schema.Union{First: true} }

// Payment says what a change does to the price and how it is collected.
type Payment struct {
	ProrationBehavior *organization.ProrationBehavior `json:"proration_behavior" doc:"What becomes of the part of the period that is still to come. The organization's setting when it is not given."`
	CollectionMethod  *CollectionMethod               `json:"collection_method" doc:"With send_invoice, what has to be paid at once becomes an order that awaits payment, and so do the orders to come; charge_automatically ends that."`
}

// UpdateBase changes the product, the discount, the trial or the metadata.
type UpdateBase struct {
	Metadata   schema.Opt[schema.MetadataInput] `json:"metadata"`
	ProductID  *id.ID                           `json:"product_id" doc:"The ID of a product to change to."`
	DiscountID schema.Opt[*id.ID]               `json:"discount_id" doc:"The ID of a discount to apply from the next period on; null removes the one there is."`
	TrialEnd   *TrialEnd                        `json:"trial_end" doc:"When the trial ends: a time to come, or now."`
	Payment
}

// Strict refuses other keys.
func (UpdateBase) Strict() {}

// SchemaName is the name of the reference.
func (UpdateBase) SchemaName() string { return "SubscriptionUpdateBase" }

// TrialEnd is a time, or "now".
type TrialEnd struct {
	Now bool
	At  time.Time
}

var timePlan = schema.PlanOf(reflect.TypeFor[time.Time](), "")

// DecodeNode reads either.
func (t *TrialEnd) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind == schema.String && n.Text == "now" {
		t.Now = true
		return
	}
	timePlan.Decode(n, at, reflect.ValueOf(&t.At).Elem())
}

// SchemaName says that the schema is written in place.
func (TrialEnd) SchemaName() string { return "" }

// DescribeSchema describes both.
func (TrialEnd) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{AnyOf: []*schema.Schema{{Type: "string", Format: "date-time"}, {Type: "string", Const: "now"}}}
}

// UpdateSeats changes the number of seats.
type UpdateSeats struct {
	Seats int `json:"seats" ge:"-2147483648" le:"2147483647" doc:"The number of seats."`
	Payment
}

// Strict refuses other keys.
func (UpdateSeats) Strict() {}

// SchemaName is the name of the reference.
func (UpdateSeats) SchemaName() string { return "SubscriptionUpdateSeats" }

// CheckNode refuses less than one.
func (u *UpdateSeats) CheckNode(n *schema.Node, at *schema.At) { positive(u.Seats, "seats", n, at) }

func positive(v int, key string, n *schema.Node, at *schema.At) {
	if v < 1 {
		at.Key(key).Report("greater_than_equal", "Input should be greater than or equal to 1", n.Get(key), schema.KV{Key: "ge", Value: 1})
	}
}

// UpdateUnits changes the number of units.
type UpdateUnits struct {
	Units int `json:"units" ge:"-2147483648" le:"2147483647" doc:"The number of units."`
	Payment
}

// Strict refuses other keys.
func (UpdateUnits) Strict() {}

// SchemaName is the name of the reference.
func (UpdateUnits) SchemaName() string { return "SubscriptionUpdateUnits" }

// CheckNode refuses less than one.
func (u *UpdateUnits) CheckNode(n *schema.Node, at *schema.At) { positive(u.Units, "units", n, at) }

// UpdateBillingPeriod moves the end of the period.
type UpdateBillingPeriod struct {
	End time.Time `json:"current_billing_period_end" doc:"When the period is to end, sooner or later than now planned. The subscription renews then, and its periods end on that day of the month from then on."`
}

// Strict refuses other keys.
func (UpdateBillingPeriod) Strict() {}

// SchemaName is the name of the reference.
func (UpdateBillingPeriod) SchemaName() string { return "SubscriptionUpdateBillingPeriod" }

// Cause is why a customer leaves.
type Cause struct {
	Reason  *Reason `json:"customer_cancellation_reason" doc:"Why the customer cancels, if they have said so."`
	Comment *string `json:"customer_cancellation_comment" doc:"What the customer has said, in their own words; they can read it."`
}

// Cancel ends a subscription with the period, or lets it go on.
type Cancel struct {
	Cause
	AtPeriodEnd bool `json:"cancel_at_period_end" doc:"True to end the subscription when the period does, false to take that back."`
}

// Strict refuses other keys.
func (Cancel) Strict() {}

// SchemaName is the name of the reference.
func (Cancel) SchemaName() string { return "SubscriptionCancel" }

// Revoke ends a subscription now.
type Revoke struct {
	Cause
	Revoke True `json:"revoke" doc:"End the subscription and its benefits at once."`
}

// Strict refuses other keys.
func (Revoke) Strict() {}

// SchemaName is the name of the reference.
func (Revoke) SchemaName() string { return "SubscriptionRevoke" }

// Pause pauses a subscription when the period ends, or takes that back.
type Pause struct {
	AtPeriodEnd bool       `json:"pause_at_period_end" doc:"True to pause the subscription when the period ends, false to take that back."`
	ResumesAt   *time.Time `json:"resumes_at" doc:"When the pause ends by itself, after the period's end. Without it somebody has to end it."`
}

// Strict refuses other keys.
func (Pause) Strict() {}

// SchemaName is the name of the reference.
func (Pause) SchemaName() string { return "SubscriptionPause" }

// ResumeNow ends a pause.
type ResumeNow struct {
	Resume True `json:"resume" doc:"End the pause now, with a new period that is billed."`
}

// Strict refuses other keys.
func (ResumeNow) Strict() {}

// SchemaName is the name of the reference.
func (ResumeNow) SchemaName() string { return "SubscriptionResume" }

// Clear drops a change that waits.
type Clear struct {
	PendingUpdate Null `json:"pending_update" doc:"Null drops the change that waits for the end of the period."`
}

// Strict refuses other keys.
func (Clear) Strict() {}

// SchemaName is the name of the reference.
func (Clear) SchemaName() string { return "SubscriptionUpdateClear" }

// True is a value that can only be true.
type True bool

// DecodeNode reads it.
func (t *True) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.Bool || !n.Bool {
		at.Literal("True", n)
		return
	}
	*t = true
}

// SchemaName says that the schema is written in place.
func (True) SchemaName() string { return "" }

// DescribeSchema describes the one value.
func (True) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "boolean", True: true}
}

// Null is a value that can only be null.
type Null struct{}

// DecodeNode reads it.
func (*Null) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.Null {
		at.Report("none_required", "Input should be None", n)
	}
}

// SchemaName says that the schema is written in place.
func (Null) SchemaName() string { return "" }

// DescribeSchema describes null.
func (Null) DescribeSchema(*schema.Builder) *schema.Schema { return &schema.Schema{Type: "null"} }

type updateInput struct {
	ID   id.ID `path:"id" doc:"The subscription ID."`
	Body Update
}

func (s *Service) update(ctx context.Context, sub auth.Subject, in updateInput) (Subscription, error) {
	out, err := s.changed(ctx, func(tx *db.Tx) (Row, error) { return s.Change(ctx, tx, sub, in.ID, in.Body) })
	var due *mustPay
	if errors.As(err, &due) {
		return s.payFor(ctx, sub, &in, due)
	}
	return out, err
}

// Change changes a subscription in one of the ways of Update.
func (s *Service) Change(ctx context.Context, tx *db.Tx, sub auth.Subject, subscription id.ID, in Update) (Row, error) {
	return s.change(ctx, tx, sub, subscription, func(w *work, it *item) error {
		if in.Revoke == nil { // an end waits for nobody
			if err := w.unlocked(ctx, it); err != nil {
				return err
			}
		}
		return w.perform(ctx, it, &in)
	})
}

// perform does what a change asks for.
func (w *work) perform(ctx context.Context, it *item, b *Update) error {
	switch {
	case b.Base != nil:
		return w.updateBase(ctx, it, b.Base)
	case b.Seats != nil:
		return w.updateQuantity(ctx, it, seats, b.Seats.Seats, b.Seats.Payment)
	case b.Units != nil:
		return w.updateQuantity(ctx, it, units, b.Units.Units, b.Units.Payment)
	case b.BillingPeriod != nil:
		return w.movePeriodEnd(it, b.BillingPeriod.End)
	case b.Cancel != nil:
		return it.cancel(b.Cancel)
	case b.Revoke != nil:
		return w.revoke(it, RevokedNow, b.Revoke.Cause)
	case b.Pause != nil:
		return it.pause(b.Pause)
	case b.Resume != nil:
		if it.Status != Paused {
			return fault.NotPausedSubscription.New()
		}
		return w.resume(ctx, it)
	}
	if w.pendings[it.ID] == nil {
		return schema.ValueError("This subscription has no pending update to clear.", nil, "body", "pending_update")
	}
	w.forget(it)
	return nil
}

func (s *Service) delete(ctx context.Context, sub auth.Subject, in byIDInput) (Subscription, error) {
	return s.changed(ctx, func(tx *db.Tx) (Row, error) { return s.Change(ctx, tx, sub, in.ID, Update{Revoke: &Revoke{}}) })
}

// updateBase does what the first shape asks for, in the order of the contract.
func (w *work) updateBase(ctx context.Context, it *item, u *UpdateBase) error {
	it.collect(u.Payment)
	var err error
	switch {
	case u.ProductID != nil:
		err = w.changeProduct(ctx, it, u)
	case u.DiscountID.Set:
		err = w.changeDiscount(ctx, it, u)
	}
	if err != nil {
		return err
	}
	if u.TrialEnd != nil {
		if err := w.setTrialEnd(ctx, it, u.TrialEnd); err != nil {
			return err
		}
	}
	if u.Metadata.Set {
		it.Metadata, it.touched = []byte(u.Metadata.Value.Metadata()), true
		if err := described.Clear(ctx, w.tx, it.OrganizationID, it.ID); err != nil {
			return err
		}
		return indexMetadata(ctx, w.tx, &it.Row)
	}
	return nil
}

// collect takes over how a request says that the subscription is to be paid.
func (it *item) collect(p Payment) {
	if p.CollectionMethod != nil {
		it.CollectionMethod = p.CollectionMethod.text()
	}
}

// setTrialEnd ends, moves or begins a trial.
func (w *work) setTrialEnd(ctx context.Context, it *item, t *TrialEnd) error {
	problem := func(text string) error {
		return schema.ValueError(text, schema.StringNode(trialText(t)), "body", "trial_end")
	}
	switch {
	case !t.Now && !it.canEnd(t.At):
		return past("SubscriptionUpdateBase", "trial_end", t.At)
	case !it.Status.Entitled():
		return fault.InactiveSubscription.New("Subscription " + string(it.ID) + " is not active.")
	case t.Now && it.Status != Trialing:
		return problem("The subscription is not currently trialing.")
	case t.Now:
		return w.endTrial(ctx, it)
	case it.Status == Active && !t.At.After(it.CurrentPeriodEnd):
		return problem("Trial end must be after the current period end.")
	}
	if err := it.happen(TrialSet); err != nil {
		return err
	}
	end := t.At
	it.TrialEnd, it.CurrentPeriodEnd = &end, end
	it.armMeter(it.CurrentPeriodStart) // there is none during a trial
	if it.CancelAtPeriodEnd {
		it.EndsAt = &end
	}
	w.followPeriodEnd(it)
	return nil
}

func trialText(t *TrialEnd) string {
	if t.Now {
		return "now"
	}
	return t.At.Format(time.RFC3339Nano)
}

// past is the problem of a date that should lie in the future.
func past(shape, key string, t time.Time) error {
	return &schema.Problems{List: []schema.Problem{{Type: "datetime_future", Loc: []any{"body", shape, key},
		Msg: "Input should be in the future", Input: schema.StringNode(t.Format(time.RFC3339Nano))}}}
}

// canEnd says whether the period can end at a time: one to come, and not before
// the period begins, where a test clock shows an earlier time than that.
func (it *item) canEnd(t time.Time) bool { return t.After(latest(it.at, it.CurrentPeriodStart)) }

// endTrial ends the trial as its end would, now, or when it was over and nobody
// has noticed. With a cancellation scheduled that is the end of the
// subscription, and with a pause it begins.
func (w *work) endTrial(ctx context.Context, it *item) error {
	at := latest(earliest(it.at, it.CurrentPeriodEnd), it.CurrentPeriodStart)
	it.TrialEnd, it.CurrentPeriodEnd = &at, at
	switch {
	case it.CancelAtPeriodEnd:
		it.EndsAt = &at
		return w.end(it)
	case it.PauseAtPeriodEnd:
		return it.beginPause()
	}
	return w.renew(ctx, it, TrialEndedNow)
}

// movePeriodEnd sets another end of the period, and with it the anchor.
func (w *work) movePeriodEnd(it *item, end time.Time) error {
	switch {
	case !it.canEnd(end):
		return past("SubscriptionUpdateBillingPeriod", "current_billing_period_end", end)
	case it.Status.Revoked() || it.EndedAt != nil:
		return fault.AlreadyCanceledSubscription.New()
	case it.Status == PastDue || it.Status == Paused || !it.Status.Billable():
		return fault.InactiveSubscription.New("Subscription " + string(it.ID) + " is not active.")
	case it.CancelAtPeriodEnd:
		return fault.AlreadyCanceledSubscription.New()
	}
	it.CurrentPeriodEnd, it.AnchorDay = end, end.Day()
	if it.Status == Trialing {
		it.TrialEnd = &end
	}
	w.followPeriodEnd(it)
	return nil
}

// followPeriodEnd moves a pending update along with the end of the period.
func (w *work) followPeriodEnd(it *item) {
	p := w.pendings[it.ID]
	if p == nil {
		return
	}
	at := it.at
	moved := *p
	moved.ModifiedAt, moved.AppliesAt = &at, it.CurrentPeriodEnd
	w.wait(it, moved)
}

func orSame(p *id.ID, other id.ID) *id.ID {
	if p == nil {
		return &other
	}
	return p
}

// updateReason is what orders of changes are for.
const updateReason = order.SubUpdate
