package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"floe/internal/db"
	"floe/internal/fault"
)

// JobArchive clears payloads and answers that are too old to be kept.
const JobArchive = "webhooks.archive"

// archived is how many rows are cleared in one transaction.
const archived = 1000

// Midnight is the next one after a time, in UTC.
func Midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour) }

// Archive is the job that clears one piece. It comes again at once while there
// is more, and else the next midnight.
func (s *Service) Archive(ctx context.Context, tx *db.Tx, _ json.RawMessage) error {
	tx.TouchNothing()
	before := tx.Now().Add(-s.Retention)
	// What waits may be old after a downtime, and is still to be sent.
	n, err := clearOld(ctx, tx, "webhook_events", "payload", ` AND NOT EXISTS (SELECT 1 FROM webhook_queue q
		WHERE q.lane = webhook_events.lane AND q.organization_id = webhook_events.organization_id AND q.event_id = webhook_events.id)`, before)
	if err != nil {
		return err
	}
	m, err := clearOld(ctx, tx, "webhook_deliveries", "response", "", before)
	if err != nil {
		return err
	}
	// Lanes of what was sent again are not needed any more; those of customers
	// remember the last number.
	if _, err := db.Exec(ctx, tx, `DELETE FROM webhook_lanes WHERE pending = 0 AND last_seq = 0 AND due_at < ?`, tx.Now().Add(-time.Hour)); err != nil {
		return fmt.Errorf("clear webhook lanes: %w", err)
	}
	next := Midnight(tx.Now())
	if n == archived || m == archived {
		next = tx.Now()
	}
	return s.Jobs.Schedule(ctx, tx, JobArchive, next)
}

// clearOld clears a column of one piece of the rows that are older than a time,
// but for some, and answers how many they were. They are found first: PostgreSQL would read
// all rows to update the thousand that it expects.
func clearOld(ctx context.Context, tx *db.Tx, table, column, but string, before time.Time) (int, error) {
	old, err := db.All[int64](ctx, tx, `SELECT seq FROM `+table+` WHERE `+column+` IS NOT NULL AND created_at < ?`+but+` ORDER BY created_at LIMIT ?`, before, archived)
	if err != nil {
		return 0, fmt.Errorf("find what is to be archived of %s: %w", table, err)
	}
	if len(old) > 0 {
		w := db.Where("").In("seq", old)
		if _, err := db.Exec(ctx, tx, `UPDATE `+table+` SET `+column+` = NULL`+w.SQL(), w.Args()...); err != nil {
			return 0, fmt.Errorf("archive %s: %w", table, err)
		}
	}
	return len(old), nil
}

// ignoreMissing is for what concerns an endpoint that may be deleted by now.
func ignoreMissing(err error) error {
	if errors.Is(err, fault.NotFound.New()) {
		return nil
	}
	return err
}
