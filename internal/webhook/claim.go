package webhook

import (
	"context"
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
	return d.BlockedUntil != nil && blocks(*d.BlockedUntil, now) && !d.off()
}

// task is the first event of a lane, to be sent.
type task struct {
	to *destination
	queuedRow
	eventRow
}

// queuedRow is a row of the queue.
type queuedRow struct {
	Seq      int64
	Lane     id.ID
	EventID  id.ID
	ReplayID *id.ID
	Manual   bool
	Attempt  int64 // how often it was tried for this row
}

// eventRow is what sending needs to know of an event.
type eventRow struct {
	ID             id.ID
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

// claim leases lanes of a target that are due, at most so many, and answers
// the first event of each.
func (s *Service) claim(ctx context.Context, target id.ID, most int) (tasks []*task, to *destination, err error) {
	now := s.now()
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		tx.TouchNothing()
		tasks = nil
		found, err := findDestinations(ctx, tx, target)
		if to = found[target]; err != nil || to == nil || to.blocked(now) {
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

const destinationColumns = `t.id, t.organization_id, t.endpoint_id, t.url AS target_url, e.url, e.secret, e.old_secret,
	e.old_secret_until, e.enabled, t.failures, t.failing_since, t.blocked_until`

// findDestinations reads targets as they are now; those that are gone are not
// among them.
func findDestinations(ctx context.Context, q db.Querier, targets ...id.ID) (map[id.ID]*destination, error) {
	w := db.Where("").In("t.id", targets)
	list, err := db.All[destination](ctx, q, `SELECT `+destinationColumns+`
		FROM webhook_targets t JOIN webhook_endpoints e ON e.organization_id = t.organization_id AND e.id = t.endpoint_id`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("find webhook targets: %w", err)
	}
	out := make(map[id.ID]*destination, len(list))
	for i := range list {
		out[list[i].ID] = &list[i]
	}
	return out, nil
}

// heads reads the first event of each lane. A lane whose count is wrong is put
// right.
func heads(ctx context.Context, tx *db.Tx, to *destination, lanes []id.ID) ([]*task, error) {
	tasks, err := firstTasks(ctx, tx, to, lanes)
	if err != nil {
		return nil, err
	}
	found := map[id.ID]bool{}
	for _, t := range tasks {
		found[t.Lane] = true
	}
	for _, lane := range lanes {
		if found[lane] {
			continue
		}
		if _, err := db.Exec(ctx, tx, `UPDATE webhook_lanes SET lease = NULL, pending = (
			SELECT COUNT(*) FROM webhook_queue q WHERE q.target_id = webhook_lanes.target_id AND q.lane = webhook_lanes.lane)
			WHERE organization_id = ? AND target_id = ? AND lane = ?`, to.OrganizationID, to.ID, lane); err != nil {
			return nil, fmt.Errorf("correct webhook lane: %w", err)
		}
	}
	return tasks, nil
}

// firstTasks reads the first event of each lane that has one. It is no join, for
// which PostgreSQL, when it knows little of the tables, reads all of them.
func firstTasks(ctx context.Context, q db.Querier, to *destination, lanes []id.ID) ([]*task, error) {
	first, err := firstOf(ctx, q, to.ID, lanes)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	w := db.Where("organization_id = ?", to.OrganizationID).In("seq", first)
	rows, err := db.All[queuedRow](ctx, q, `SELECT seq, lane, event_id, replay_id, manual, attempt FROM webhook_queue`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read webhook queue: %w", err)
	}
	ids := make([]id.ID, len(rows))
	for i := range rows {
		ids[i] = rows[i].EventID
	}
	w = db.Where("organization_id = ?", to.OrganizationID).In("id", ids)
	events, err := db.All[eventRow](ctx, q, `SELECT id, organization_id, endpoint_id, customer_seq, previous_seq, type, payload, created_at, succeeded, attempts
		FROM webhook_events`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read webhook events: %w", err)
	}
	byID := make(map[id.ID]*eventRow, len(events))
	for i := range events {
		byID[events[i].ID] = &events[i]
	}
	tasks := make([]*task, 0, len(rows))
	for i := range rows {
		if e := byID[rows[i].EventID]; e != nil {
			tasks = append(tasks, &task{to: to, queuedRow: rows[i], eventRow: *e})
		}
	}
	return tasks, nil
}

// firstOf finds where in the queue each lane begins. The target is a range of
// one value so that the order needs the index of lanes: PostgreSQL likes to walk
// along the primary key for a first row, which is strewn with what has left the
// queue.
func firstOf(ctx context.Context, q db.Querier, target id.ID, lanes []id.ID) ([]int64, error) {
	w := db.Where("l.target_id = ?", target).In("l.lane", lanes)
	first, err := db.All[*int64](ctx, q, `SELECT (SELECT h.seq FROM webhook_queue h
			WHERE h.lane = l.lane AND h.target_id >= l.target_id AND h.target_id <= l.target_id ORDER BY h.target_id, h.seq LIMIT 1)
		FROM webhook_lanes l`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("find the first of webhook lanes: %w", err)
	}
	seqs := make([]int64, 0, len(first))
	for _, seq := range first {
		if seq != nil {
			seqs = append(seqs, *seq)
		}
	}
	return seqs, nil
}

// release gives lanes up that belong to this process and are not worked on.
func (s *Service) release(ctx context.Context, target id.ID, lanes []id.ID) error {
	w := db.Where("target_id = ?", target).And("lease = ?", s.node).In("lane", lanes)
	return s.giveUp(ctx, w)
}

// releaseAll gives up what this process has when it ends, so that others need
// not wait for the leases to run out.
func (s *Service) releaseAll(ctx context.Context) error {
	return s.giveUp(ctx, db.Where("pending > 0").And("lease = ?", s.node))
}

func (s *Service) giveUp(ctx context.Context, w *db.W) error {
	args := append([]any{s.now()}, w.Args()...)
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		tx.Signal(topic) // others may have room
		tx.TouchNothing()
		if _, err := db.Exec(ctx, tx, `UPDATE webhook_lanes SET due_at = ?, lease = NULL`+w.SQL(), args...); err != nil {
			return fmt.Errorf("release webhook lanes: %w", err)
		}
		return nil
	})
}

// renew keeps the leases of lanes that take long.
func (s *Service) renew(ctx context.Context, slow map[id.ID][]id.ID) error {
	if len(slow) == 0 {
		return nil
	}
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		for target, lanes := range slow {
			w := db.Where("target_id = ?", target).And("lease = ?", s.node).In("lane", lanes)
			args := append([]any{s.now().Add(lease), target}, w.Args()...)
			// One that somebody is writing to has its turn with the next renewal: who
			// writes to several would wait for us, and we for them.
			if err := db.Later(ctx, tx, `UPDATE webhook_lanes SET due_at = ? WHERE target_id = ? AND lane IN (
				SELECT lane FROM webhook_lanes`+w.SQL()+tx.SkipLocked()+`)`, args...); err != nil {
				return err
			}
		}
		return nil
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
		tx.TouchNothing()
		_, err := db.Exec(ctx, tx, `UPDATE webhook_lanes SET due_at = ?, lease = NULL WHERE pending > 0 AND lease IS NOT NULL AND lease <> ?`,
			s.now(), s.node)
		return err
	})
}
