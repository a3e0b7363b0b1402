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
