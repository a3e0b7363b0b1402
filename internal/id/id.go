// Package id makes and reads identifiers: UUIDs that say version 4, because
// that is what clients check, and that still sort by the time they were made,
// because that keeps inserts local and gives every list a stable order.
package id

import (
	"crypto/rand"
	"database/sql/driver"
	"encoding/binary"
	"sync"
	"time"
)

// ID is a UUID as lower-case text with hyphens. It is a plain string, so it
// can be compared, used as a map key and written into JSON as it is.
type ID string

// String returns the text of the id.
func (i ID) String() string { return string(i) }

// Value lets database/sql take an ID without reflection.
func (i ID) Value() (driver.Value, error) { return string(i), nil }

// New returns a new id. The first 48 bits are the current millisecond; the
// rest is random and strictly increasing within one millisecond of this
// process. It never goes back, even when the machine's clock does.
func New() ID { return process.next(time.Now().UnixMilli(), true) }

// NewAt returns a new id as if it were made at t. Ids made one after the
// other for the same millisecond increase, with ids for up to 256 others between
// them.
func NewAt(t time.Time) ID { return backdated.next(t.UnixMilli(), false) }

// Two sequences, so that ids made for the past do not disturb the present. A test
// clock stands still, while ids are made for what others do meanwhile.
var (
	process   = generator{fill: cryptoFill}
	backdated = generator{fill: cryptoFill, past: make([]position, 256)}
)

// cryptoFill never fails: crypto/rand ends the process instead.
func cryptoFill(b []byte) { _, _ = rand.Read(b) }

// Of the 74 bits beside time, version and variant, the upper 12 stand before
// the variant and the lower 62 after it.
const (
	highMask = 1<<12 - 1
	lowMask  = 1<<62 - 1
)

// generator hands out increasing ids. Reading randomness in larger pieces
// makes the lock short: a few dozen nanoseconds.
type generator struct {
	mu   sync.Mutex
	fill func([]byte)
	buf  [640]byte
	left int

	position
	past   []position // where it was in milliseconds that may come again
	oldest int        // of past
}

// position is the last id of a millisecond.
type position struct {
	used bool
	ms   int64
	high uint64
	low  uint64
}

// next returns an id for the millisecond. With onward, a millisecond that
// lies before the last one counts as the last one.
func (g *generator) next(ms int64, onward bool) ID {
	g.mu.Lock()
	if g.used && (ms == g.ms || onward && ms < g.ms) || g.turnBack(ms) {
		g.step()
	} else {
		g.position = position{used: true, ms: ms, high: g.random() & highMask, low: g.random() & lowMask}
	}
	ms, high, low := g.ms, g.high, g.low
	g.mu.Unlock()
	return layout(ms, high, low)
}

// turnBack goes on in a millisecond that is remembered, and remembers where it
// was in any case. It reports whether there is such a one.
func (g *generator) turnBack(ms int64) bool {
	for i := range g.past {
		if g.past[i].used && g.past[i].ms == ms {
			g.position, g.past[i] = g.past[i], g.position
			return true
		}
	}
	if len(g.past) > 0 {
		g.past[g.oldest] = g.position
		g.oldest = (g.oldest + 1) % len(g.past)
	}
	return false
}

// step moves on by a random distance of up to 2^40, so that a neighbour
// cannot be guessed, and borrows the next millisecond when the bits run out.
func (g *generator) step() {
	g.low += 1 + g.random()>>24
	g.high += g.low >> 62
	g.low &= lowMask
	if g.high > highMask {
		g.ms++
		g.high &= highMask
	}
}

func (g *generator) random() uint64 {
	if g.left < 8 {
		g.fill(g.buf[:])
		g.left = len(g.buf)
	}
	g.left -= 8
	return binary.LittleEndian.Uint64(g.buf[g.left:])
}

// layout puts the parts where RFC 9562 wants them.
func layout(ms int64, high, low uint64) ID {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(ms)<<16|0x4000|high)
	binary.BigEndian.PutUint64(b[8:], 1<<63|low)
	return format(b)
}

const digits = "0123456789abcdef"

func format(b [16]byte) ID {
	var out [36]byte
	n := 0
	for i, v := range b {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			out[n] = '-'
			n++
		}
		out[n], out[n+1] = digits[v>>4], digits[v&15]
		n += 2
	}
	return ID(out[:])
}
