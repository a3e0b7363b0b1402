package webhook

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"floe/internal/db"
	"floe/internal/id"
)

const (
	// pollEvery is how often the database is asked for what this process has not
	// heard of, and for what was put off for long.
	pollEvery = 2 * time.Second
	// signalGap is the least time between two looks at the database that others
	// ask for.
	signalGap = 20 * time.Millisecond
	// forgetAfter is how long a target is remembered that has nothing to do.
	forgetAfter = 30 * time.Second
	// gap is the least time between two claims for a target, and between two
	// records: under load each takes more along, at rest nobody waits.
	gap = 5 * time.Millisecond
	// maxFlying bounds the requests of a process that are under way.
	maxFlying = 1024
	// stopTime is how long requests under way have when the server stops.
	stopTime = 5 * time.Second
)

// run is the deliveries of one process, from start to stop.
type run struct {
	ctx     context.Context // ends when nothing new is to begin
	sending context.Context // ends when what is under way has to
	slots   chan struct{}
	claims  chan struct{} // bounds the claims at a time, each of which takes a connection
	results chan *result
	wait    sync.WaitGroup
}

// Run delivers until ctx ends, then waits a little for what is under way.
func (s *Service) Run(ctx context.Context) {
	sending, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	r := &run{
		ctx: ctx, sending: sending, slots: make(chan struct{}, maxFlying), claims: make(chan struct{}, 4), results: make(chan *result, maxRecorded),
	}
	if err := s.orphans(ctx); err != nil && ctx.Err() == nil {
		s.Logger.Error("webhooks: what an earlier process left could not be taken up at once", "error", err)
	}
	s.begin(r)
	var recorders sync.WaitGroup
	for range s.recorders() {
		recorders.Go(func() { s.recorder(r) })
	}
	s.poll(r)
	s.end()
	limit := time.AfterFunc(stopTime, cut)
	defer limit.Stop()
	r.wait.Wait()
	close(r.results)
	recorders.Wait()
	if err := s.releaseAll(context.WithoutCancel(ctx)); err != nil {
		s.Logger.Error("webhooks: what was not sent could not be given up; it waits until the leases end", "error", err)
	}
}

func (s *Service) begin(r *run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = r
}

func (s *Service) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running = nil
	clear(s.targets)
}

// topic is what a commit signals that leaves work to others.
const topic = "webhooks"

// poll looks for work when another process has some, and now and then, until
// the run ends.
func (s *Service) poll(r *run) {
	tick := time.NewTicker(s.Poll)
	defer tick.Stop()
	for {
		signalled := s.DB.Signalled(topic)
		s.survey(r)
		select {
		case <-r.ctx.Done():
			return
		case <-tick.C:
		case <-signalled:
			time.Sleep(signalGap)
		}
	}
}

// survey wakes the targets that have something to send, now or before the next
// survey, and renews the leases of what takes long.
func (s *Service) survey(r *run) {
	list, err := s.look(r.ctx)
	if err != nil {
		if r.ctx.Err() == nil {
			s.Logger.Error("webhooks: looking for work failed", "error", err)
		}
		return
	}
	now := s.now()
	for _, d := range list {
		s.wakeAt(d.TargetID, d.DueAt.Sub(now))
	}
	s.renewAll(r)
}

func (s *Service) renewAll(r *run) {
	s.mu.Lock()
	slow := map[id.ID][]id.ID{}
	for _, t := range s.targets {
		if lanes := t.slow(lease / 4); len(lanes) > 0 {
			slow[t.id] = lanes
		}
	}
	s.mu.Unlock()
	if err := s.renew(r.ctx, slow); err != nil && r.ctx.Err() == nil {
		s.Logger.Error("webhooks: leases could not be renewed; events may arrive twice", "error", err)
	}
}

// wakeAfter has targets looked at once a transaction is durable.
func (s *Service) wakeAfter(tx *db.Tx, targets ...id.ID) {
	if len(targets) == 0 {
		return
	}
	if !s.runs() {
		tx.Signal(topic) // for those who do the sending
	}
	tx.AfterCommit(func() {
		for _, t := range targets {
			s.wakeTarget(t)
		}
	})
}

// runs says whether this process sends.
func (s *Service) runs() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running != nil && s.running.ctx.Err() == nil
}

// wakeAt is wakeTarget after a while; a long one is left to the poll.
func (s *Service) wakeAt(target id.ID, in time.Duration) {
	switch {
	case in <= 0:
		s.wakeTarget(target)
	case in <= time.Minute:
		time.AfterFunc(in, func() { s.wakeTarget(target) })
	}
}

