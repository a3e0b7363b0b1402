package api

import (
	"sync"
	"sync/atomic"

	"floe/internal/db"
)

// memory keeps answers of operations that are Remembered. Whether one may be
// used again is for db.Versions to say: it is asked every time, so an answer is
// never older than the last commit that changes it.
type memory struct {
	versions *db.Versions
	shards   [16]shard
	hits     atomic.Int64
	misses   atomic.Int64
}

// shard keeps two generations. What is used moves to the young one; when that
// is full it becomes the old one, and what nobody has used meanwhile is gone.
type shard struct {
	mu         sync.Mutex
	young, old map[string]*kept
	size, most int // bytes of the young
}

type kept struct {
	stamp db.Stamp
	body  []byte
}

// Bounds of what is kept. The cost stands for what maps and headers take.
const (
	maxKey  = 512
	maxKept = 32 << 10
	keptFor = 160
)

// newMemory makes a memory of so many bytes, nil for none.
func newMemory(v *db.Versions, bytes int) *memory {
	if v == nil || bytes <= 0 {
		return nil
	}
	m := &memory{versions: v}
	for i := range m.shards {
		m.shards[i].most = bytes / len(m.shards) / 2
	}
	return m
}

func (m *memory) shard(key []byte) *shard {
	h := uint32(2166136261) // FNV-1a
	for _, c := range key {
		h = (h ^ uint32(c)) * 16777619
	}
	return &m.shards[(h^h>>16)%uint32(len(m.shards))]
}

// appendKey adds what an answer depends on: the operation, what the caller can
// see, and what was asked. It is false for what is not remembered.
func (c *call) appendKey(dst []byte) ([]byte, bool) {
	if !c.op.remembered || len(c.r.URL.Path)+len(c.r.URL.RawQuery) > maxKey {
		return dst, false
	}
	dst = append(append(dst, c.op.ID...), byte(c.sub.Kind))
	for _, m := range c.sub.Memberships {
		dst = append(append(append(dst, m.OrganizationID...), m.Role...), ' ')
	}
	for _, v := range c.params.URLParams.Values {
		dst = append(append(dst, 0), v...)
	}
	return append(append(dst, 0), c.r.URL.RawQuery...), true
}

// again answers from memory, if that is possible.
func (h *Handler) again(c *call) bool {
	if h.memory == nil {
		return false
	}
	var room [256]byte
	key, ok := c.appendKey(room[:0])
	if !ok {
		return false
	}
	k := h.memory.shard(key).get(key)
	if k == nil || !h.memory.versions.Holds(&k.stamp) {
		h.memory.misses.Add(1)
		return false
	}
	h.memory.hits.Add(1)
	if !c.op.tagged || !c.unchanged(k.body) {
		c.write(c.op.Status, "application/json", k.body)
	}
	return true
}

func (s *shard) get(key []byte) *kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.young[string(key)]; k != nil {
		return k
	}
	k := s.old[string(key)]
	if k != nil {
		delete(s.old, string(key))
		s.put(string(key), k)
	}
	return k
}

func (s *shard) put(key string, k *kept) {
	if s.young == nil || s.size > s.most {
		s.young, s.old, s.size = map[string]*kept{}, s.young, 0
	}
	s.size += len(key) + len(k.body) + keptFor
	s.young[key] = k
}

// reading is an answer that is being made and may be kept.
type reading struct {
	key    []byte
	moment db.Moment
}

// begin is called before anything is read; nil means that nothing is kept.
func (m *memory) begin(c *call) *reading {
	if m == nil {
		return nil
	}
	key, ok := c.appendKey(nil)
	if !ok {
		return nil
	}
	return &reading{key, m.versions.Moment()}
}

// keep remembers an answer, unless something was committed while it was made.
func (m *memory) keep(r *reading, out any, body []byte) {
	if r == nil || len(body) > maxKept {
		return
	}
	organization, customer := out.(Concerned).Concerns()
	stamp, ok := m.versions.Stamp(r.moment, organization, customer)
	if !ok {
		return
	}
	s := m.shard(r.key)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.old, string(r.key))
	s.put(string(r.key), &kept{stamp, append([]byte(nil), body...)})
}

// Remembered is how many answers were given from memory, and how many of those
// that could have been were made anew.
func (h *Handler) Remembered() (hits, misses int64) {
	if h.memory == nil {
		return 0, 0
	}
	return h.memory.hits.Load(), h.memory.misses.Load()
}
