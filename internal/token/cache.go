package token

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"

	"floe/internal/auth"
)

// CacheTTL is how long a resolved token is remembered. Within this process a
// revocation counts at once; one that another process made is seen after this
// time at the latest, so that process waits as long before it says "revoked".
const CacheTTL = time.Second

const (
	shards    = 16
	shardSize = 1024
)

// key is a digest of the clear token, which itself is not kept in memory.
type key [sha256.Size]byte

// keyOf needs a token of the right length.
func keyOf(clear string) key {
	var text [length]byte
	copy(text[:], clear)
	return sha256.Sum256(text[:])
}

// entry is a token as the database had it. Its subject's slices are shared by
// every request and must not be changed.
type entry struct {
	subject    auth.Subject
	expires    time.Time // zero means never
	read       time.Time // with its monotonic clock
	generation uint64
}

func (e *entry) expired(now time.Time) bool { return !e.expires.IsZero() && !e.expires.After(now) }

// cache remembers resolved tokens: a bounded number, each for CacheTTL. Only
// tokens that are good are kept; bad ones are without number, and so they drive
// out none. That a token was good is remembered for longer than what it may do.
type cache struct {
	// generation grows with every change to what tokens stand for. An entry of
	// an older one is not used, so forgetting is one addition, and an entry that
	// was read before a change cannot be stored after it.
	generation atomic.Uint64
	shards     [shards]shard
}

type shard struct {
	mu      sync.RWMutex
	entries map[key]*entry
}

func (c *cache) get(k key, now time.Time) *entry {
	s := &c.shards[k[0]%shards]
	s.mu.RLock()
	e := s.entries[k]
	s.mu.RUnlock()
	if e == nil || e.generation != c.generation.Load() || now.Sub(e.read) >= CacheTTL {
		return nil
	}
	return e
}

// known says whether a token was good when it was read last.
func (c *cache) known(k key) bool {
	s := &c.shards[k[0]%shards]
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[k] != nil
}

// drop forgets a token that is no longer good.
func (c *cache) drop(k key) {
	if !c.known(k) {
		return
	}
	s := &c.shards[k[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.entries, k)
}

func (c *cache) put(k key, e *entry) {
	s := &c.shards[k[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.entries == nil {
		s.entries = map[key]*entry{}
	}
	if len(s.entries) >= shardSize {
		s.thin()
	}
	s.entries[k] = e
}

// thin drops some entries, whichever come first: each is read again within
// the second anyway.
func (s *shard) thin() {
	for k := range s.entries {
		delete(s.entries, k)
		if len(s.entries) <= shardSize*7/8 {
			return
		}
	}
}

func (c *cache) forget() { c.generation.Add(1) }
