package subscription

import (
	"context"
	"fmt"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// say stores why the customer leaves; blank values never overwrite.
func (it *item) say(c Cause) {
	if c.Reason != nil {
		it.CustomerCancellationReason = c.Reason
	}
	if c.Comment != nil && *c.Comment != "" {
		it.CustomerCancellationComment = c.Comment
	}
}

// cancel schedules the end of a subscription, or takes that back.
func (it *item) cancel(c *Cancel) error {
	if !c.AtPeriodEnd {
		return it.uncancel()
	}
	if it.EndedAt != nil || it.CancelAtPeriodEnd || it.EndsAt != nil || !it.can(CancelScheduled) {
		return fault.AlreadyCanceledSubscription.New()
	}
	at, end := it.at, it.CurrentPeriodEnd
	it.CancelAtPeriodEnd, it.CanceledAt, it.EndsAt = true, &at, &end
	it.PauseAtPeriodEnd, it.ResumesAt = false, nil
	it.say(c.Cause)
	return it.happen(CancelScheduled)
}

func (it *item) uncancel() error {
	switch {
	case it.EndedAt != nil:
		return fault.Gone.New()
	case !it.CancelAtPeriodEnd || !it.can(Uncancel):
		return fault.BadRequest.New()
	}
	it.CancelAtPeriodEnd, it.CanceledAt, it.EndsAt = false, nil, nil
	it.CustomerCancellationReason, it.CustomerCancellationComment = nil, nil
	return it.happen(Uncancel)
}

// revoke ends a subscription now. What was left to be billed is lost.
func (w *work) revoke(it *item, why Event, c Cause) error {
	if it.EndedAt != nil || !it.can(why) {
		return fault.AlreadyCanceledSubscription.New()
	}
	at := it.at
	it.CanceledAt, it.EndsAt, it.EndedAt = &at, &at, &at
	it.PauseAtPeriodEnd, it.ResumesAt, it.GraceEndsAt = false, nil, nil
	it.say(c)
	it.void, it.syncGrants = true, why != CustomerDeleted
	w.forget(it)
	return it.happen(why)
}

// pause schedules a pause, or takes that back.
func (it *item) pause(p *Pause) error {
	if !p.AtPeriodEnd {
		if !it.PauseAtPeriodEnd || !it.can(PauseDropped) {
			return fault.NoScheduledPause.New()
		}
		it.PauseAtPeriodEnd, it.ResumesAt = false, nil
		return it.happen(PauseDropped)
	}
	switch {
	case p.ResumesAt != nil && !p.ResumesAt.After(it.at):
		return past("SubscriptionPause", "resumes_at", *p.ResumesAt)
	case !it.can(PauseScheduled) || it.CancelAtPeriodEnd || it.PauseAtPeriodEnd || it.EndsAt != nil:
		return fault.CannotPauseSubscription.New()
	case p.ResumesAt != nil && !p.ResumesAt.After(it.CurrentPeriodEnd):
		return tooSoon(*p.ResumesAt)
	}
	it.PauseAtPeriodEnd, it.ResumesAt = true, p.ResumesAt
	return it.happen(PauseScheduled)
}

// billable are the subscriptions of customers that have not ended. Paused ones
// count: with their customer they end too, because nobody is left who could
// resume them.
func billable(customers ...id.ID) *db.W {
	return db.Where("ended_at IS NULL").In("customer_id", customers).In("status", []Status{Trialing, Active, PastDue, Paused})
}

// AskBillable asks who of customers has subscriptions that CancelAll would end.
func (s *Service) AskBillable(reads *db.Reads, org id.ID, customers []id.ID) *[]id.ID {
	w := billable(customers...).And("organization_id = ?", org)
	return db.Ask[id.ID](reads, `SELECT DISTINCT customer_id FROM subscriptions`+w.SQL(), w.Args()...)
}

// CancelAll ends everything that a customer is subscribed to at once, for the
// customer's deletion, in a bounded number of statements.
func (s *Service) CancelAll(ctx context.Context, tx *db.Tx, actor auth.Subject, org, customerID id.ID) error {
	rows, err := lockAll(ctx, tx, org, billable(customerID))
	if err != nil || len(rows) == 0 {
		return err
	}
	waiting, err := pendings(ctx, tx, []id.ID{org}, referred(rows).ids)
	if err != nil {
		return err
	}
	w := &work{s: s, tx: tx, actor: actor, org: org, customers: map[id.ID]customer.Row{}, pendings: waiting}
	for _, r := range rows {
		it := &item{Row: r, was: r, at: tx.Now()}
		if err := w.revoke(it, CustomerDeleted, Cause{}); err != nil {
			return err
		}
		w.items = append(w.items, it)
	}
	return w.finish(ctx)
}

// Erase removes what a customer has said in their own words.
func (s *Service) Erase(ctx context.Context, tx *db.Tx, org, customerID id.ID) error {
	err := db.Later(ctx, tx, `UPDATE subscriptions SET customer_cancellation_comment = NULL
		WHERE organization_id = ? AND customer_id = ? AND customer_cancellation_comment IS NOT NULL`, org, customerID)
	if err != nil {
		return fmt.Errorf("erase why a customer left: %w", err)
	}
	return nil
}

// latest is the later of two times.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
