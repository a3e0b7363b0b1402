package webhook

import (
	"sync"
	"time"

	"floe/internal/id"
)

// Requests that may be under way to one target at the same time: it begins
// with the fewest, gains one with each that succeeds and loses a quarter with
// each that fails. What does not answer never holds many connections.
const (
	fewest = 4
	most   = perTarget
)

// target is what a process knows of one while there is something to do.
type target struct {
	id   id.ID
	wake chan struct{}

	mu      sync.Mutex
	flying  map[id.ID]time.Time // lanes under way, since when
	window  int
	blocked time.Time
	more    bool // the last claim took all that there was room for
}

func newTarget(of id.ID) *target {
	return &target{id: of, wake: make(chan struct{}, 1), flying: map[id.ID]time.Time{}, window: fewest}
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
	if now.Before(t.blocked) {
		return 0
	}
	return t.window - len(t.flying)
}

// took notes what a claim has brought.
func (t *target) took(tasks []*task, to *destination, room int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, x := range tasks {
		t.flying[x.Lane] = now
	}
	t.more = len(tasks) > 0 && len(tasks) >= room || to != nil && to.Failures >= suspicious
	if to != nil && to.BlockedUntil != nil && !to.off() {
		t.blocked = *to.BlockedUntil
	}
}

// learn notes how an attempt went.
func (t *target) learn(r *result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case r.verdict == delivered:
		t.window, t.blocked = min(t.window+1, most), time.Time{}
	case r.sent:
		t.window = max(t.window*3/4, fewest)
	}
}

// landed notes that a lane is done with, and says whether to look for more.
func (t *target) landed(lane id.ID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.flying, lane)
	return t.more
}

func (t *target) idle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.flying) == 0
}

// slow are the lanes that have been under way for a while.
func (t *target) slow(than time.Duration) (lanes []id.ID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for lane, since := range t.flying {
		if time.Since(since) > than {
			lanes = append(lanes, lane)
		}
	}
	return lanes
}
