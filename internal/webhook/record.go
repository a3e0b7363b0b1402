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
// targets, and last the lanes, because writers wait for those, in one
// transaction. It answers those whose lanes are being written to: all of it but
// the lane's own step is done, and that is to be recorded once more. Whatever
// happens before, the lane stays with this process or is found with a count
// that is put right.
func (s *Service) record(ctx context.Context, results []*result) (late []*result, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		tx.TouchNothing()
		fresh := slices.DeleteFunc(slices.Clone(results), func(r *result) bool { return r.late > 0 })
		for _, step := range []func(context.Context, *db.Tx, []*result) error{
			leaveQueue, insertDeliveries, s.updateEvents, s.countReplays, s.judgeTargets,
		} {
			if err := step(ctx, tx, fresh); err != nil {
				return err
			}
		}
		late, err = s.leaveLanes(ctx, tx, results)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, r := range late {
		r.late++
	}
	if err := s.follow(ctx, results); err != nil { // the leases run out, and somebody claims the lanes
		s.Logger.Error("webhooks: what follows could not be read; it is sent a little later", "error", err)
	}
	return late, nil
}

// maxLate is how often the step of a lane is put off before it waits for its
// turn.
const maxLate = 100

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
		if err := db.Later(ctx, tx, `UPDATE webhook_queue SET attempt = attempt + 1 WHERE `+in, args...); err != nil {
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
		err := db.Later(ctx, tx, `INSERT INTO webhook_deliveries (id, organization_id, endpoint_id, event_id, replay_id, created_at, succeeded,
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
		if err := db.Later(ctx, tx, `UPDATE webhook_events SET `+set+w.SQL(), append(args, w.Args()...)...); err != nil {
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

// leaveLanes lets the next event of each lane come, or the same one later. It
// answers those that it has left out, because somebody has locked their lane: a
// transaction that takes long must not hold up all the others, and two must not
// wait for each other in a circle.
func (s *Service) leaveLanes(ctx context.Context, tx *db.Tx, results []*result) (late []*result, err error) {
	list := slices.Clone(results)
	slices.SortFunc(list, func(a, b *result) int {
		return cmp.Or(cmp.Compare(a.to.ID, b.to.ID), cmp.Compare(a.Lane, b.Lane))
	})
	keys, groups := sharing(list, func(r *result) (way, bool) { return way{r.to.ID, r.keep, r.late > maxLate}, r.left })
	for _, k := range keys {
		busy, err := s.stepLanes(ctx, tx, k, groups[k])
		if err != nil {
			return nil, err
		}
		late = append(late, busy...)
	}
	for _, r := range list {
		if r.verdict != retried {
			continue
		}
		w := free(tx, r.to.ID, []id.ID{r.Lane}, r.late > maxLate)
		n, err := db.Exec(ctx, tx, `UPDATE webhook_lanes SET due_at = ?, lease = NULL`+w.SQL(), append([]any{r.retry}, w.Args()...)...)
		if err != nil {
			return nil, fmt.Errorf("put webhook lane off: %w", err)
		}
		if n == 0 && mayBeLate(tx, r.late > maxLate) {
			late = append(late, r)
		}
	}
	return late, nil
}

// mayBeLate says whether a lane that was not stepped is locked, and not gone.
func mayBeLate(tx *db.Tx, waited bool) bool { return tx.SkipLocked() != "" && !waited }

// free is the condition for those of a target's lanes that nobody has locked,
// or for all, once they are free.
func free(tx *db.Tx, target id.ID, lanes []id.ID, wait bool) *db.W {
	w := db.Where("target_id = ?", target).In("lane", lanes)
	if mayBeLate(tx, wait) {
		return db.Where("target_id = ?", target).And("lane IN (SELECT lane FROM webhook_lanes"+w.SQL()+tx.SkipLocked()+")", w.Args()...)
	}
	return w
}

// way is what results share when their lanes go on in the same way.
type way struct {
	target id.ID
	keep   bool
	wait   bool
}

// stepLanes takes the events that are done off their lanes. A lane that is
// kept and has more stays leased.
func (s *Service) stepLanes(ctx context.Context, tx *db.Tx, k way, results []*result) (late []*result, err error) {
	now := s.now()
	lanes := make([]id.ID, len(results))
	for i, r := range results {
		lanes[i] = r.Lane
	}
	set, args := `due_at = ?, lease = NULL`, []any{now}
	if k.keep {
		set = `due_at = CASE WHEN pending > 1 THEN due_at ELSE ? END, lease = CASE WHEN pending > 1 THEN lease END`
	}
	w := free(tx, k.target, lanes, k.wait)
	rows, err := db.All[laneLeft](ctx, tx, `UPDATE webhook_lanes SET pending = pending - 1, `+set+w.SQL()+` RETURNING lane, pending`, append(args, w.Args()...)...)
	if err != nil {
		return nil, fmt.Errorf("leave webhook lanes: %w", err)
	}
	waiting := make(map[id.ID]int64, len(rows))
	for _, row := range rows {
		waiting[row.Lane] = row.Pending
	}
	for _, r := range results {
		n, stepped := waiting[r.Lane]
		if r.waiting = n; !stepped && mayBeLate(tx, k.wait) {
			late = append(late, r)
		}
	}
	return late, nil
}

// follow finds what comes next in the lanes that are kept, with the targets as
// they are by now. The lanes are leased, so no transaction is needed. Mostly it
// is known, because one transaction has written several events.
func (s *Service) follow(ctx context.Context, results []*result) error {
	targets, groups := sharing(results, func(r *result) (id.ID, bool) { return r.to.ID, r.keep && r.waiting > 0 })
	if len(targets) == 0 {
		return nil
	}
	found, err := findDestinations(ctx, s.DB, targets...)
	if err != nil {
		return err
	}
	for _, target := range targets {
		if to := found[target]; to != nil {
			if err := s.nextOf(ctx, to, groups[target]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Service) nextOf(ctx context.Context, to *destination, results []*result) error {
	unknown := map[id.ID]*result{}
	var lanes []id.ID
	for _, r := range results {
		r.waiting = 0
		r.next = r.behind
		for _, t := range r.next {
			t.to = to
		}
		if len(r.next) == 0 {
			unknown[r.Lane] = r
			lanes = append(lanes, r.Lane)
		}
	}
	if len(lanes) == 0 {
		return nil
	}
	tasks, err := firstTasks(ctx, s.DB, to, lanes)
	for _, t := range tasks {
		unknown[t.Lane].next = []*task{t}
	}
	return err
}
