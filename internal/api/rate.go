package api

import (
	"errors"
	"hash/maphash"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"floe/internal/id"
)

// Rate is how often one caller may call: so many times a second in the long
// run, and so many times at once. The zero Rate lets everybody through.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Rates bound how often a caller may call any operation. They are of this
// process: several nodes let through as many times more.
type Rates struct {
	// Token is for those who send a good token, each on its own.
	Token Rate
	// Address is for those who do not: a token that is no good, or none. An
	// address that has used it up is still served with tokens that are known.
	Address Rate
}

// rates are the callers of one handler.
type rates struct {
	tokens    buckets[id.ID]
	addresses buckets[netip.Addr]
	trusted   []netip.Prefix
}

func newRates(r Rates, trusted []netip.Prefix) *rates {
	return &rates{tokens: newBuckets[id.ID](r.Token), addresses: newBuckets[netip.Addr](r.Address), trusted: trusted}
}

// What a metric calls the limits.
const (
	byToken   = "token"
	byAddress = "address"
	byKeys    = "license_key"
)

// tooMany is the answer to somebody who calls too often.
type tooMany struct {
	wait time.Duration
	by   string // which limit it was
}

func (tooMany) Error() string { return "too many requests" }

// seconds is when to come again, for Retry-After (RFC 9110, section 10.2.3).
func (m tooMany) seconds() string { return strconv.Itoa(int((m.wait + time.Second - 1) / time.Second)) }

// token counts a call with a good token.
func (r *rates) token(token id.ID, now time.Time) error {
	if wait := r.tokens.take(token, now); wait > 0 {
		return tooMany{wait, byToken}
	}
	return nil
}

// stranger counts a call of somebody who is known by the address only.
func (r *rates) stranger(q *http.Request, now time.Time) error {
	if r.addresses.off() {
		return nil
	}
	addr, ok := r.address(q)
	if !ok {
		return nil
	}
	if wait := r.addresses.take(addr, now); wait > 0 {
		return tooMany{wait, byAddress}
	}
	return nil
}

// Outside counts calls for what is beside the API, which nobody shows a token
// for, as those of strangers.
func (h *Handler) Outside(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h.rates.stranger(r, time.Now())
		if many, ok := errors.AsType[tooMany](err); ok {
			h.Refused(many.by)
			w.Header().Set("Retry-After", many.seconds())
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// spent says whether an address has used up what strangers have. Nearly
// always nobody has, and then it does not look whose address it is.
func (r *rates) spent(q *http.Request, now time.Time) error {
	if r.addresses.off() || r.addresses.calmAt(now) {
		return nil
	}
	addr, ok := r.address(q)
	if !ok {
		return nil
	}
	if wait := r.addresses.wait(addr, now); wait > 0 {
		return tooMany{wait, byAddress}
	}
	return nil
}

// buckets count callers. Of a caller no more is kept than a time: when all that
// it has used will be given back, which is in the past for those who are not
// counted at all. (This is the generic cell rate algorithm; it lets through
// what a leaky bucket does.) Keys lie in shards, so that callers do not wait
// for each other, and each shard holds a bounded number.
type buckets[K comparable] struct {
	gap    int64 // from one call to the next, in the long run
	slack  int64 // how much of that may be used ahead of time
	seed   maphash.Seed
	shards []bucketShard[K]
	// spentUntil is when the last caller that has used up all may call again.
	spentUntil atomic.Int64
}

type bucketShard[K comparable] struct {
	mu    sync.Mutex
	full  map[K]int64 // when the caller's bucket is full again
	sweep int         // how many keys may lie here until those are dropped that need not
	_     [40]byte    // a cache line for each
}

const (
	bucketShards = 64
	minSweep     = 64
	maxKeys      = 4096 // of one shard: a quarter of a million callers in all
)

func newBuckets[K comparable](r Rate) buckets[K] {
	if r.PerSecond <= 0 {
		return buckets[K]{}
	}
	gap := int64(min(float64(time.Second)/r.PerSecond, float64(24*time.Hour)))
	gap = max(gap, 1)
	burst := int64(max(r.Burst, 1))
	return buckets[K]{gap: gap, slack: gap * min(burst-1, math.MaxInt64/4/gap), seed: maphash.MakeSeed(), shards: make([]bucketShard[K], bucketShards)}
}

func (b *buckets[K]) off() bool { return b.shards == nil }

func (b *buckets[K]) shard(k K) *bucketShard[K] {
	return &b.shards[maphash.Comparable(b.seed, k)%bucketShards]
}

// take counts a call, or says how long to wait before the next.
func (b *buckets[K]) take(k K, at time.Time) time.Duration {
	if b.off() {
		return 0
	}
	now := at.UnixNano()
	s := b.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	full, known := s.full[k]
	full = max(full, now)
	if wait := full - now - b.slack; wait > 0 {
		return time.Duration(wait)
	}
	if !known {
		s.room(now)
	}
	full += b.gap
	s.full[k] = full
	if full-b.slack > now {
		b.spent(full - b.slack)
	}
	return 0
}

// wait is how long a caller would have to wait; it counts nothing.
func (b *buckets[K]) wait(k K, at time.Time) time.Duration {
	now := at.UnixNano()
	s := b.shard(k)
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Duration(max(0, s.full[k]-now-b.slack))
}

// spent notes that somebody may not call before a time.
func (b *buckets[K]) spent(until int64) {
	for {
		last := b.spentUntil.Load()
		if last >= until || b.spentUntil.CompareAndSwap(last, until) {
			return
		}
	}
}

// calmAt says that everybody may call.
func (b *buckets[K]) calmAt(now time.Time) bool { return b.spentUntil.Load() <= now.UnixNano() }

// room makes place for one more caller: it forgets those whose bucket is full
// again, which changes nothing for them, and where there are too many others,
// some of those.
func (s *bucketShard[K]) room(now int64) {
	if s.full == nil {
		s.full, s.sweep = map[K]int64{}, minSweep
	}
	if len(s.full) < s.sweep {
		return
	}
	for k, full := range s.full {
		if full <= now {
			delete(s.full, k)
		}
	}
	for k := range s.full {
		if len(s.full) <= maxKeys*7/8 {
			break
		}
		delete(s.full, k)
	}
	s.sweep = min(max(minSweep, 2*len(s.full)), maxKeys)
}
