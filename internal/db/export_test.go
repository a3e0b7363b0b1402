package db

// Occupy takes all slots of a group until free is called.
func (g *Group[T]) Occupy() (free func()) {
	for range groupsAtOnce {
		g.slots <- struct{}{}
	}
	return func() {
		for range groupsAtOnce {
			<-g.slots
		}
	}
}

// Waiting is how many wait for a group to begin.
func (g *Group[T]) Waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}
