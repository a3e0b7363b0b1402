package id

import (
	"math/rand/v2"
	"time"
)

// Source makes the same ids every time for the same seed and the same calls.
// It is for demonstration data and tests; its ids can be guessed.
type Source struct {
	g generator
}

// NewSource returns a source with the given seed.
func NewSource(seed uint64) *Source {
	// PCG is written down and will not change between Go releases.
	r := rand.New(rand.NewPCG(seed, 0x9e3779b97f4a7c15)) //nolint:gosec // repeatable on purpose
	return &Source{g: generator{fill: func(b []byte) {
		for i := range b {
			b[i] = byte(r.Uint32())
		}
	}}}
}

// New returns the next id, as if it were made at the given time.
func (s *Source) New(at time.Time) ID { return s.g.next(at.UnixMilli(), false) }
