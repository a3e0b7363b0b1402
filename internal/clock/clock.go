// Package clock says what time it is. Code that needs the time takes a Clock,
// so that a test, or an organization that runs on a time of its own, can
// decide it. It does not schedule anything: loops use plain tickers.
package clock

import (
	"context"
	"sync"
	"time"
)

// A Clock tells the time: UTC, in whole microseconds, which is what both
// databases keep. Implementations are safe for concurrent use.
type Clock interface {
	Now() time.Time
}

// Wall is the clock of the machine.
var Wall Clock = wall{}

type wall struct{}

func (wall) Now() time.Time { return Normal(time.Now()) }

// Normal brings a time into the form every Clock answers in. It also drops
// the monotonic reading, so that equal times are equal with ==.
func Normal(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

type timeKey struct{}

// WithTime makes a time the present for the work that is done under a context:
// that of an organization with a test clock.
func WithTime(ctx context.Context, t time.Time) context.Context {
	return context.WithValue(ctx, timeKey{}, Normal(t))
}

// TimeOf is the present that WithTime has set, if it has.
func TimeOf(ctx context.Context) (t time.Time, ok bool) {
	t, ok = ctx.Value(timeKey{}).(time.Time)
	return t, ok
}

// Manual is a clock that moves only when it is told to.
type Manual struct {
	mu  sync.Mutex
	now time.Time
}

// NewManual returns a clock that stands at t.
func NewManual(t time.Time) *Manual { return &Manual{now: Normal(t)} }

// Now returns the time the clock stands at.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Set moves the clock to t, which may lie in the past.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = Normal(t)
}

// Advance moves the clock by d and returns the new time.
func (m *Manual) Advance(d time.Duration) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = Normal(m.now.Add(d))
	return m.now
}
