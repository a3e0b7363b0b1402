package api

import (
	"container/list"
	"fmt"
	"testing"
)

// TestMemoryForgetsWhatIsNotUsed: everything that fits is there, and what is
// asked for stays when something has to go.
func TestMemoryForgetsWhatIsNotUsed(t *testing.T) {
	t.Parallel()
	const n = 10
	answer := func(i int) *kept { return &kept{key: fmt.Sprintf("key %03d", i), body: make([]byte, 1000)} }
	m := newMemory(nil, 1<<20)
	if m != nil {
		t.Fatal("answers are kept although nobody knows what has changed")
	}
	m = &memory{}
	s := &m.shards[0]
	s.answers, s.most = map[string]*list.Element{}, n*answer(0).size()
	for i := range n {
		s.put(answer(i))
	}
	for i := range n {
		if s.get([]byte(answer(i).key)) == nil {
			t.Fatalf("%d of %d that fit is gone", i, n)
		}
	}
	s.get([]byte(answer(0).key))
	s.put(answer(n))
	if s.get([]byte(answer(0).key)) == nil || s.get([]byte(answer(1).key)) != nil {
		t.Error("not the one went that was not used for longest")
	}
	s.put(&kept{key: answer(0).key, body: make([]byte, 10)})
	if k := s.get([]byte(answer(0).key)); k == nil || len(k.body) != 10 {
		t.Errorf("after it was kept again: %+v", k)
	}
	size := 0
	for _, e := range s.answers {
		size += e.Value.(*kept).size()
	}
	if size != s.size || s.size > s.most || len(s.answers) != s.used.Len() {
		t.Errorf("%d bytes of %d are counted as %d, %d answers as %d", size, s.most, s.size, len(s.answers), s.used.Len())
	}
	s.put(&kept{key: "more than all", body: make([]byte, s.most)})
	if s.size != 0 || s.used.Len() != 0 {
		t.Errorf("what does not fit leaves %d bytes", s.size)
	}
}