func (s *Service) wakeTarget(of id.ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.running
	if r == nil || r.ctx.Err() != nil {
		return
	}
	s.attended(r, of).notify()
}

// attended is a target that is looked after; s.mu is held.
func (s *Service) attended(r *run, of id.ID) *target {
	t := s.targets[of]
	if t == nil {
		t = newTarget(of)
		s.targets[of] = t
		r.wait.Go(func() { s.attend(r, t) })
	}
	return t
}

// attend looks after one target while there is something to do. Targets know
// nothing of each other: what one of them does costs the others nothing.
func (s *Service) attend(r *run, t *target) {
	rest := time.NewTimer(forgetAfter)
	defer rest.Stop()
	var last time.Time
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-t.wake:
			time.Sleep(gap - time.Since(last))
			s.fetch(r, t)
			last = time.Now()
			rest.Reset(forgetAfter)
		case <-rest.C:
			if s.forget(t) {
				return
			}
			rest.Reset(forgetAfter)
		}
	}
}

// forget lets a target go that has nothing to do, unless it was just woken.
func (s *Service) forget(t *target) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !t.idle() || len(t.wake) > 0 {
		return false
	}
	delete(s.targets, t.id)
	return true
}

// fetch claims what there is room for, and has it sent.
func (s *Service) fetch(r *run, t *target) {
	room := t.room(s.now())
	if room <= 0 {
		t.full()
		s.retryBlocked(t)
		return
	}
	r.claims <- struct{}{}
	tasks, to, err := s.claim(r.ctx, t.id, room)
	<-r.claims
	if err != nil {
		if r.ctx.Err() == nil {
			s.Logger.Error("webhooks: work could not be claimed", "endpoint", t.id, "error", err)
			s.wakeAt(t.id, time.Second)
		}
		return
	}
	t.claimed(len(tasks), room, to)
	for _, x := range tasks {
		s.launch(r, t, chain{[]*task{x}, time.Now()})
	}
	if len(tasks) == 0 {
		s.retryBlocked(t)
	}
}

