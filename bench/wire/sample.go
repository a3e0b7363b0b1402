package wire

import (
	"math/bits"
	"time"
)

// Sample is how many requests were answered in a time, and how long each took.
type Sample struct {
	Done int64
	Took time.Duration
	CPU  time.Duration // of the server
	Err  error         // what ended it; such a side has no more turns
	// times counts answers by their microseconds: sixteen steps for each power
	// of two, so that a percentile is exact to a sixteenth.
	times [64 * steps]int64
}

const steps = 16

// Add counts an answer that took so long.
func (s *Sample) Add(d time.Duration) {
	s.Done++
	s.times[bucket(uint64(max(d.Microseconds(), 0)))]++ //nolint:gosec // not negative
}

func bucket(us uint64) int {
	if us < steps {
		return int(us) //nolint:gosec // small
	}
	shift := bits.Len64(us) - 5
	return (shift+1)*steps + int(us>>shift) - steps //nolint:gosec // below 32
}

// highest is the greatest number of microseconds that falls into a bucket.
func highest(b int) uint64 {
	if b < steps {
		return uint64(b) //nolint:gosec // small
	}
	shift := b/steps - 1
	return (uint64(b%steps+steps)+1)<<shift - 1 //nolint:gosec // small
}

// Merge adds what another sample has counted.
func (s *Sample) Merge(o *Sample) {
	s.Done += o.Done
	s.Took += o.Took
	s.CPU += o.CPU
	for i, n := range o.times {
		s.times[i] += n
	}
}

// PerSecond is the rate.
func (s *Sample) PerSecond() float64 { return float64(s.Done) / s.Took.Seconds() }

// CPUEach is the time in the server's processor that each took.
func (s *Sample) CPUEach() time.Duration { return s.CPU / time.Duration(max(s.Done, 1)) }

// Percentile is the time within which p of a hundred were answered.
func (s *Sample) Percentile(p float64) time.Duration {
	left := int64(float64(s.Done)*p/100 + 0.5)
	for i, n := range s.times {
		if left -= n; left <= 0 && n > 0 {
			return time.Duration(highest(i)) * time.Microsecond //nolint:gosec // small
		}
	}
	return 0
}

// Runner does something for a time, or so often.
type Runner func(d time.Duration, limit int64) (Sample, error)

// Side is one of several that are compared: what runs, and the time in the
// processor that its server has taken so far.
type Side struct {
	Run Runner
	CPU func() time.Duration
	// Before, unless nil, gets ready for each turn and is not measured. It
	// says how many there are to do; 0 is as many as there is time for.
	Before func() (limit int64, err error)
}

// Turns runs all sides in turns of a length, after a turn of each to warm up. A
// side that fails does not keep the others from being measured.
func Turns(sides []Side, each time.Duration, turns int) []Sample {
	out := make([]Sample, len(sides))
	for i := -1; i < turns; i++ {
		for k, side := range sides {
			if out[k].Err != nil {
				continue
			}
			one, err := side.turn(each)
			if i >= 0 {
				out[k].Merge(&one)
			}
			out[k].Err = err
		}
	}
	return out
}

func (s Side) turn(each time.Duration) (one Sample, err error) {
	var limit int64
	if s.Before != nil {
		if limit, err = s.Before(); err != nil {
			return one, err
		}
	}
	start := s.CPU()
	one, err = s.Run(each, limit)
	one.CPU = s.CPU() - start
	return one, err
}
