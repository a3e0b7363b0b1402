package journal

import (
	"context"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

// Render answers the payload of an entry. It is called at the end of the
// transaction, and only when somebody wants to hear of the entry's type.
type Render func(ctx context.Context, tx *db.Tx) (any, error)

// Observer hears of everything that the journal records, in the transaction
// that records it. What fails in it fails the transaction.
type Observer interface {
	// Recording is called before the entries are numbered and written, when
	// nothing else of the transaction is left to do. It may add entries, which
	// come after the others, and may ask to be called once all are written.
	Recording(ctx context.Context, tx *db.Tx, entries []Entry) (more []Entry, written Written, err error)
	// Erased is called when a person is erased from the journal.
	Erased(ctx context.Context, tx *db.Tx, organization, customer id.ID) error
}

// Written gets the entries of a transaction with their numbers.
type Written func(ctx context.Context, tx *db.Tx, entries []Entry) error

// Observe makes an observer hear of all that is recorded in a database. One
// that is given under a name that is taken replaces the other. It is called
// while a server is put together, before anything is recorded.
func Observe(d *db.DB, name string, o Observer) {
	list := observerList{}
	if old, ok := d.Attached(observersKey{}).(observerList); ok {
		for _, x := range old {
			if x.name != name {
				list = append(list, x)
			}
		}
	}
	d.Attach(observersKey{}, append(list, namedObserver{name, o}))
}

type observersKey struct{}

type observerList []namedObserver

type namedObserver struct {
	name string
	Observer
}

func observers(tx *db.Tx) observerList {
	list, _ := tx.Attached(observersKey{}).(observerList)
	return list
}

// requestOf is the request that an addition comes of: that of its customer's last
// entry, where those of several requests are recorded together.
func (r *recorded) requestOf(e *Entry) string {
	for i := len(r.items) - 1; i >= 0; i-- {
		if r.items[i].Customer == e.Customer {
			return r.items[i].actor.RequestID
		}
	}
	return r.items[0].actor.RequestID
}

// consult asks the observers what they add. The system is the actor of that.
func (r *recorded) consult(ctx context.Context, tx *db.Tx) (told []Written, err error) {
	list := observers(tx)
	if len(list) == 0 {
		return nil, nil
	}
	entries := r.entries()
	for _, o := range list {
		more, written, err := o.Recording(ctx, tx, entries)
		if err != nil {
			return nil, err
		}
		if written != nil {
			told = append(told, written)
		}
		for i := range more {
			at := more[i].At
			if at.IsZero() {
				at = tx.Now()
			}
			r.items = append(r.items, pending{&more[i], auth.NewSystem(r.requestOf(&more[i])), at})
		}
	}
	return told, nil
}
