package subscription

import (
	"fmt"
	"slices"
)

// Event is what happens to a subscription.
type Event string

// The events.
const (
	Created         Event = "created"
	CreatedOnTrial  Event = "created on trial"
	PeriodEnded     Event = "period ended"
	EndReached      Event = "end reached"
	PauseReached    Event = "pause reached"
	PaymentOverdue  Event = "payment overdue"
	Recovered       Event = "recovered"
	PaymentGivenUp  Event = "payment given up"
	CancelScheduled Event = "cancel at period end"
	RevokedNow      Event = "revoke"
	Uncancel        Event = "uncancel"
	PauseScheduled  Event = "schedule pause"
	PauseDropped    Event = "drop pause"
	Resume          Event = "resume"
	TrialSet        Event = "set trial end"
	TrialEndedNow   Event = "end trial"
	CustomerDeleted Event = "customer deleted"
)

// Transition is a row of the state machine: what an event does to a
// subscription in one of some statuses.
type Transition struct {
	Event Event
	When  string   // what happens, for people
	From  []Status // none when there is no subscription yet
	To    Status   // empty when the status stays
	Does  string   // what else comes of it, for people
	Says  []string // what the journal is told beside subscription.updated
}

// Machine is every way from one status to another; there are no others.
// The documentation's table is this one.
var Machine = []Transition{
	{Created, "`POST /v1/subscriptions/`", nil, Active,
		"the period starts now; benefits granted; nothing is ordered of a free product, otherwise (`send_invoice`) an order is due", []string{"created", "active"}},
	{CreatedOnTrial, "`POST /v1/subscriptions/` with `send_invoice`, for a product with a trial", nil, Trialing,
		"the trial is the first period; an order of 0; benefits granted", []string{"created", "active"}},
	{PeriodEnded, "the trial ends", []Status{Trialing}, Active,
		"the anchor is the day of the trial's end; the discount's clock starts; the first bill", []string{"cycled"}},
	{PeriodEnded, "the period ends", []Status{Active}, Active,
		"the next period; an order", []string{"cycled"}},
	{PeriodEnded, "the period ends", []Status{PastDue}, PastDue,
		"the next period, and another order", []string{"cycled"}},
	{EndReached, "the period ends and a cancellation is scheduled", []Status{Trialing, Active, PastDue}, Canceled,
		"dates stay; benefits revoked; a last order only if something is still to be billed; other pending orders void", []string{"canceled", "revoked"}},
	{PauseReached, "the period ends and a pause is scheduled", []Status{Trialing, Active}, Paused,
		"dates stay; benefits revoked; no order", []string{"paused"}},
	{PaymentOverdue, "an order is not paid in time, for the first time", []Status{Trialing, Active}, PastDue,
		"benefits revoked, after the organization's grace period", []string{"past_due"}},
	{Recovered, "the overdue order is paid or given up, and no other is overdue", []Status{PastDue}, Active,
		"benefits granted", []string{"active"}},
	{PaymentGivenUp, "the last attempt at a payment has failed", []Status{Trialing, Active, PastDue, Paused}, Canceled,
		"benefits revoked; pending orders void", []string{"canceled", "revoked"}},
	{CancelScheduled, "`cancel_at_period_end: true`", []Status{Trialing, Active, PastDue}, "",
		"a scheduled pause is dropped", []string{"canceled"}},
	{RevokedNow, "`revoke: true`, or `DELETE`", []Status{Trialing, Active, PastDue, Paused}, Canceled,
		"ends now; benefits revoked; pending orders void", []string{"canceled", "revoked"}},
	{Uncancel, "`cancel_at_period_end: false`", []Status{Trialing, Active, PastDue}, "",
		"the end, its reason and its comment are cleared", []string{"uncanceled"}},
	{PauseScheduled, "`pause_at_period_end: true`", []Status{Active}, "",
		"`resumes_at` is kept", nil},
	{PauseDropped, "`pause_at_period_end: false`", []Status{Trialing, Active}, "",
		"`resumes_at` is cleared", nil},
	{Resume, "`resume: true`, or `resumes_at` is reached", []Status{Paused}, Active,
		"a new period from now, which is the new anchor; an order; benefits granted", []string{"resumed"}},
	{TrialSet, "`trial_end` after the period's end", []Status{Active}, Trialing,
		"the period ends with the trial; nothing is given back", nil},
	{TrialSet, "`trial_end`", []Status{Trialing}, Trialing,
		"the end of the trial and of the period move", nil},
	{TrialEndedNow, "`trial_end: \"now\"`, or a new product whose trial would be over", []Status{Trialing}, Active,
		"as when the trial ends by itself", []string{"cycled"}},
	{CustomerDeleted, "the customer is deleted", []Status{Trialing, Active, PastDue, Paused}, Canceled,
		"ends now; pending orders void; benefits are revoked with the customer", []string{"canceled", "revoked"}},
}

// transition finds the row for an event in a status.
func transition(e Event, from Status) (*Transition, bool) {
	for i := range Machine {
		t := &Machine[i]
		if t.Event == e && (t.From == nil && from == "" || slices.Contains(t.From, from)) {
			return t, true
		}
	}
	return nil, false
}

// can says whether an event means anything in the subscription's status.
func (r *Row) can(e Event) bool {
	_, ok := transition(e, r.Status)
	return ok
}

// happen moves an item along the machine. That the event is possible has been
// checked: anything else is a mistake of the program.
func (it *item) happen(e Event) error {
	t, ok := transition(e, it.Status)
	if !ok {
		return fmt.Errorf("subscription %s is %s: %q is impossible", it.ID, it.Status, e)
	}
	if t.To != "" {
		it.Status = t.To
	}
	it.says = append(it.says, t.Says...)
	return nil
}

// order of what the journal is told of one change.
var sayings = []string{"created", "cycled", "updated", "active", "paused", "resumed", "uncanceled", "past_due", "canceled", "revoked"}

// ordered are the types of a change's entries. A creation tells what it is
// before that it was updated.
func ordered(says []string) []string {
	if slices.Contains(says, "created") {
		return []string{"created", "active", "updated"}
	}
	out := make([]string, 0, len(says)+1)
	for _, s := range sayings {
		if s == "updated" || slices.Contains(says, s) {
			out = append(out, s)
		}
	}
	return out
}
