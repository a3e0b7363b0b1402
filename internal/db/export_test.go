package db

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
