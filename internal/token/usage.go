package token

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"floe/internal/db"
	"floe/internal/id"
)

// flushEvery is how long a use of a token may wait to be recorded.
const flushEvery = 15 * time.Second

// flushTime bounds one attempt, so that a stopping server does not wait long
// for a database that is gone.
const flushTime = 5 * time.Second

// usage collects which tokens were used and writes that down now and then, so
// that no request waits for it. A server that nobody calls writes nothing.
type usage struct {
	db  *db.DB
	log *slog.Logger

	mu      sync.Mutex
	pending map[id.ID]time.Time
	timer   *time.Timer // runs while something is pending
	closed  bool

	flushing sync.Mutex
}

// mark notes a use.
func (u *usage) mark(token id.ID, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.pending == nil {
		u.pending = map[id.ID]time.Time{}
	}
	u.pending[token] = at
	if u.timer == nil && !u.closed {
		u.timer = time.AfterFunc(flushEvery, u.tick)
	}
}

func (u *usage) tick() {
	if err := u.flush(); err != nil {
		u.log.Warn("last use of tokens not recorded yet", "error", err)
	}
}

// flush records what is pending. What could not be written stays pending and
// goes with the next use.
func (u *usage) flush() error {
	u.flushing.Lock()
	defer u.flushing.Unlock()
	batch := u.take()
	if len(batch) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flushTime) // no request waits for it
	defer cancel()
	err := u.db.Write(ctx, func(tx *db.Tx) error {
		tx.TouchNothing()
		for _, token := range slices.Sorted(maps.Keys(batch)) { // one order on every node: no deadlock
			_, err := db.Exec(ctx, tx, `UPDATE tokens SET last_used_at = ? WHERE id = ? AND (last_used_at IS NULL OR last_used_at < ?)`,
				batch[token], token, batch[token])
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		u.putBack(batch)
		return fmt.Errorf("record the use of tokens: %w", err)
	}
	return nil
}

func (u *usage) take() map[id.ID]time.Time {
	u.mu.Lock()
	defer u.mu.Unlock()
	batch := u.pending
	u.pending = nil
	if u.timer != nil {
		u.timer.Stop()
		u.timer = nil
	}
	return batch
}

func (u *usage) putBack(batch map[id.ID]time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	maps.Copy(batch, u.pending) // what came in meanwhile is newer
	u.pending = batch
}

func (u *usage) close() error {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	return u.flush()
}
