package webhook

import (
	"cmp"
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"floe/internal/db"
	"floe/internal/id"
)

// laneKey is a lane's primary key.
type laneKey struct {
	TargetID id.ID
	Lane     id.ID
}

func (k laneKey) less(o laneKey) int {
	return cmp.Or(cmp.Compare(k.Lane, o.Lane), cmp.Compare(k.TargetID, o.TargetID))
}

// newcomers is what a transaction adds to a lane.
type newcomers struct {
	laneKey
	org    id.ID
	queued int64
	seq    int64 // of the last
	ours   bool  // an idle lane belongs to this process at once
}

// enterLanes counts the events into their lanes and finds, for each event, the
// customer's number of the one before it at the endpoint. It answers which of
// the lanes belong to this process now: they were idle, and their targets have
// room. Lanes are locked in one order, so that writers never wait for each
// other in a circle.
func (s *Service) enterLanes(ctx context.Context, tx *db.Tx, events []event, now time.Time) (ours map[laneKey]bool, err error) {
	lanes := map[laneKey]*newcomers{}
	room := map[id.ID]bool{}
	for i := range events {
		e := &events[i]
		k := e.key()
		n := lanes[k]
		if n == nil {
			if _, known := room[k.TargetID]; !known {
				room[k.TargetID] = s.hasRoom(&e.to.destination, now)
			}
			n = &newcomers{laneKey: k, org: e.entry.Organization, ours: room[k.TargetID]}
			lanes[k] = n
		}
		if e.to.Enabled {
			n.queued++
		}
		n.seq = e.entry.Seq
	}
	list := make([]*newcomers, 0, len(lanes))
	for _, n := range lanes {
		list = append(list, n)
	}
	sortLanes(list)
	entered, err := s.upsertLanes(ctx, tx, list, now)
	if err != nil {
		return nil, err
	}
	before, ours := map[laneKey]int64{}, map[laneKey]bool{}
	for k, l := range entered {
		before[k] = l.PreviousSeq
		ours[k] = lanes[k].ours && l.Pending == lanes[k].queued
	}
	for i := range events {
		e := &events[i]
		e.previous, before[e.key()] = before[e.key()], e.entry.Seq
	}
	return ours, nil
}

func sortLanes(list []*newcomers) {
	slices.SortFunc(list, func(a, b *newcomers) int { return a.less(b.laneKey) })
}

// entered is a lane that events were added to.
type entered struct {
	laneKey
	PreviousSeq int64 // the last number that it had before
	Pending     int64
}

// upsertLanes adds to lanes. One that has something to send keeps its time and
// its lease: it may be waiting, or be worked on.
func (s *Service) upsertLanes(ctx context.Context, tx *db.Tx, list []*newcomers, now time.Time) (map[laneKey]entered, error) {
	out := make(map[laneKey]entered, len(list))
	var args []any
	for _, n := range list {
		due, node := now, (*string)(nil)
		if n.ours {
			due, node = now.Add(lease), &s.node
		}
		args = append(args, n.org, n.TargetID, n.Lane, n.queued, due, node, n.seq, 0)
	}
	rows, err := db.InsertReturning[entered](ctx, tx, db.Into{Table: "webhook_lanes",
		Columns: "organization_id, target_id, lane, pending, due_at, lease, last_seq, previous_seq", Tail: `
		ON CONFLICT (target_id, lane) DO UPDATE SET
			due_at = CASE WHEN webhook_lanes.pending = 0 THEN excluded.due_at ELSE webhook_lanes.due_at END,
			lease = CASE WHEN webhook_lanes.pending = 0 THEN excluded.lease ELSE webhook_lanes.lease END,
			pending = webhook_lanes.pending + excluded.pending,
			previous_seq = webhook_lanes.last_seq,
			last_seq = excluded.last_seq
		RETURNING target_id, lane, previous_seq, pending`}, args)
	if err != nil {
		return nil, fmt.Errorf("enter webhook lanes: %w", err)
	}
	for _, r := range rows {
		out[r.laneKey] = r
	}
	return out, nil
}

func insertEvents(ctx context.Context, tx *db.Tx, events []event, now time.Time) error {
	var args []any
	for i := range events {
		e := &events[i]
		var customer *id.ID
		var seq, previous *int64
		if e.entry.Customer != "" {
			customer, seq, previous = &e.entry.Customer, &e.entry.Seq, &e.previous
		}
		args = append(args, e.id, e.entry.Organization, e.to.ID, e.lane(), customer, seq, previous, e.entry.Type, e.payload, now,
			!e.to.Enabled, 0, false)
	}
	err := db.InsertLater(ctx, tx, db.Into{Table: "webhook_events", Columns: `id, organization_id, endpoint_id, lane, customer_id, customer_seq, previous_seq,
		type, payload, created_at, skipped, attempts, erased`}, args)
	if err != nil {
		return fmt.Errorf("insert webhook events: %w", err)
	}
	return nil
}

// queued is a row of the queue on its way in.
type queued struct {
	org, target, lane, event id.ID
	replay                   *id.ID
	manual                   bool
	attempt                  int64
}

func insertQueue(ctx context.Context, tx *db.Tx, events []event) error {
	list := make([]queued, 0, len(events))
	for i := range events {
		if e := &events[i]; e.to.Enabled {
			list = append(list, queued{org: e.entry.Organization, target: e.to.ID, lane: e.lane(), event: e.id})
		}
	}
	seqs, err := enqueue(ctx, tx, list)
	for i := range events {
		events[i].seq = seqs[events[i].id]
	}
	return err
}

// enqueue answers the number that each event has got.
func enqueue(ctx context.Context, tx *db.Tx, list []queued) (map[id.ID]int64, error) {
	seqs := make(map[id.ID]int64, len(list))
	var args []any
	for _, q := range list {
		args = append(args, q.org, q.target, q.lane, q.event, q.replay, q.manual, q.attempt)
	}
	rows, err := db.InsertReturning[struct {
		EventID id.ID
		Seq     int64
	}](ctx, tx, db.Into{Table: "webhook_queue",
		Columns: "organization_id, target_id, lane, event_id, replay_id, manual, attempt", Tail: ` RETURNING event_id, seq`}, args)
	if err != nil {
		return nil, fmt.Errorf("queue webhook events: %w", err)
	}
	for _, r := range rows {
		seqs[r.EventID] = r.Seq
	}
	return seqs, nil
}

// laneFor is a lane apart from that of the events themselves: what is sent
// again does not hold up what is new. It is the same for the same words.
func laneFor(words ...id.ID) id.ID {
	h := sha256.New()
	for _, w := range words {
		h.Write([]byte(w))
	}
	sum := h.Sum(nil)
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80 // version 4, RFC variant
	x := fmt.Sprintf("%x", sum[:16])
	return id.ID(x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:])
}
