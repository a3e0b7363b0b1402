package subscription

import (
	"context"
	"time"

	"floe/internal/id"
)

// reach is how far a batch of a test clock can go before something has to
// happen that comes of what is in it: a subscription is due again, an order is
// to be paid, or a customer who was told of one time is to be told of another.
type reach struct {
	netDays int
	end     time.Time // zero while there is no end
	told    map[id.ID]time.Time
}

func (w *work) newReach(ctx context.Context) (r reach, err error) {
	if !w.tx.Clocked() {
		return r, nil
	}
	r.told = make(map[id.ID]time.Time, len(w.items))
	r.netDays, err = w.netDays(ctx)
	return r, err
}

// over says whether the batch ends before a subscription that was due at a time.
func (r *reach) over(it *item, due time.Time) bool {
	at, told := r.told[it.CustomerID]
	return told && !at.Equal(it.at) || !r.end.IsZero() && !due.Before(r.end)
}

// shorten makes the batch end where something comes of a step.
func (r *reach) shorten(it *item, due time.Time) {
	if r.told == nil {
		return
	}
	r.told[it.CustomerID] = it.at
	next := it.nextDue()
	if next != nil && (r.end.IsZero() || next.Before(r.end)) {
		r.end = *next
	}
	if pay := due.AddDate(0, 0, r.netDays); it.bill != nil && r.netDays > 0 && (r.end.IsZero() || pay.Before(r.end)) {
		r.end = pay
	}
}
