package api

import (
	"container/list"
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

// shard keeps what was used last, up to so many bytes.
type shard struct {
	mu         sync.Mutex
	answers    map[string]*list.Element // of *kept
	used       list.List                // the one used last in front
	size, most int                      // bytes
}

type kept struct {
	key   string
	stamp db.Stamp
	body  []byte
}

func (k *kept) size() int { return len(k.key) + len(k.body) + keptFor }

// Bounds of what is kept. The cost stands for what maps and headers take.
const (
	maxKey  = 512
	maxKept = 32 << 10
	keptFor = 240
)

// newMemory makes a memory of so many bytes, nil for none.
func newMemory(v *db.Versions, bytes int) *memory {
	if v == nil || bytes <= 0 {
		return nil
	}
	m := &memory{versions: v}
	for i := range m.shards {
		m.shards[i].answers, m.shards[i].most = map[string]*list.Element{}, bytes/len(m.shards)
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
// see, and what was asked. It is false for what is not remembered. That includes
// answers to whoever sees several organizations: an external id that one customer
// has becomes ambiguous by a change to another customer.
func (c *call) appendKey(dst []byte) ([]byte, bool) {
	if !c.op.remembered || len(c.sub.Memberships) != 1 || len(c.r.URL.Path)+len(c.r.URL.RawQuery) > maxKey {
		return dst, false
	}
	m := &c.sub.Memberships[0]
	dst = append(append(dst, c.op.ID...), byte(c.sub.Kind))
	dst = append(append(append(dst, m.OrganizationID...), m.Role...), ' ')
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
	e := s.answers[string(key)]
	if e == nil {
		return nil
	}
	s.used.MoveToFront(e)
	return e.Value.(*kept)
}

// put keeps an answer instead of the one before, and forgets for it those that
// nobody has used for longest.
func (s *shard) put(k *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.answers[k.key]; e != nil {
		s.forget(e)
	}
	s.answers[k.key] = s.used.PushFront(k)
	for s.size += k.size(); s.size > s.most; {
		s.forget(s.used.Back())
	}
}

func (s *shard) forget(e *list.Element) {
	k := s.used.Remove(e).(*kept)
	delete(s.answers, k.key)
	s.size -= k.size()
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
	m.shard(r.key).put(&kept{string(r.key), stamp, append([]byte(nil), body...)})
}

// Remembered is how many answers were given from memory, and how many of those
// that could have been were made anew.
func (h *Handler) Remembered() (hits, misses int64) {
	if h.memory == nil {
		return 0, 0
	}
	return h.memory.hits.Load(), h.memory.misses.Load()
}
