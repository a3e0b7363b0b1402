package db

import (
	"context"
	"time"
)

// Occupy takes all slots of a group until free is called.
func (g *Group[T]) Occupy() (free func()) { return occupy(g.slots) }

func occupy(slots chan struct{}) (free func()) {
	for range cap(slots) {
		slots <- struct{}{}
	}
	return func() {
		for range cap(slots) {
			<-slots
		}
	}
}

// Waiting is how many wait for a group to begin.
func (g *Group[T]) Waiting() int { return g.line.length() }

func (l *line[T]) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting)
}

// OccupyReads takes all slots of those who read together until free is called.
func (d *DB) OccupyReads() (free func()) { return occupy(d.company.slots) }

// WaitingReads is how many wait to read together.
func (d *DB) WaitingReads() int { return d.company.line.length() }

// LookLater has the replica looked at once as if so much time had passed since
// the primary was seen last, and then no more by itself.
func (d *DB) LookLater(ctx context.Context, by time.Duration) {
	r := d.replica
	r.stop()
	<-r.done
	for i := range r.samples {
		r.samples[i].at = r.samples[i].at.Add(-by)
	}
	r.look(ctx)
}

// MaxLag is how far behind a replica may be that answers those who did not say
// what they must see.
const MaxLag = maxLag

// While does something while a commit that changes nothing is on its way.
func (v *Versions) While(do func()) {
	count := v.begin(&batch{})
	do()
	v.end(count, false)
}
