package webhook

import (
	"context"
	"fmt"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

// Why the server itself switches an endpoint off.
const (
	reasonGone    = "gone"    // it answered 410
	reasonFailing = "failing" // nothing has arrived for days
)

// judgeTargets keeps count of how the targets fare, and switches off the
// endpoints that have been failing for too long.
func (s *Service) judgeTargets(ctx context.Context, tx *db.Tx, results []*result) error {
	keys, groups := sharing(results, func(r *result) (id.ID, bool) { return r.to.ID, r.sent })
	slices.Sort(keys) // whoever records beside us locks them in the same order
	for _, k := range keys {
		if err := s.judgeTarget(ctx, tx, groups[k]); err != nil {
			return fmt.Errorf("judge webhook target: %w", err)
		}
	}
	return nil
}

func (s *Service) judgeTarget(ctx context.Context, tx *db.Tx, results []*result) error {
	to, now := results[0].to, s.now()
	arrived, givenUps := false, 0
	for _, r := range results {
		r.hurry = false // the transaction may be a second try
		arrived = arrived || r.verdict == delivered
		if r.verdict == givenUp {
			givenUps++
		}
		if r.gone && to.TargetURL == nil {
			return s.disable(ctx, tx, r, reasonGone)
		}
	}
	if arrived {
		return recovered(ctx, tx, results[0])
	}
	health, err := worsen(ctx, tx, to, int64(len(results)), now)
	for _, r := range results {
		r.blocked = health.BlockedUntil
	}
	if err != nil || to.TargetURL != nil {
		return err
	}
	if now.Sub(health.FailingSince) >= disableAfter && health.Failures >= suspicious {
		return s.disable(ctx, tx, results[0], reasonFailing)
	}
	if givenUps == 0 {
		return nil
	}
	hopeless, err := onlyFailures(ctx, tx, to)
	if err != nil || !hopeless {
		return err
	}
	return s.disable(ctx, tx, results[0], reasonFailing)
}

// recovered clears the record of a target. After an outage all that waits for
// it is due at once: the delays were meant for the outage, and it is over.
func recovered(ctx context.Context, tx *db.Tx, r *result) error {
	if r.to.Failures == 0 {
		return nil
	}
	if _, err := db.Exec(ctx, tx, `UPDATE webhook_targets SET failures = 0, failing_since = NULL, blocked_until = NULL WHERE organization_id = ? AND id = ?`,
		r.to.OrganizationID, r.to.ID); err != nil {
		return err
	}
	r.hurry = r.to.Failures >= suspicious
	return nil
}

// hurry makes all that waits for a target due. It has a transaction of its own,
// after that of the record: whoever writes to lanes locks them in the order of
// their ids, which who holds some of them already could not. Should it not come
// to it, they are due at their time.
func (s *Service) hurry(ctx context.Context, to *destination) {
	err := s.DB.Write(ctx, func(tx *db.Tx) error {
		tx.TouchNothing()
		now := s.now()
		_, err := db.Exec(ctx, tx, `UPDATE webhook_lanes SET due_at = ? WHERE organization_id = ? AND target_id = ? AND lane IN (
			SELECT lane FROM webhook_lanes WHERE organization_id = ? AND target_id = ? AND pending > 0 AND lease IS NULL AND due_at > ? ORDER BY lane`+tx.ForUpdate()+`)`,
			now, to.OrganizationID, to.ID, to.OrganizationID, to.ID, now)
		return err
	})
	if err != nil {
		s.Logger.Error("webhooks: what waits could not be made due; it is sent later", "target", to.ID, "error", err)
	}
}

type health struct {
	Failures     int64
	FailingSince time.Time
	BlockedUntil time.Time `db:"-"`
}

// worsen counts failures. A target that has failed often is left alone for a
// while.
func worsen(ctx context.Context, tx *db.Tx, to *destination, by int64, now time.Time) (health, error) {
	h, err := db.One[health](ctx, tx, `UPDATE webhook_targets SET failures = failures + ?, failing_since = COALESCE(failing_since, ?)
		WHERE organization_id = ? AND id = ? RETURNING failures, failing_since`, by, now, to.OrganizationID, to.ID)
	if err != nil || h.Failures < suspicious {
		return h, err
	}
	h.BlockedUntil = now.Add(block(now.Sub(h.FailingSince)))
	_, err = db.Exec(ctx, tx, `UPDATE webhook_targets SET blocked_until = ? WHERE organization_id = ? AND id = ?`, h.BlockedUntil, to.OrganizationID, to.ID)
	return h, err
}

// onlyFailures says whether the last events that came to an end since the
// endpoint was switched on have all been given up.
func onlyFailures(ctx context.Context, tx *db.Tx, to *destination) (bool, error) {
	last, err := db.All[bool](ctx, tx, `SELECT e.succeeded FROM webhook_events e
		JOIN webhook_endpoints w ON w.organization_id = e.organization_id AND w.id = e.endpoint_id
		WHERE e.organization_id = ? AND e.endpoint_id = ? AND e.succeeded IS NOT NULL AND e.created_at >= w.enabled_at
		ORDER BY e.seq DESC LIMIT ?`, to.OrganizationID, to.EndpointID, streak)
	if err != nil || len(last) < streak {
		return false, err
	}
	for _, ok := range last {
		if ok {
			return false, nil
		}
	}
	return true, nil
}

// outdated says of an answer that it came from where the endpoint no longer is,
// or was asked for before it was switched on. A time that is still to come was
// written before the clock was put back.
func (r *result) outdated(e *Endpoint, now time.Time) bool {
	return r.to.URL != e.URL || r.at.Before(e.EnabledAt) && !e.EnabledAt.After(now)
}

// disable switches an endpoint off. What waits for it is skipped, and so is
// what happens from now on: kept, to be replayed when the endpoint is back.
func (s *Service) disable(ctx context.Context, tx *db.Tx, r *result, reason string) error {
	to := r.to
	e, err := byID(ctx, tx, []id.ID{to.OrganizationID}, to.EndpointID, tx.ForUpdate())
	if err != nil || !e.Enabled || r.outdated(&e, s.now()) {
		return ignoreMissing(err)
	}
	before, now := e, tx.Now()
	e.Enabled, e.DisabledReason, e.ModifiedAt = false, &reason, &now
	if err := saveEndpoint(ctx, tx, &e); err != nil {
		return err
	}
	record(tx, auth.NewSystem("webhooks"), "webhook_endpoint.disabled", &before, e, reason)
	r.hurry = true
	if err := s.notify(ctx, tx, &e, reason); err != nil {
		return fmt.Errorf("tell of a disabled webhook endpoint: %w", err)
	}
	tx.AfterCommit(func() {
		s.metrics.disabled.WithLabelValues(reason).Inc()
		s.Logger.Warn("a webhook endpoint was switched off, because nothing arrives there; what it misses is kept for a replay",
			"endpoint", to.EndpointID, "organization", to.OrganizationID, "reason", reason)
	})
	return nil
}
