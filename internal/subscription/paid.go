package subscription

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"time"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/order"
	"floe/internal/payment"
	"floe/internal/schema"
)

// A change that has to be paid at once is made three times over: as a trial,
// which is undone and says what it costs; then the money is collected, with no
// transaction open; then it is made, as of the time of the trial. Until there
// is an answer nobody else can change the subscription, and it is not renewed.

// mustPay undoes a change that has to be paid before it is made, and says what
// it costs.
type mustPay struct {
	was    Row // the subscription before it
	charge charge.Row
}

func (*mustPay) Error() string { return "the change has to be paid first" }

// mustPay is about an item whose order awaits a payment.
func (it *item) mustPay() *mustPay {
	return &mustPay{was: it.was, charge: charge.Row{
		OrganizationID: it.OrganizationID, OrderID: it.made.ID, CustomerID: it.CustomerID, SubscriptionID: &it.was.ID, Purpose: charge.ForChange,
		Amount: it.made.DueAmount(), Currency: it.Currency, Cause: payment.Purchase, Description: it.made.Description, CreatedAt: it.at,
	}}
}

// holdFor is how long a subscription whose change is being paid is not renewed,
// should there be no answer for so long.
const holdFor = 30 * 24 * time.Hour

// payFor collects the money for a change and makes it.
func (s *Service) payFor(ctx context.Context, sub auth.Subject, in *updateInput, due *mustPay) (out Subscription, err error) {
	c := due.charge
	c.Change = in.Body.text()
	err = s.DB.Write(ctx, func(tx *db.Tx) error { return s.reserve(ctx, tx, sub, due, &c) })
	if err != nil {
		return out, err
	}
	result, err := s.Charges.Make(ctx, sub, &c)
	if err != nil {
		return out, err
	}
	if err := charge.Refusal(c.OrderID, result); err != nil {
		return out, err
	}
	err = s.DB.Read(ctx, func(q db.Querier) error {
		made, err := order.Find(ctx, q, c.OrganizationID, c.OrderID)
		if err != nil {
			return err
		}
		if made.Status == order.Void {
			return fault.SubscriptionLocked.New("The subscription was changed meanwhile. What was charged is given back.")
		}
		r, err := byID(ctx, q, visible(&sub), in.ID, "")
		if err != nil {
			return err
		}
		out, err = s.one(ctx, q, r)
		return err
	})
	return out, err
}

// reserve stores the charge for a change, if the subscription is still as it
// was when its cost was reckoned.
func (s *Service) reserve(ctx context.Context, tx *db.Tx, sub auth.Subject, due *mustPay, c *charge.Row) error {
	w, err := s.takeOne(ctx, tx, sub, c.OrganizationID, c.CustomerID, *c.SubscriptionID)
	if err != nil {
		return err
	}
	if err := w.unlocked(ctx, w.items[0]); err != nil {
		return err
	}
	if !reflect.DeepEqual(w.items[0].Row, due.was) {
		return fault.SubscriptionLocked.New()
	}
	c.CheckAt = tx.Now().Add(charge.Soon)
	ok, err := s.Charges.Ask(ctx, tx, c, payment.Choice{Subscription: c.SubscriptionID}, "")
	if err != nil {
		return err
	}
	if !ok {
		return charge.MissingMethod()
	}
	_, err = db.Exec(ctx, tx, `UPDATE subscriptions SET held_until = ? WHERE organization_id = ? AND id = ?`, tx.Now().Add(holdFor), c.OrganizationID, *c.SubscriptionID)
	if err != nil {
		return fmt.Errorf("hold a subscription: %w", err)
	}
	return nil
}

// unlocked refuses a subscription whose change is being paid.
func (w *work) unlocked(ctx context.Context, it *item) error {
	if !w.s.Charges.Payments.Charges(w.tx) {
		return nil
	}
	busy, err := w.s.Charges.Changing(ctx, w.tx, w.org, it.ID)
	if err == nil && busy {
		err = fault.SubscriptionLocked.New()
	}
	return err
}

// MakeChange makes a change that is paid, with its order.
func (s *Service) MakeChange(ctx context.Context, tx *db.Tx, actor auth.Subject, c charge.Row) (order.Row, error) {
	change, err := readChange(c.Change)
	if err != nil {
		return order.Row{}, err
	}
	w, err := s.takeOne(ctx, tx, actor, c.OrganizationID, c.CustomerID, *c.SubscriptionID)
	if err != nil {
		return order.Row{}, err
	}
	it := w.items[0]
	// It was renewed meanwhile: the change would cost something else. One that
	// is held was not, and its period may begin later where a test clock was released.
	if it.HeldUntil == nil && it.CurrentPeriodStart.After(c.CreatedAt) {
		return order.Row{}, fault.SubscriptionLocked.New()
	}
	w.paying, it.at, it.HeldUntil = &c, c.CreatedAt, nil
	if err := w.perform(ctx, it, &change); err != nil {
		return order.Row{}, err
	}
	if err := w.finish(ctx); err != nil {
		return order.Row{}, err
	}
	if it.made == nil || it.made.ID != c.OrderID {
		return order.Row{}, fault.SubscriptionLocked.New()
	}
	return *it.made, nil
}

// DropChange lets a subscription be changed and renewed again.
func (s *Service) DropChange(ctx context.Context, tx *db.Tx, c charge.Row) error {
	_, err := db.Exec(ctx, tx, `UPDATE subscriptions SET held_until = NULL WHERE organization_id = ? AND id = ?`, c.OrganizationID, *c.SubscriptionID)
	if err != nil {
		return fmt.Errorf("let go of a subscription: %w", err)
	}
	return nil
}

// text is a change in the words of the API, to be stored. Only those that cost
// something at once have them.
func (u *Update) text() json.RawMessage {
	out := map[string]any{}
	var p Payment
	switch {
	case u.Base != nil:
		p = u.Base.Payment
		u.Base.fill(out)
	case u.Seats != nil:
		p, out["seats"] = u.Seats.Payment, u.Seats.Seats
	case u.Units != nil:
		p, out["units"] = u.Units.Payment, u.Units.Units
	}
	if p.ProrationBehavior != nil {
		out["proration_behavior"] = *p.ProrationBehavior
	}
	if p.CollectionMethod != nil {
		out["collection_method"] = *p.CollectionMethod
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err) // strings and numbers
	}
	return text
}

func (u *UpdateBase) fill(out map[string]any) {
	if u.ProductID != nil {
		out["product_id"] = *u.ProductID
	}
	if u.DiscountID.Set {
		out["discount_id"] = u.DiscountID.Value
	}
	if u.Metadata.Set {
		out["metadata"] = json.RawMessage(u.Metadata.Value.Metadata())
	}
	switch {
	case u.TrialEnd == nil:
	case u.TrialEnd.Now:
		out["trial_end"] = "now"
	default:
		out["trial_end"] = u.TrialEnd.At
	}
}

var updatePlan = schema.PlanOf(reflect.TypeFor[Update](), "")

// readChange is a change that was stored.
func readChange(text json.RawMessage) (u Update, err error) {
	n, err := schema.Parse(text)
	if err != nil {
		return u, fmt.Errorf("read a stored change: %w", err)
	}
	sink := &schema.Problems{}
	updatePlan.Decode(n, schema.Root(sink, "body"), reflect.ValueOf(&u).Elem())
	return u, sink.Err()
}
