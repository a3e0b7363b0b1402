package db_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

func TestSignal(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		heard := func(c <-chan struct{}) bool {
			select {
			case <-c:
				return true
			case <-time.After(20 * time.Millisecond):
				return false
			}
		}
		write := func(fail error) error {
			return d.Write(ctx, func(tx *db.Tx) error {
				tx.Signal("news")
				return fail
			})
		}
		news, other := d.Signalled("news"), d.Signalled("other")
		if err := write(context.Canceled); !errors.Is(err, context.Canceled) || heard(news) {
			t.Errorf("a transaction that failed (%v) was heard of", err)
		}
		if err := write(nil); err != nil || !heard(news) {
			t.Errorf("a commit (%v) was not heard of", err)
		}
		if heard(other) || heard(d.Signalled("news")) {
			t.Error("heard of what was not signalled, or signalled before")
		}
	})
}
