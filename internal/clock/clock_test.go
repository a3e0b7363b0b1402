package clock_test

import (
	"sync"
	"testing"
	"time"

	"floe/internal/clock"
)

func TestWall(t *testing.T) {
	t.Parallel()
	now := clock.Wall.Now()
	if now.Location() != time.UTC || now.Nanosecond()%1000 != 0 {
		t.Errorf("got %v: want whole microseconds of UTC", now)
	}
	if age := time.Since(now); age < 0 || age > time.Minute {
		t.Errorf("off by %v", age)
	}
}

func TestManual(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 1, 1, 1, 0, 0, 1999, time.FixedZone("", 3600))
	c := clock.NewManual(at)
	if got, want := c.Now(), time.Date(2025, 1, 1, 0, 0, 0, 1000, time.UTC); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { c.Advance(time.Hour) })
	}
	wg.Wait()
	if got, want := c.Now(), time.Date(2025, 1, 1, 10, 0, 0, 1000, time.UTC); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	c.Set(at)
	if got := c.Advance(-time.Second); got != clock.Normal(at).Add(-time.Second) {
		t.Errorf("got %v", got)
	}
}
