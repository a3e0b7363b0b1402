package webhook

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"floe/internal/db"
	"floe/internal/id"
)

// maxRecorded bounds how many results share a transaction.
const maxRecorded = 128

// record writes down how attempts went: the log, the events, the queue, the
// lanes and the targets, in one transaction.
func (s *Service) record(ctx context.Context, results []*result) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		for _, step := range []func(context.Context, *db.Tx, []*result) error{
			leaveQueue, insertDeliveries, s.updateEvents, s.leaveLanes, s.countReplays, s.judgeTargets, nextOfLanes,
		} {
			if err := step(ctx, tx, results); err != nil {
				return err
			}
		}
		return nil
	})
}

// sharing groups what is equal, so that it takes one statement; groups come in
// the order of their first member.
func sharing[K comparable](results []*result, key func(*result) (K, bool)) (keys []K, groups map[K][]*result) {
	groups = map[K][]*result{}
	for _, r := range results {
		k, ok := key(r)
		if !ok {
			continue
		}
		if groups[k] == nil {
			keys = append(keys, k)
		}
		groups[k] = append(groups[k], r)
	}
	return keys, groups
}

// leaveQueue removes what is done and counts the tries of what is not. A row
// that is gone already was done by another process, whose lease outlived ours.
func leaveQueue(ctx context.Context, tx *db.Tx, results []*result) error {
	var done, again []int64
	for _, r := range results {
		if r.verdict == retried {
			again = append(again, r.Seq)
		} else {
			done = append(done, r.Seq)
		}
	}
	if len(again) > 0 {
		in, args := db.InList("seq", again)
		if _, err := db.Exec(ctx, tx, `UPDATE webhook_queue SET attempt = attempt + 1 WHERE `+in, args...); err != nil {
			return fmt.Errorf("count webhook attempts: %w", err)
		}
	}
	if len(done) == 0 {
		return nil
	}
	in, args := db.InList("seq", done)
	gone, err := db.All[int64](ctx, tx, `DELETE FROM webhook_queue WHERE `+in+` RETURNING seq`, args...)
	if err != nil {
		return fmt.Errorf("leave the webhook queue: %w", err)
	}
	for _, r := range results {
		r.left = slices.Contains(gone, r.Seq)
	}
	return nil
}

func insertDeliveries(ctx context.Context, tx *db.Tx, results []*result) error {
	const width = 10
	sent := slices.DeleteFunc(slices.Clone(results), func(r *result) bool { return !r.sent })
	for from, to := range db.Pieces(len(sent)) {
		args := make([]any, 0, width*(to-from))
		for _, r := range sent[from:to] {
			args = append(args, id.NewAt(r.at), r.OrganizationID, r.EndpointID, r.EventID, r.ReplayID, r.at, r.ok(), r.code, r.response, r.took.Microseconds())
		}
		_, err := db.Exec(ctx, tx, `INSERT INTO webhook_deliveries (id, organization_id, endpoint_id, event_id, replay_id, created_at, succeeded,
			http_code, response, took_us) VALUES `+db.Values(to-from, width), args...)
		if err != nil {
			return fmt.Errorf("insert webhook deliveries: %w", err)
		}
	}
	return nil
}

// fate is what is written about events; those that share one share a statement.
type fate struct {
	org     id.ID
	verdict verdict
	code    int64
}

// updateEvents leaves alone what went to another address: that says nothing
// about the endpoint.
func (s *Service) updateEvents(ctx context.Context, tx *db.Tx, results []*result) error {
	keys, groups := sharing(results, func(r *result) (fate, bool) {
		k := fate{org: r.OrganizationID, verdict: r.verdict}
		if r.code != nil {
			k.code = *r.code
		}
		return k, r.verdict != dropped && r.to.TargetURL == nil
	})
	for _, k := range keys {
		ids := make([]id.ID, len(groups[k]))
		for i, r := range groups[k] {
			ids[i] = r.EventID
		}
		w := db.Where("organization_id = ?", k.org).In("id", ids)
		set, args := k.set(s.now())
		if _, err := db.Exec(ctx, tx, `UPDATE webhook_events SET `+set+w.SQL(), append(args, w.Args()...)...); err != nil {
			return fmt.Errorf("update webhook events: %w", err)
		}
	}
	return nil
}

