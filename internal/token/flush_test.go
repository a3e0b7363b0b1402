package token_test

import (
	"testing"
	"testing/synctest"
	"time"

	"floe/internal/db/dbtest"
	"floe/internal/token"
)

// Uses are written after a while, together, and only when there are any.
func TestUsesAreFlushedNowAndThen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, dbtest.SQLite(t))
		org := b.organization("acme")
		one, oneClear := b.create(token.Request{OrganizationID: org})
		two, twoClear := b.create(token.Request{OrganizationID: org})
		b.good(b.tokens, oneClear)
		time.Sleep(10 * time.Second)
		b.good(b.tokens, twoClear)
		b.good(b.tokens, oneClear)
		writes := b.db.Stats().Writes
		time.Sleep(4 * time.Second)
		synctest.Wait()
		if lastUsed(b, one.ID) != nil {
			t.Error("written too early")
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if lastUsed(b, one.ID) == nil || lastUsed(b, two.ID) == nil {
			t.Error("not written")
		}
		if n := b.db.Stats().Writes - writes; n != 1 {
			t.Errorf("%d writes, want 1", n)
		}
	})
}
