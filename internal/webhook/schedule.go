package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxAttempts is how often an event is sent before it is given up: after 50 to
// 69 hours. docs/webhooks.md shows the schedule.
const maxAttempts = 29

const (
	doublings  = 12 // after that the delay stays the same
	longest    = 4 * time.Hour
	shortest   = 3 * time.Hour // of the delays that stay the same
	maxRetryIn = 24 * time.Hour
)

// delay is how long after the n-th failed attempt the next one comes: 2 to 4
// seconds, doubling, and in the end three to four hours. Chance spreads those
// that failed together.
func delay(n int) time.Duration {
	if n > doublings {
		return shortest + rand.N(longest-shortest) //nolint:gosec // spreads load, guards nothing
	}
	low := time.Second << max(n, 1)
	return low + rand.N(low) //nolint:gosec // spreads load, guards nothing
}

// retryAfter reads what the receiver asks for, seconds or a date; zero when it
// asks for nothing that makes sense.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if n, err := strconv.ParseInt(header, 10, 64); err == nil {
		return time.Duration(min(max(n, 0), int64(maxRetryIn/time.Second))) * time.Second
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryIn)
}

const (
	// suspicious is how many attempts in a row fail, whoever they are about,
	// before it is taken for the receiver's trouble and not the events'.
	suspicious = 10
	// maxBlock bounds how long a receiver in trouble is left alone.
	maxBlock = time.Minute
	// disableAfter is how long nothing may arrive before an endpoint is switched
	// off.
	disableAfter = 3 * 24 * time.Hour
	// streak is how many events in a row are given up before that too.
	streak = 10
)

// block is how long a receiver is left alone that has answered nothing well
// for a while: half that while, so that the tries get rarer.
func block(failing time.Duration) time.Duration {
	return min(max(failing/2, time.Second), maxBlock)
}

// blocks says whether a receiver that is left alone until a time is so now. A
// time that is farther off than that lasts, also by the clock of another node,
// was written before the clock was put back.
func blocks(until, now time.Time) bool {
	in := until.Sub(now)
	return in > 0 && in <= 2*maxBlock
}
