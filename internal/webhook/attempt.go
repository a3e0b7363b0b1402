package webhook

import (
	"context"
	"net/http"
	"time"
)

// verdict is what becomes of an event at the head of its lane.
type verdict uint8

const (
	dropped   verdict = iota // there was nothing to send
	skipped                  // the endpoint is off
	delivered                // it arrived
	retried                  // it will be sent again
	givenUp                  // it will not
)

// result is a task that was looked at.
type result struct {
	*task
	verdict
	outcome
	at    time.Time // of the attempt
	retry time.Time
	gone  bool // the receiver wants nothing any more
	sent  bool
	first bool // nobody has recorded the same before: its row was in the queue
	// keep asks for the next events of the lane, which then stays with this
	// process; there is none when that was the last.
	keep bool
	next []*task
	// behind are the events that follow, as far as they are known already.
	behind []*task
	// blocked is until when the target is left alone.
	blocked time.Time
	hurry   bool // what waits for the target is to be made due
	// waiting is how many events the lane has left, for another to take.
	waiting int64
	late    int        // how often recording it was put off
	answer  chan error // what became of recording it
}

// attempt sends an event, unless there is a reason not to.
func (s *Service) attempt(ctx context.Context, t *task) *result {
	r := &result{task: t, at: s.now(), answer: make(chan error, 1)}
	switch {
	case t.to.off():
		r.verdict = skipped
		return r
	case t.Payload == nil, t.Succeeded != nil && *t.Succeeded && !t.Manual:
		r.verdict = dropped
		return r
	}
	if t.Attempts == 0 {
		s.metrics.lag.Observe(r.at.Sub(t.CreatedAt).Seconds())
	}
	d := t.to
	e := Endpoint{Secret: d.Secret, OldSecret: d.OldSecret, OldSecretUntil: d.OldSecretUntil}
	r.outcome = s.sender.send(ctx, &parcel{
		url: d.url(), id: string(t.EventID), body: *t.Payload, secrets: e.secrets(r.at), at: r.at, seq: t.CustomerSeq, previous: t.PreviousSeq,
	})
	r.sent = true
	r.judge(s.now())
	s.metrics.attempted(r)
	return r
}

// judge decides what the outcome means.
func (r *result) judge(now time.Time) {
	if r.ok() {
		r.verdict = delivered
		return
	}
	r.gone = r.code != nil && *r.code == http.StatusGone
	tried := r.Attempt + 1
	if tried >= maxAttempts || r.hopeless || r.gone {
		r.verdict = givenUp
		return
	}
	r.verdict = retried
	wait := delay(int(tried))
	if r.outcome.retryAfter != "" {
		wait = max(wait, retryAfter(r.outcome.retryAfter, now))
	}
	r.retry = now.Add(wait)
}
