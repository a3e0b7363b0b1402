package api

import (
	"net"
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

// tooMany is the answer to an address that calls too often.
type tooMany struct{ wait time.Duration }

func (tooMany) Error() string { return "too many requests" }

// check counts a call, or refuses it.
func (l *limiter) check(remote string) error {
	addr, ok := addressOf(remote)
	if l.Calls <= 0 || !ok {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.sweep(now)
	c := l.addrs[addr]
	if c == nil {
		c = &caller{since: now}
		l.addrs[addr] = c
	}
	if wait := c.blocked.Sub(now); wait > 0 {
		return tooMany{wait}
	}
	if now.Sub(c.since) >= l.Per {
		c.calls, c.since = 0, now
	}
	if c.calls++; c.calls > l.Calls {
		c.blocked = now.Add(l.Block)
		return tooMany{l.Block}
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

// prefix64 is what one customer of a provider has of IPv6: any of its
// addresses is as good as another.
const prefix64 = 64

func addressOf(remote string) (netip.Addr, bool) {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}, false
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(prefix64); err == nil {
			return p.Addr(), true
		}
	}
	return addr, true
}
