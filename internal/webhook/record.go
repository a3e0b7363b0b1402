package webhook

import (
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
// lanes and the targets, in one transaction. It answers those that it has left
// out, because their lanes are being written to.
func (s *Service) record(ctx context.Context, results []*result) (late []*result, err error) {
	var held []*result
	err = s.DB.Write(ctx, func(tx *db.Tx) (err error) {
		if held, late, err = holdLanes(ctx, tx, results); err != nil {
			return err
		}
		for _, step := range []func(context.Context, *db.Tx, []*result) error{
			leaveQueue, insertDeliveries, s.updateEvents, forgetAnswers, s.leaveLanes, s.countReplays, s.judgeTargets,
		} {
			if err := step(ctx, tx, held); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, r := range held {
		if r.hurry {
			s.hurry(ctx, r.to)
		}
	}
	for _, r := range late {
		r.late++
	}
	return late, nil
}

// maxLate is how often a result is set aside before it waits for its lane.
const maxLate = 100

// holding is what results share whose lanes are locked in one way.
type holding struct {
	target id.ID
	wait   bool
}

// holdLanes locks the lanes of results, and sets those results aside whose
// lane somebody else has locked: a transaction that takes long must not hold up
// all the others, and two must not wait for each other in a circle. SQLite has
// one writer.
func holdLanes(ctx context.Context, tx *db.Tx, results []*result) (held, busy []*result, err error) {
	if tx.SkipLocked() == "" {
		return results, nil, nil
	}
	keys, groups := sharing(results, func(r *result) (holding, bool) { return holding{r.to.ID, r.late > maxLate}, true })
	for _, k := range keys {
		lanes, lock := lanesOf(groups[k]), tx.SkipLocked()
		if k.wait {
			lock = tx.ForUpdate()
		}
		w := db.Where("target_id = ?", k.target).In("lane", lanes)
		free, err := db.All[id.ID](ctx, tx, `SELECT lane FROM webhook_lanes`+w.SQL()+lock, w.Args()...)
		if err != nil {
			return nil, nil, fmt.Errorf("hold webhook lanes: %w", err)
		}
		for _, r := range groups[k] {
			if k.wait || slices.Contains(free, r.Lane) {
				held = append(held, r)
			} else {
				busy = append(busy, r)
			}
		}
	}
	return held, busy, nil
}

func lanesOf(results []*result) []id.ID {
	lanes := make([]id.ID, len(results))
	for i, r := range results {
		lanes[i] = r.Lane
	}
	return lanes
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
// that is gone already was done by another, whose lease outlived ours.
func leaveQueue(ctx context.Context, tx *db.Tx, results []*result) error {
	var done, again []int64
	for _, r := range results {
		r.first = false // the transaction may be a second try
		if r.verdict == retried {
			again = append(again, r.Seq)
		} else {
			done = append(done, r.Seq)
		}
	}
	for _, c := range []struct {
		text string
		seqs []int64
	}{
		{`DELETE FROM webhook_queue WHERE `, done},
		{`UPDATE webhook_queue SET attempt = attempt + 1 WHERE `, again},
	} {
		if err := findRows(ctx, tx, results, c.text, c.seqs); err != nil {
			return fmt.Errorf("leave the webhook queue: %w", err)
		}
	}
	return nil
}

// findRows changes rows of the queue and marks the results whose row was there,
// one result for each: a machine that stood still may have sent an event twice.
func findRows(ctx context.Context, tx *db.Tx, results []*result, text string, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	in, args := db.InList("seq", seqs)
	rows, err := db.All[int64](ctx, tx, text+in+` RETURNING seq`, args...)
	if err != nil {
		return err
	}
	there := make(map[int64]bool, len(rows))
	for _, seq := range rows {
		there[seq] = true
	}
	for _, r := range results {
		if there[r.Seq] {
			r.first = true
			delete(there, r.Seq)
		}
	}
	return nil
}

func insertDeliveries(ctx context.Context, tx *db.Tx, results []*result) error {
	sent := slices.DeleteFunc(slices.Clone(results), func(r *result) bool { return !r.sent })
	var args []any
	for _, r := range sent {
		args = append(args, id.NewAt(r.at), r.OrganizationID, r.EndpointID, r.EventID, r.ReplayID, r.at, r.ok(), r.code, r.response, r.took.Microseconds())
	}
	err := db.InsertLater(ctx, tx, db.Into{Table: "webhook_deliveries",
		Columns: "id, organization_id, endpoint_id, event_id, replay_id, created_at, succeeded, http_code, response, took_us"}, args)
	if err != nil {
		return fmt.Errorf("insert webhook deliveries: %w", err)
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
		w := db.Where("organization_id = ?", k.org).In("id", eventsOf(groups[k]))
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

// forgetAnswers forgets what receivers answered about people who were erased
// while it was waiting: an answer may repeat what it was sent. The events are
// locked, so an erasure that comes now waits, and finds the answers itself.
func forgetAnswers(ctx context.Context, tx *db.Tx, results []*result) error {
	orgs, groups := sharing(results, func(r *result) (id.ID, bool) { return r.OrganizationID, r.response != nil })
	for _, org := range orgs {
		w := db.Where("organization_id = ?", org).In("id", eventsOf(groups[org]))
		elsewhere := func(r *result) bool { return r.to.TargetURL != nil } // whose events updateEvents leaves alone
		if slices.ContainsFunc(groups[org], elsewhere) {
			if err := db.Later(ctx, tx, `SELECT id FROM webhook_events`+w.SQL()+tx.ForUpdate(), w.Args()...); err != nil {
				return fmt.Errorf("lock webhook events: %w", err)
			}
		}
		w.And("erased")
		if err := db.Later(ctx, tx, `UPDATE webhook_deliveries SET response = NULL WHERE organization_id = ? AND response IS NOT NULL AND event_id IN (
			SELECT id FROM webhook_events`+w.SQL()+`)`, append([]any{org}, w.Args()...)...); err != nil {
			return fmt.Errorf("forget answers to webhooks: %w", err)
		}
	}
	return nil
}

func eventsOf(results []*result) []id.ID {
	ids := make([]id.ID, len(results))
	for i, r := range results {
		ids[i] = r.EventID
	}
	return ids
}

type laneLeft struct {
	Lane    id.ID
	Pending int64
}

// way is what results share when their lanes go on in the same way.
type way struct {
	target id.ID
	keep   bool
	turn   int // among the results of one lane: a statement takes one off each
}

// leaveLanes lets the next event of each lane come, or the same one later.
func (s *Service) leaveLanes(ctx context.Context, tx *db.Tx, results []*result) error {
	turns := map[laneKey]int{}
	keys, groups := sharing(results, func(r *result) (way, bool) {
		if !r.first || r.verdict == retried {
			return way{}, false
		}
		k := laneKey{r.to.ID, r.Lane}
		turns[k]++
		return way{r.to.ID, r.keep, turns[k]}, true
	})
	for _, k := range keys {
		if err := s.stepLanes(ctx, tx, k, groups[k]); err != nil {
			return err
		}
	}
	for _, r := range results {
		if !r.first || r.verdict != retried {
			continue
		}
		if err := db.Later(ctx, tx, `UPDATE webhook_lanes SET due_at = ?, lease = NULL WHERE target_id = ? AND lane = ?`,
			r.retry, r.to.ID, r.Lane); err != nil {
			return fmt.Errorf("put webhook lane off: %w", err)
		}
	}
	return nil
}

// stepLanes takes the events that are done off their lanes. A lane that is
// kept and has more stays leased.
func (s *Service) stepLanes(ctx context.Context, tx *db.Tx, k way, results []*result) error {
	set, args := `due_at = ?, lease = NULL`, []any{s.now()}
	if k.keep {
		set = `due_at = CASE WHEN pending > 1 THEN due_at ELSE ? END, lease = CASE WHEN pending > 1 THEN lease END`
	}
	w := db.Where("target_id = ?", k.target).In("lane", lanesOf(results))
	rows, err := db.All[laneLeft](ctx, tx, `UPDATE webhook_lanes SET pending = pending - 1, `+set+w.SQL()+` RETURNING lane, pending`, append(args, w.Args()...)...)
	if err != nil {
		return fmt.Errorf("leave webhook lanes: %w", err)
	}
	waiting := make(map[id.ID]int64, len(rows))
	for _, row := range rows {
		waiting[row.Lane] = row.Pending
	}
	for _, r := range results {
		r.waiting = waiting[r.Lane]
	}
	return nil
}

// goesOn says whether the lane is kept and has more.
func (r *result) goesOn() bool { return r.keep && r.waiting > 0 }

// follow finds what comes next in the lanes that go on, with the targets as
// they are by now. The lanes are leased, so no transaction is needed. Mostly it
// is known, because one transaction has written several events.
func (s *Service) follow(ctx context.Context, results []*result) error {
	targets, groups := sharing(results, func(r *result) (id.ID, bool) { return r.to.ID, true })
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
