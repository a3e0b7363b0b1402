package main

import (
	"runtime"
	"testing"
	"time"
)

// What is in use may grow to five times as much while it is little, and by a
// bounded number of bytes when it is much.
func TestGrowthOfHeap(t *testing.T) {
	for _, c := range []struct {
		megabytes uint64
		percent   int
	}{{0, 400}, {4, 400}, {24, 400}, {25, 350}, {64, 150}, {96, 100}, {128, 50}, {4096, 50}} {
		if got := growthOf(c.megabytes << 20); got != c.percent {
			t.Errorf("%d MB in use grow by %d %%, not by %d", c.megabytes, got, c.percent)
		}
	}
}

func TestAfterEachCollection(t *testing.T) {
	seen := make(chan struct{}, 1)
	afterEachCollection(func() {
		select {
		case seen <- struct{}{}:
		default: // those of other tests
		}
	})
	for i := range 3 {
		runtime.GC()
		select {
		case <-seen:
		case <-time.After(10 * time.Second):
			t.Fatalf("nothing was called after collection %d", i+1)
		}
	}
}
