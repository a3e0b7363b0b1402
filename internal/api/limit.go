package api

import (
	"net/netip"
	"sync"
	"time"
)

// Limit says how often one address may call the operations that are Limited.
// The zero Limit lets everybody through.
type Limit struct {
	Calls int           // that many
	Per   time.Duration // in that time
	Block time.Duration // and for how long an address is refused that does more
}

// limiter counts the calls of addresses. It is of this process: several nodes
// let through as many times more.
type limiter struct {
	Limit
	now func() time.Time

	mu    sync.Mutex
	addrs map[netip.Addr]*caller
	swept time.Time
}

// caller is one address: how many calls since when, and until when it is
// refused.
type caller struct {
	calls   int
	since   time.Time
	blocked time.Time
}

func newLimiter(l Limit, now func() time.Time) *limiter {
	return &limiter{Limit: l, now: now, addrs: map[netip.Addr]*caller{}}
}

// check counts a call, or refuses it.
func (l *limiter) check(addr netip.Addr) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.sweep(now)
	c := l.addrs[addr]
	if c == nil {
		l.room()
		c = &caller{since: now}
		l.addrs[addr] = c
	}
	if wait := c.blocked.Sub(now); wait > 0 {
		return tooMany{wait, byKeys}
	}
	if now.Sub(c.since) >= l.Per {
		c.calls, c.since = 0, now
	}
	if c.calls++; c.calls > l.Calls {
		c.blocked = now.Add(l.Block)
		return tooMany{l.Block, byKeys}
	}
	return nil
}

// sweep forgets those who have been quiet, so that memory does not grow with
// everybody who ever called.
func (l *limiter) sweep(now time.Time) {
	if now.Sub(l.swept) < l.Per+l.Block {
		return
	}
	l.swept = now
	for addr, c := range l.addrs {
		if now.Sub(c.since) >= l.Per && !now.Before(c.blocked) {
			delete(l.addrs, addr)
		}
	}
}

// maxAddresses bounds the memory: who has very many addresses is not held up
// by a limit on each, and must not fill the machine with them either.
const maxAddresses = 1 << 17

// room forgets some, whichever come first, where there are too many.
func (l *limiter) room() {
	if len(l.addrs) < maxAddresses {
		return
	}
	for addr := range l.addrs {
		if delete(l.addrs, addr); len(l.addrs) <= maxAddresses*7/8 {
			return
		}
	}
}
