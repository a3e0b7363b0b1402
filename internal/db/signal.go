package db

import "sync"

// signals wake those in this process who wait for something to be committed.
// What other processes commit is heard of on PostgreSQL, while Hear runs, and
// mostly: whoever must not miss it looks at the database now and then.
type signals struct {
	mu      sync.Mutex
	waiting map[string]chan struct{}
}

// Signal wakes everyone who waits for the topic, a word, once the transaction
// is durable. It costs next to nothing when nobody does.
func (tx *Tx) Signal(topic string) {
	tx.AfterCommit(func() {
		tx.db.signals.wake(topic)
		if tx.db.notify != nil {
			tx.db.notify.add(topic)
		}
	})
}

// Signalled is closed by the next commit that signals the topic. Take it
// before reading what the signal is about: then nothing is missed between.
func (d *DB) Signalled(topic string) <-chan struct{} {
	s := &d.signals
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = map[string]chan struct{}{}
	}
	c := s.waiting[topic]
	if c == nil {
		c = make(chan struct{})
		s.waiting[topic] = c
	}
	return c
}

func (s *signals) wake(topic string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.waiting[topic]; c != nil {
		delete(s.waiting, topic)
		close(c)
	}
}

func (s *signals) wakeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for topic, c := range s.waiting {
		delete(s.waiting, topic)
		close(c)
	}
}
