package db

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// line is callers who want something alike and go together. The first of them
// leads: it does what those want who have come by the time it takes them along.
type line[T any] struct {
	mu      sync.Mutex
	waiting []*member[T]
}

// member is a caller and what it wants.
type member[T any] struct {
	item  T
	view  *View
	leads chan struct{}
	done  chan error
}

func newMember[T any](ctx context.Context, item T) *member[T] {
	return &member[T]{item: item, view: viewOf(ctx), leads: make(chan struct{}), done: make(chan error, 1)}
}

// errAlone tells a member that those it went with have failed and left nothing
// behind.
var errAlone = errors.New("db: the group has failed")

// wait has the member's wish done, by itself as the leader or by another one.
func (l *line[T]) wait(ctx context.Context, m *member[T], lead func(context.Context, *member[T]) error) error {
	if l.join(m) {
		return lead(ctx, m)
	}
	select {
	case <-m.leads:
		return lead(ctx, m)
	case err := <-m.done:
		return err
	case <-ctx.Done():
	}
	if l.leave(m) {
		return ctx.Err()
	}
	return <-m.done
}

// join adds a member and says whether it leads.
func (l *line[T]) join(m *member[T]) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, m)
	return len(l.waiting) == 1
}

// leave takes back a member that waits, unless it was taken along.
func (l *line[T]) leave(m *member[T]) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := slices.Index(l.waiting, m)
	if at < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, at, at+1)
	if at == 0 {
		l.promote()
	}
	return true
}

// take takes those who wait, so many at most; the next who comes, or is left,
// leads others.
func (l *line[T]) take(most int) []*member[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.waiting), most)
	taken := slices.Clone(l.waiting[:n])
	l.waiting = slices.Delete(l.waiting, 0, n)
	l.promote()
	return taken
}

func (l *line[T]) promote() {
	if len(l.waiting) > 0 {
		close(l.waiting[0].leads)
	}
}

// tell answers all members but the one who leads.
func tell[T any](taken []*member[T], leader *member[T], outcome error) {
	for _, m := range taken {
		if m != leader {
			m.done <- outcome
		}
	}
}