// hasRoom says whether this process would send at once what a transaction is
// about to write for a target: then the lane is its own from the beginning, and
// nobody needs to claim it.
func (s *Service) hasRoom(to *destination, now time.Time) bool {
	if to.off() || to.blocked(now) || to.Failures >= suspicious {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == nil || s.running.ctx.Err() != nil {
		return false
	}
	t := s.targets[to.ID]
	return t == nil || t.welcomes(now)
}

// take sends from a lane that belongs to this process since it was written to.
func (s *Service) take(events []*task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.running
	if r == nil || r.ctx.Err() != nil {
		return // the lease is given up when the run has ended, or runs out
	}
	s.launch(r, s.attended(r, events[0].to.ID), chain{events, time.Now()})
}

// launch sends from a lane, now or when there is room.
func (s *Service) launch(r *run, t *target, c chain) {
	if t.launch(c) {
		r.wait.Go(func() { s.deliver(r, t, c) })
	}
}

// retryBlocked comes back to a target when it may be tried again.
func (s *Service) retryBlocked(t *target) {
	t.mu.Lock()
	blocked := t.blocked
	t.mu.Unlock()
	if now := s.now(); blocks(blocked, now) {
		s.wakeAt(t.id, blocked.Sub(now))
	}
}

// maxChain is how many events of a lane are sent before another lane has its
// turn.
const maxChain = 16

// deliver sends the first events of a lane, one after the other.
func (s *Service) deliver(r *run, t *target, c chain) {
	lane, more := c.lane(), false
	for n := 1; len(c.events) > 0; n++ {
		c.events, more = s.step(r, t, c.events, n < maxChain)
	}
	next, also := t.landed(lane)
	for _, c := range next {
		if r.ctx.Err() == nil {
			r.wait.Go(func() { s.deliver(r, t, c) })
		}
	}
	if more || also {
		s.wakeTarget(t.id)
	}
}

// The points of a delivery: an event is taken up and not sent; it is sent, and
// that is not recorded.
const (
	Sending db.Point = "before a delivery"
	Sent    db.Point = "after a delivery"
)

// step sends one event and waits until the outcome is on record: only then may
// the next of its lane follow. It answers those, or else whether the lane has
// more for others.
func (s *Service) step(r *run, t *target, events []*task, keep bool) (next []*task, more bool) {
	t.sends <- struct{}{}
	r.slots <- struct{}{}
	s.DB.Reached(Sending)
	res := s.attempt(r.sending, events[0])
	s.DB.Reached(Sent)
	<-r.slots
	<-t.sends
	if r.sending.Err() != nil && res.verdict != delivered {
		return nil, false // cut off by us, which says nothing about the receiver
	}
	res.keep = keep && res.verdict == delivered && r.ctx.Err() == nil
	res.behind = events[1:]
	r.results <- res
	if err := <-res.answer; err != nil {
		s.Logger.Error("webhooks: an attempt could not be recorded; the event will be sent again", "event", res.EventID, "error", err)
		return nil, false
	}
	s.heed(r, t, res)
	return res.next, res.waiting > 0
}

// heed draws the conclusions of an attempt.
func (s *Service) heed(r *run, t *target, res *result) {
	t.learn(res)
	if res.verdict == retried {
		s.wakeAt(t.id, res.retry.Sub(s.now()))
	}
	if res.blocked.IsZero() {
		return
	}
	s.retryBlocked(t)
	lanes := t.strand(s.now())
	if len(lanes) == 0 {
		return
	}
	if err := s.release(r.sending, t.id, lanes); err != nil && r.ctx.Err() == nil {
		s.Logger.Error("webhooks: lanes could not be given up; they wait until their lease ends", "endpoint", t.id, "error", err)
	}
}

// recorders is how many write at the same time: a result waits for what is being
// written and then for its own transaction. SQLite has one writer.
func (s *Service) recorders() int {
	if s.DB.Engine() == "sqlite" {
		return 1
	}
	return 3
}

// recorder writes results down, as many together as have come up meanwhile.
func (s *Service) recorder(r *run) {
	var last time.Time
	var late []*result // their lanes are being written to
	for {
		batch := late
		if len(batch) == 0 {
			first, ok := <-r.results
			if !ok {
				return
			}
			batch = append(batch, first)
		}
		time.Sleep(gap - time.Since(last))
		last = time.Now()
		for len(batch) < maxRecorded && len(r.results) > 0 {
			if next, ok := <-r.results; ok {
				batch = append(batch, next)
			}
		}
		var err error
		late, err = s.recordSurely(r.sending, batch)
		s.settled(r, slices.DeleteFunc(batch, func(res *result) bool { return slices.Contains(late, res) }), err)
	}
}

// settled lets the lanes go on whose results are on record. Where the next
// event has to be read first, the recorder does not wait for that.
func (s *Service) settled(r *run, results []*result, err error) {
	var on []*result
	for _, res := range results {
		if err == nil && res.goesOn() {
			on = append(on, res)
		} else {
			res.answer <- err
		}
	}
	if len(on) == 0 {
		return
	}
	r.wait.Go(func() {
		if err := s.follow(context.WithoutCancel(r.sending), on); err != nil { // the leases run out, and somebody claims the lanes
			s.Logger.Error("webhooks: what follows could not be read; it is sent a little later", "error", err)
		}
		for _, res := range on {
			res.answer <- nil
		}
	})
}

// recordSurely tries for a while where the database is away: what is not on
// record is sent again.
func (s *Service) recordSurely(ctx context.Context, batch []*result) (late []*result, err error) {
	for attempt := range 10 {
		late, err = s.record(context.WithoutCancel(ctx), batch)
		if err == nil || !errors.Is(err, db.ErrUnavailable) && !errors.Is(err, db.ErrBusy) {
			return late, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(100 * time.Millisecond << min(attempt, 5)):
		}
	}
	return nil, err
}

// Drain sends everything that is due by the clock once, and what that brings
// about, and answers how many attempts that were. Tests call it instead of Run.
func (s *Service) Drain(ctx context.Context) (sent int, err error) {
	for {
		list, err := s.look(ctx)
		if err != nil {
			return sent, err
		}
		progress := 0
		for _, d := range list {
			n, err := s.drainTarget(ctx, d)
			if err != nil {
				return sent, err
			}
			progress += n
		}
		if progress == 0 {
			return sent, nil
		}
		sent += progress
	}
}

func (s *Service) drainTarget(ctx context.Context, d due) (int, error) {
	if d.DueAt.After(s.now()) {
		return 0, nil
	}
	tasks, _, err := s.claim(ctx, d.TargetID, most)
	if err != nil || len(tasks) == 0 {
		return 0, err
	}
	results := make([]*result, len(tasks))
	var wait sync.WaitGroup
	for i, t := range tasks {
		wait.Go(func() { results[i] = s.attempt(ctx, t) })
	}
	wait.Wait()
	for err == nil && len(results) > 0 {
		results, err = s.record(ctx, results)
	}
	return len(tasks), err
}
