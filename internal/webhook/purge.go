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
	before := tx.Now().Add(-s.Retention)
	// What waits to be sent is young, unless it is being sent again.
	n, err := db.Exec(ctx, tx, `UPDATE webhook_events SET payload = NULL WHERE seq IN (
		SELECT seq FROM webhook_events WHERE payload IS NOT NULL AND created_at < ? LIMIT ?)`, before, archived)
	if err != nil {
		return fmt.Errorf("archive webhook events: %w", err)
	}
	m, err := db.Exec(ctx, tx, `UPDATE webhook_deliveries SET response = NULL WHERE seq IN (
		SELECT seq FROM webhook_deliveries WHERE response IS NOT NULL AND created_at < ? LIMIT ?)`, before, archived)
	if err != nil {
		return fmt.Errorf("archive webhook deliveries: %w", err)
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

// ignoreMissing is for what concerns an endpoint that may be deleted by now.
func ignoreMissing(err error) error {
	if errors.Is(err, fault.NotFound.New()) {
		return nil
	}
	return err
}
