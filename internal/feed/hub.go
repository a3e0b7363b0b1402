package feed

import (
	"context"
	"slices"
	"sync"
	"time"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
)

// hub wakes those who follow the journal. While there is somebody it watches
// how far the journal can be read: at once after a commit of this process, and
// once a second for those of others. While there is nobody it does nothing.
type hub struct {
	db      *db.DB
	horizon *journal.Horizon
	stopped chan struct{} // closed by stop
	ending  sync.Once

	mu        sync.Mutex
	listeners map[*listener]struct{}
	running   context.CancelFunc // nil when nobody listens
}

// listener is one who waits for news of some organizations.
type listener struct {
	organizations []id.ID
	wake          chan struct{}
}

const (
	// lookEvery is how often the database is asked for what other processes
	// have committed.
	lookEvery = time.Second
	// lull is the least time between two looks, so that many small commits are
	// heard of together.
	lull = 5 * time.Millisecond
)

func newHub(d *db.DB, h *journal.Horizon) *hub {
	return &hub{db: d, horizon: h, stopped: make(chan struct{}), listeners: map[*listener]struct{}{}}
}

func (h *hub) stop() { h.ending.Do(func() { close(h.stopped) }) }

func (h *hub) listen(ctx context.Context, organizations []id.ID) *listener {
	l := &listener{organizations, make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners[l] = struct{}{}
	if h.running == nil {
		// It belongs to all listeners, and not to the request of the first.
		ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
		h.running = cancel
		go h.watch(ctx)
	}
	return l
}

func (h *hub) leave(l *listener) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.listeners, l)
	if len(h.listeners) == 0 && h.running != nil {
		h.running()
		h.running = nil
	}
}

func (h *hub) watch(ctx context.Context) {
	var last int64
	for ctx.Err() == nil {
		committed := h.db.Signalled(journal.Topic)
		last = h.look(ctx, last)
		if !pause(ctx, lull, nil) || !pause(ctx, lookEvery, committed) {
			return
		}
	}
}

// look tells those whose organizations have news. Trouble with the database
// shows in the requests of those who listen; here it only means to try again.
func (h *hub) look(ctx context.Context, last int64) int64 {
	upTo, err := h.horizon.Advance(ctx)
	if err != nil || upTo <= last {
		return last
	}
	var news []id.ID
	if last > 0 { // the first time everybody may have missed something
		if news, err = journal.News(ctx, h.db, last, upTo); err != nil {
			return last
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for l := range h.listeners {
		if last == 0 || slices.ContainsFunc(l.organizations, func(o id.ID) bool { return slices.Contains(news, o) }) {
			select {
			case l.wake <- struct{}{}:
			default: // it has been told and has not looked yet
			}
		}
	}
	return upTo
}

// pause waits for a time or until something happens, false when it is over.
func pause(ctx context.Context, d time.Duration, until <-chan struct{}) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-until:
	case <-ctx.Done():
		return false
	}
	return true
}
