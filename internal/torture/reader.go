//go:build unix

package torture

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// reader follows the change feed over all crashes, as a mirror does.
type reader struct {
	server *process

	mu       sync.Mutex
	next     int64
	changes  []told
	problems []string
}

// read goes on until the end is asked for.
func (r *reader) read(done context.Context) {
	for done.Err() == nil {
		if !r.page(done, 1) {
			select {
			case <-done.Done():
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
}

// page reads one page; false says that it could not.
func (r *reader) page(ctx context.Context, wait int) bool {
	var page struct {
		Items []struct {
			Seq         int64
			Type        string
			CustomerID  *string `json:"customer_id"`
			CustomerSeq int64   `json:"customer_seq"`
		}
		Next int64
		More bool `json:"has_more"`
	}
	r.mu.Lock()
	after := r.next
	r.mu.Unlock()
	if err := r.server.get(ctx, fmt.Sprintf("/v1/changes?after=%d&limit=1000&wait=%d", after, wait), &page); err != nil {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range page.Items {
		if c.Seq <= r.next && len(r.problems) < most {
			r.problems = append(r.problems, fmt.Sprintf("the feed shows change %d after %d", c.Seq, r.next))
		}
		if r.next = c.Seq; c.CustomerID != nil {
			r.changes = append(r.changes, told{*c.CustomerID, c.CustomerSeq, c.Type})
		}
	}
	r.next = max(r.next, page.Next)
	return true
}

// behind reads a page, and says whether there was anything in it.
func (r *reader) behind(ctx context.Context) bool {
	r.mu.Lock()
	before := r.next
	r.mu.Unlock()
	if !r.page(ctx, 0) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next > before
}

// compare holds what was read against the journal, which it must be up to where
// it got to.
func (r *reader) compare(journal []told, problem func(string, ...any)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.problems {
		problem("%s", p)
	}
	r.problems = nil
	if len(r.changes) > len(journal) {
		problem("the feed has shown %d changes, the journal has %d", len(r.changes), len(journal))
	}
	for i, c := range r.changes[:min(len(r.changes), len(journal))] {
		if c != journal[i] {
			problem("change %d of the feed was %v, in the journal it is %v", i, c, journal[i])
			return
		}
	}
}
