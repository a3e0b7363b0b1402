package webhook

import (
	"sync"
	"time"

	"floe/internal/id"
)

// Lanes of one target that may be under way at the same time: it begins with the
// fewest, gains one with each request that succeeds and loses a quarter with
// each that fails, so what does not answer never holds many connections. Most
// of the lanes of a quick receiver wait for their record, and not for it:
// requests are bounded by perTarget.
const (
	fewest = 4
	most   = 4 * perTarget
)

// target is what a process knows of one while there is something to do.
type target struct {
	id    id.ID
	wake  chan struct{}
	sends chan struct{} // one for each request

	mu      sync.Mutex
	flying  map[id.ID]time.Time // lanes under way, since when
	ready   []chain             // lanes that wait for their turn to fly
	window  int
	blocked time.Time
	more    bool // the database has lanes that there was no room for
	failing bool // it gets one request at a time, until one succeeds
}

// chain is the first events of one lane, in their order, for as far as this
// process knows them.
type chain struct {
	events []*task
	since  time.Time // when the lane was claimed
}

func (c *chain) lane() id.ID { return c.events[0].Lane }

func newTarget(of id.ID) *target {
	return &target{id: of, wake: make(chan struct{}, 1), sends: make(chan struct{}, perTarget), flying: map[id.ID]time.Time{}, window: fewest}
}

// notify has the target looked at. It never blocks.
func (t *target) notify() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// room is how many more requests may be made at a time.
func (t *target) room(now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	if blocks(t.blocked, now) {
		return 0
	}
	window := t.window
	if t.failing {
		window = 1
	}
	return window - len(t.flying) - len(t.ready)
}

// welcomes says whether a new lane can be sent from at once. While others wait
// in the database it is not let past them.
func (t *target) welcomes(now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.more && !t.failing && !blocks(t.blocked, now) && len(t.flying)+len(t.ready) < t.window
}

// full notes that lanes wait in the database.
func (t *target) full() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.more = true
}

// claimed notes what a claim has found besides lanes.
func (t *target) claimed(lanes, room int, to *destination) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failing = to != nil && to.Failures >= suspicious
	t.more = lanes > 0 && lanes >= room || t.failing
	if to != nil && to.BlockedUntil != nil && !to.off() {
		t.blocked = *to.BlockedUntil
	}
}

// launch says whether a chain may begin now; otherwise it is kept until it may.
func (t *target) launch(c chain) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.flying) >= t.window {
		t.ready = append(t.ready, c)
		return false
	}
	t.flying[c.lane()] = c.since
	return true
}

// learn notes how an attempt went.
func (t *target) learn(r *result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r.verdict == delivered:
		t.window, t.blocked, t.failing = min(t.window+1, most), time.Time{}, false
	case r.sent:
		t.window = max(t.window*3/4, fewest)
		t.blocked, t.failing = r.blocked, !r.blocked.IsZero()
	}
}

// landed notes that a lane is done with. It answers the chains that may begin
// now, and whether to look for more in the database.
func (t *target) landed(lane id.ID) (next []chain, more bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.flying, lane)
	for len(t.ready) > 0 && len(t.flying) < t.window {
		c := t.ready[0]
		t.ready = t.ready[1:]
		t.flying[c.lane()] = c.since
		next = append(next, c)
	}
	return next, t.more
}

// strand takes away the lanes that wait here, when the target is left alone.
func (t *target) strand(now time.Time) (lanes []id.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !blocks(t.blocked, now) {
		return nil
	}
	for i := range t.ready {
		lanes = append(lanes, t.ready[i].lane())
	}
	t.ready = nil
	return lanes
}

func (t *target) idle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.flying)+len(t.ready) == 0
}

// slow are the lanes that this process has had for a while.
func (t *target) slow(than time.Duration) (lanes []id.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for lane, since := range t.flying {
		if time.Since(since) > than {
			lanes = append(lanes, lane)
		}
	}
	for i := range t.ready {
		if time.Since(t.ready[i].since) > than {
			lanes = append(lanes, t.ready[i].lane())
		}
	}
	return lanes
}
