package wire

import (
	"math"
	"testing"
	"time"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	last := -1
	for us := uint64(0); us < 1<<20; us++ {
		b := bucket(us)
		if b < last || b > last+1 {
			t.Fatalf("%d µs is in bucket %d after %d", us, b, last)
		}
		if high := highest(b); high < us || float64(high) > float64(us)*1.0626+1 {
			t.Fatalf("%d µs is reported as %d", us, high)
		}
		last = b
	}
	if b := bucket(math.MaxInt64); b >= len(Sample{}.times) {
		t.Errorf("the longest time is in bucket %d", b)
	}
}

func TestPercentile(t *testing.T) {
	t.Parallel()
	var s Sample
	for i := 1; i <= 1000; i++ {
		s.Add(time.Duration(i) * time.Millisecond)
	}
	for p, want := range map[float64]time.Duration{50: 500 * time.Millisecond, 99: 990 * time.Millisecond, 100: time.Second} {
		if got := s.Percentile(p); got < want || got > want+want/15 {
			t.Errorf("percentile %v is %v, want %v", p, got, want)
		}
	}
}
