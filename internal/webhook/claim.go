package webhook

import (
	"context"
	"errors"
	"fmt"
	"time"

	"floe/internal/db"
	"floe/internal/id"
)

// lease is how long a lane belongs to the process that claimed it, unless that
// renews it: what a killed process had in hand is taken up after this time.
const lease = 10 * time.Second

// destination is a target with what is needed to send there.
type destination struct {
	ID             id.ID
	OrganizationID id.ID
	EndpointID     id.ID
	TargetURL      *string
	URL            string
	Secret         string
	OldSecret      *string
	OldSecretUntil *time.Time
	Enabled        bool
	Failures       int64
	FailingSince   *time.Time
	BlockedUntil   *time.Time
}

func (d *destination) url() string {
	if d.TargetURL != nil {
		return *d.TargetURL
	}
	return d.URL
}

// off says whether nothing is to be sent. Deleting leaves an endpoint enabled:
// what was queued is still sent.
func (d *destination) off() bool { return !d.Enabled && d.TargetURL == nil }

func (d *destination) blocked(now time.Time) bool {
	return d.BlockedUntil != nil && d.BlockedUntil.After(now) && !d.off()
}

// task is the first event of a lane, to be sent.
type task struct {
	to *destination

	Seq            int64 // of the row in the queue
	Lane           id.ID
	ReplayID       *id.ID
	Manual         bool
	Attempt        int64 // how often it was tried for this row
	EventID        id.ID
	OrganizationID id.ID
	EndpointID     id.ID
	CustomerSeq    *int64
	PreviousSeq    *int64
	Type           string
	Payload        *string
	CreatedAt      time.Time
	Succeeded      *bool
	Attempts       int64 // in all
}

const taskColumns = `q.seq, q.lane, q.replay_id, q.manual, q.attempt, e.id AS event_id, e.organization_id, e.endpoint_id, e.customer_seq,
	e.previous_seq, e.type, e.payload, e.created_at, e.succeeded, e.attempts`

// claim leases lanes of a target that are due, at most so many, and answers
// the first event of each.
func (s *Service) claim(ctx context.Context, target id.ID, most int) (tasks []*task, to *destination, err error) {
	now := s.now()
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		tasks = nil
		if to, err = findDestination(ctx, tx, target); err != nil || to == nil || to.blocked(now) {
			return err
		}
		if to.Failures >= suspicious && !to.off() {
			most = 1 // one probe, until something arrives
		}
		lanes, err := db.All[id.ID](ctx, tx, `UPDATE webhook_lanes SET due_at = ?, lease = ?
			WHERE target_id = ? AND lane IN (
				SELECT lane FROM webhook_lanes WHERE target_id = ? AND pending > 0 AND due_at <= ? ORDER BY due_at LIMIT ?`+tx.SkipLocked()+`)
			RETURNING lane`, now.Add(lease), s.node, target, target, now, most)
		if err != nil || len(lanes) == 0 {
			return err
		}
		tasks, err = heads(ctx, tx, to, lanes)
		return err
	})
	return tasks, to, err
}

func findDestination(ctx context.Context, q db.Querier, target id.ID) (*destination, error) {
	d, err := db.One[destination](ctx, q, `SELECT t.id, t.organization_id, t.endpoint_id, t.url AS target_url, e.url, e.secret, e.old_secret,
			e.old_secret_until, e.enabled, t.failures, t.failing_since, t.blocked_until
		FROM webhook_targets t JOIN webhook_endpoints e ON e.organization_id = t.organization_id AND e.id = t.endpoint_id
		WHERE t.id = ?`, target)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find webhook target: %w", err)
	}
	return &d, nil
}

// heads reads the first event of each lane. A lane whose count is wrong, which
// no known way leads to, is put right.
func heads(ctx context.Context, tx *db.Tx, to *destination, lanes []id.ID) ([]*task, error) {
	w := db.Where("l.target_id = ?", to.ID).In("l.lane", lanes).And("e.organization_id = ?", to.OrganizationID)
	rows, err := db.All[task](ctx, tx, `SELECT `+taskColumns+` FROM webhook_lanes l
		JOIN webhook_queue q ON q.seq = (SELECT MIN(h.seq) FROM webhook_queue h WHERE h.target_id = l.target_id AND h.lane = l.lane)
		JOIN webhook_events e ON e.organization_id = q.organization_id AND e.id = q.event_id`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read webhook queue: %w", err)
	}
	tasks := make([]*task, len(rows))
	found := map[id.ID]bool{}
	for i := range rows {
		rows[i].to = to
		tasks[i], found[rows[i].Lane] = &rows[i], true
	}
	for _, lane := range lanes {
		if found[lane] {
			continue
		}
		if _, err := db.Exec(ctx, tx, `UPDATE webhook_lanes SET lease = NULL, pending = (
			SELECT COUNT(*) FROM webhook_queue q WHERE q.target_id = webhook_lanes.target_id AND q.lane = webhook_lanes.lane)
			WHERE target_id = ? AND lane = ?`, to.ID, lane); err != nil {
			return nil, fmt.Errorf("correct webhook lane: %w", err)
		}
	}
	return tasks, nil
}

// renew keeps the leases of lanes that take long.
func (s *Service) renew(ctx context.Context, target id.ID, lanes []id.ID) error {
	w := db.Where("target_id = ?", target).And("lease = ?", s.node).In("lane", lanes)
	args := append([]any{s.now().Add(lease)}, w.Args()...)
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `UPDATE webhook_lanes SET due_at = ?`+w.SQL(), args...)
		return err
	})
}

// due is a target that has something to send, and when.
type due struct {
	TargetID id.ID
	DueAt    time.Time
}

// look finds every target that has something to send. The cost is that of one
// step in an index for each, however much is waiting there.
func (s *Service) look(ctx context.Context) ([]due, error) {
	return db.All[due](ctx, s.DB, `WITH RECURSIVE t (id) AS (
			SELECT (SELECT target_id FROM webhook_lanes WHERE pending > 0 ORDER BY target_id LIMIT 1)
			UNION ALL
			SELECT (SELECT l.target_id FROM webhook_lanes l WHERE l.pending > 0 AND l.target_id > t.id ORDER BY l.target_id LIMIT 1)
			FROM t WHERE t.id IS NOT NULL
		)
		SELECT id AS target_id, (SELECT MIN(l.due_at) FROM webhook_lanes l WHERE l.pending > 0 AND l.target_id = t.id) AS due_at
		FROM t WHERE id IS NOT NULL`)
}

// orphans frees what an earlier process has left, where no other process can
// be at work: a SQLite file belongs to one server.
func (s *Service) orphans(ctx context.Context) error {
	if s.DB.Engine() != "sqlite" {
		return nil
	}
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `UPDATE webhook_lanes SET due_at = ?, lease = NULL WHERE pending > 0 AND lease IS NOT NULL AND lease <> ?`,
			s.now(), s.node)
		return err
	})
}