// forgotten is the payload of a person who was erased while it was waiting.
const forgotten = `, payload = CASE WHEN erased THEN NULL ELSE payload END`

func (k fate) set(now time.Time) (string, []any) {
	var code *int64
	if k.code != 0 {
		code = &k.code
	}
	switch k.verdict {
	case skipped:
		return `skipped = TRUE, modified_at = ?` + forgotten, []any{now}
	case delivered:
		return `succeeded = TRUE, skipped = FALSE, attempts = attempts + 1, last_http_code = ?, modified_at = ?` + forgotten, []any{code, now}
	case givenUp: // a failed redelivery does not undo what arrived
		return `succeeded = COALESCE(succeeded, FALSE), skipped = FALSE, attempts = attempts + 1, last_http_code = ?, modified_at = ?` + forgotten, []any{code, now}
	}
	return `skipped = FALSE, attempts = attempts + 1, last_http_code = ?, modified_at = ?`, []any{code, now}
}

type laneLeft struct {
	Lane    id.ID
	Pending int64
}

// leaveLanes lets the next event of each lane come, or the same one later.
func (s *Service) leaveLanes(ctx context.Context, tx *db.Tx, results []*result) error {
	list := slices.Clone(results)
	slices.SortFunc(list, func(a, b *result) int {
		return cmp.Or(cmp.Compare(a.to.ID, b.to.ID), cmp.Compare(a.Lane, b.Lane))
	})
	if err := s.stepLanes(ctx, tx, list); err != nil {
		return err
	}
	for _, r := range list {
		if r.verdict != retried {
			continue
		}
		if _, err := db.Exec(ctx, tx, `UPDATE webhook_lanes SET due_at = ?, lease = NULL WHERE target_id = ? AND lane = ?`,
			r.retry, r.to.ID, r.Lane); err != nil {
			return fmt.Errorf("put webhook lane off: %w", err)
		}
	}
	return nil
}

// way is what results share when their lanes go on in the same way.
type way struct {
	target id.ID
	keep   bool
}

// stepLanes takes the events that are done off their lanes. A lane that is
// kept and has more stays leased.
func (s *Service) stepLanes(ctx context.Context, tx *db.Tx, list []*result) error {
	now := s.now()
	keys, groups := sharing(list, func(r *result) (way, bool) { return way{r.to.ID, r.keep}, r.left })
	for _, k := range keys {
		lanes := make([]id.ID, len(groups[k]))
		for i, r := range groups[k] {
			lanes[i] = r.Lane
		}
		set, args := `due_at = ?, lease = NULL`, []any{now}
		if k.keep {
			set = `due_at = CASE WHEN pending > 1 THEN due_at ELSE ? END, lease = CASE WHEN pending > 1 THEN lease END`
		}
		w := db.Where("target_id = ?", k.target).In("lane", lanes)
		rows, err := db.All[laneLeft](ctx, tx, `UPDATE webhook_lanes SET pending = pending - 1, `+set+w.SQL()+` RETURNING lane, pending`, append(args, w.Args()...)...)
		if err != nil {
			return fmt.Errorf("leave webhook lanes: %w", err)
		}
		waiting := make(map[id.ID]int64, len(rows))
		for _, row := range rows {
			waiting[row.Lane] = row.Pending
		}
		for _, r := range groups[k] {
			r.waiting, r.next = waiting[r.Lane], nil
		}
	}
	return nil
}

// nextOfLanes reads what follows in the lanes that are kept, with the target
// as it is by now.
func nextOfLanes(ctx context.Context, tx *db.Tx, results []*result) error {
	keys, groups := sharing(results, func(r *result) (id.ID, bool) { return r.to.ID, r.left && r.keep && r.waiting > 0 })
	for _, target := range keys {
		to, err := findDestination(ctx, tx, target)
		if err != nil || to == nil {
			return err
		}
		lanes := make([]id.ID, len(groups[target]))
		for i, r := range groups[target] {
			lanes[i] = r.Lane
		}
		tasks, err := heads(ctx, tx, to, lanes)
		if err != nil {
			return err
		}
		byLane := make(map[id.ID]*task, len(tasks))
		for _, t := range tasks {
			byLane[t.Lane] = t
		}
		for _, r := range groups[target] {
			r.next, r.waiting = byLane[r.Lane], 0
		}
	}
	return nil
}
