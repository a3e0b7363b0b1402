package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Little is in use at any time (pages of SQLite lie outside of the heap), so to
// let the heap grow to five times of it costs some dozen megabytes and saves a
// tenth of the processor. Answers that are remembered are in use, too, as many
// megabytes as the operator has allowed, and five times those would be a
// surprise. So the heap grows by so many percent only as far as that is no
// more than a number of bytes.
const (
	heapPercent = 400
	leastGrowth = 50 // percent, however much is in use
	mostGrowth  = 96 << 20
)

// boundHeap keeps the heap from growing by more than mostGrowth between two
// collections, unless the operator has said how it is to grow.
func boundHeap() {
	if os.Getenv("GOGC") != "" {
		return
	}
	debug.SetGCPercent(heapPercent)
	now := heapPercent
	afterEachCollection(func() {
		if next := growthOf(heapInUse()); next != now {
			now = next
			debug.SetGCPercent(now)
		}
	})
}

// growthOf is by how many percent a heap may grow. It goes in steps, because
// to change it stops the program for a moment.
func growthOf(inUse uint64) int {
	percent := heapPercent
	for percent > leastGrowth && inUse*uint64(percent)/100 > mostGrowth {
		percent -= leastGrowth
	}
	return percent
}

func heapInUse() uint64 {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	return live[0].Value.Uint64()
}

// afterEachCollection calls do when a collection has found that nobody holds
// the object that is made here, and makes the next one.
func afterEachCollection(do func()) {
	type sentinel struct{ _ *byte } // with a pointer, or it would share its memory with others
	runtime.SetFinalizer(&sentinel{}, func(*sentinel) {
		do()
		afterEachCollection(do)
	})
}
