package order

import "slices"

// Transition is one way from a status to another.
type Transition struct {
	From Status // "" for orders that do not exist yet
	To   Status
	On   string // what brings it about
}

// Transitions is every way that an order's status can go. Nothing here changes
// a status without asking this table, and the documentation's table is checked
// against it.
var Transitions = []Transition{
	{"", Draft, "a draft is created"},
	{"", Pending, "an order with something to pay is made"},
	{"", Void, "a payment came for what was given up before there was an order"},
	{"", Paid, "an order with nothing to pay is made"},
	{Draft, Pending, "it is finalized and is to be paid"},
	{Draft, Paid, "it is finalized and costs nothing"},
	{Pending, Draft, "the charge of its finalization fails"},
	{Pending, Paid, "payments reach what is due"},
	{Pending, Void, "its subscription is revoked, the last attempt at a payment for usage fails, or an operator gives it up"},
	{Void, Pending, "an operator takes it up again"},
	{Paid, PartiallyRefunded, "a part is given back"},
	{Paid, Refunded, "all is given back"},
	{PartiallyRefunded, PartiallyRefunded, "another part is given back"},
	{PartiallyRefunded, Refunded, "the rest is given back"},
	{PartiallyRefunded, Paid, "what was to be given back is not, after all"},
	{Refunded, PartiallyRefunded, "a part of what was to be given back is not, after all"},
	{Refunded, Paid, "what was to be given back is not, after all"},
}

// to changes the status. A way that is not in the table is a mistake of the
// program.
func (r *Row) to(next Status) {
	ok := slices.ContainsFunc(Transitions, func(t Transition) bool { return t.From == r.Status && t.To == next })
	if !ok {
		panic("order: no way from " + string(r.Status) + " to " + string(next))
	}
	r.Status = next
}
