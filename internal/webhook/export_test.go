package webhook

import (
	"context"
	"time"

	"floe/internal/schema"
)

// Overtaken has each event that is due sent by two at once, as happens when a
// machine stands still until its leases have ended and then goes on. Both
// outcomes are recorded together, and then once more after what changed has
// been done.
func (s *Service) Overtaken(ctx context.Context, change func()) error {
	list, err := s.look(ctx)
	if err != nil {
		return err
	}
	for _, d := range list {
		tasks, _, err := s.claim(ctx, d.TargetID, most)
		if err != nil {
			return err
		}
		var results, late []*result
		for i, t := range tasks {
			a, b := s.attempt(ctx, t), s.attempt(ctx, t)
			b.keep = i%2 == 0 // they need not agree what comes next
			results, late = append(results, a, b), append(late, s.attempt(ctx, t))
		}
		for range 2 { // the second time as when nobody heard that the first was committed
			if _, err := s.record(ctx, results); err != nil {
				return err
			}
		}
		change()
		if _, err := s.record(ctx, late); err != nil {
			return err
		}
	}
	return nil
}

// Lease is how long a lane belongs to who has claimed it.
const Lease time.Duration = lease

// Chat is what a chat is told of an event.
func Chat(f Format, typ, data, organization string) (string, error) {
	n, err := schema.Parse([]byte(data))
	return chat(f, typ, n, organization), err
}

// Claim leases what is due and sends nothing, as a process that is killed just
// then. It answers how many lanes those are.
func (s *Service) Claim(ctx context.Context) (lanes int, err error) {
	list, err := s.look(ctx)
	for _, d := range list {
		tasks, _, err := s.claim(ctx, d.TargetID, most)
		if err != nil {
			return lanes, err
		}
		lanes += len(tasks)
	}
	return lanes, err
}
