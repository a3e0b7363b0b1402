package subscription

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/listing"
)

// Every SQL text about subscriptions that is not in a file of its own.

const columns = `id, organization_id, created_at, modified_at, customer_id, product_id, price_ids, status, amount, currency,
	collection_method, recurring_interval, recurring_interval_count, anchor_day, current_period_start, current_period_end,
	meter_interval, meter_interval_count, current_meter_period_start, current_meter_period_end, trial_start, trial_end,
	cancel_at_period_end, canceled_at, started_at, ends_at, ended_at, past_due_at, grace_ends_at, pause_at_period_end, paused_at,
	resumes_at, discount_id, discount_applied_at, checkout_id, seats, units, customer_cancellation_reason,
	customer_cancellation_comment, metadata, custom_field_data, clocked, due_at, held_until`

// fixed are the columns that never change after the insert.
const fixed = ` id organization_id created_at customer_id started_at checkout_id `

// save writes rows, new ones and others, in one statement for dozens: with all
// columns given, an insert that finds its row there is an update of many rows
// that both engines take.
var saveTail = func() string {
	var sets []string
	for c := range strings.SplitSeq(columns, ",") {
		if c = strings.TrimSpace(c); !strings.Contains(fixed, " "+c+" ") {
			sets = append(sets, c+" = excluded."+c)
		}
	}
	return ` ON CONFLICT (organization_id, id) DO UPDATE SET ` + strings.Join(sets, ", ")
}()

func save(ctx context.Context, tx *db.Tx, rows []*Row) error {
	var args []any
	for _, r := range rows {
		r.DueAt = r.nextDue()
		args = append(args, r.ID, r.OrganizationID, r.CreatedAt, r.ModifiedAt, r.CustomerID, r.ProductID, r.PriceIDs, string(r.Status),
			r.Amount, r.Currency, r.CollectionMethod, string(r.RecurringInterval), r.RecurringIntervalCount, r.AnchorDay,
			r.CurrentPeriodStart, r.CurrentPeriodEnd, r.MeterInterval, r.MeterIntervalCount, r.CurrentMeterPeriodStart,
			r.CurrentMeterPeriodEnd, r.TrialStart, r.TrialEnd, r.CancelAtPeriodEnd, r.CanceledAt, r.StartedAt, r.EndsAt, r.EndedAt,
			r.PastDueAt, r.GraceEndsAt, r.PauseAtPeriodEnd, r.PausedAt, r.ResumesAt, r.DiscountID, r.DiscountAppliedAt, r.CheckoutID,
			r.Seats, r.Units, r.CustomerCancellationReason, r.CustomerCancellationComment, r.Metadata, r.CustomFieldData,
			r.Clocked, r.DueAt, r.HeldUntil)
	}
	err := db.Insert(ctx, tx, db.Into{Table: "subscriptions", Columns: columns, Tail: saveTail}, args)
	if err != nil {
		return fmt.Errorf("save subscriptions: %w", err)
	}
	return nil
}

// nextDue is when the billing cycle has something to do with a subscription,
// nil when it never has. Whatever changes a row, its next date follows.
func (r *Row) nextDue() *time.Time {
	switch {
	case r.EndedAt != nil:
		return nil
	case r.Status == Paused:
		return r.ResumesAt
	case !r.Status.Billable():
		return nil
	}
	due := r.CurrentPeriodEnd
	for _, t := range []*time.Time{r.CurrentMeterPeriodEnd, r.GraceEndsAt} {
		if t != nil && t.Before(due) {
			due = *t
		}
	}
	return &due
}

// byID reads a subscription of some organizations.
func byID(ctx context.Context, q db.Querier, orgs []id.ID, subscription id.ID, lock string) (Row, error) {
	w := db.Where("id = ?", subscription).In("organization_id", orgs).And("started_at IS NOT NULL")
	r, err := db.One[Row](ctx, q, `SELECT `+columns+` FROM subscriptions`+w.SQL()+lock, w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return r, fault.NotFound.New()
	}
	if err != nil {
		return r, fmt.Errorf("read a subscription: %w", err)
	}
	return r, nil
}

// lockAll reads subscriptions of an organization that others must not change
// meanwhile. Their customers are locked already.
func lockAll(ctx context.Context, tx *db.Tx, org id.ID, w *db.W) ([]Row, error) {
	w.And("organization_id = ?", org)
	rows, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM subscriptions`+w.SQL()+` ORDER BY seq`+tx.ForUpdate(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("lock subscriptions: %w", err)
	}
	return rows, nil
}

// described says where filters look for the metadata of subscriptions.
var described = listing.Described{Table: "subscriptions", Metadata: "subscription_metadata", Owner: "subscription_id", Longest: listing.LongestText}

// indexMetadata fills the table that metadata filters look in. It has nothing of
// a subscription that has not begun, which no list shows: lists take their number
// from there.
func indexMetadata(ctx context.Context, tx *db.Tx, r *Row) error {
	if r.StartedAt == nil {
		return nil
	}
	return described.Insert(ctx, tx, described.Entries(nil, r.OrganizationID, r.ID, r.Metadata))
}

// hasClock says whether an organization lives by a test clock.
func hasClock(ctx context.Context, q db.Querier, org id.ID) (bool, error) {
	return db.Exists(ctx, q, `SELECT 1 FROM test_clocks WHERE organization_id = ?`, org)
}
