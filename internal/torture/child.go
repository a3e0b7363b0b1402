//go:build unix

package torture

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
)

// Variable is where a child finds its orders. Only the hidden command
// torture-child reads it.
const Variable = "FLOE_TORTURE_CHILD"

// Orders say what a server is to suffer. They hold from the moment at which it
// gets SIGUSR1; only the clock is off from the start.
type Orders struct {
	Die    db.Point      `json:"die,omitempty"`   // by its own hand, at this point
	After  int64         `json:"after,omitempty"` // when it has passed it so many times
	Slow   time.Duration `json:"slow,omitempty"`  // how much longer each commit takes
	Offset time.Duration `json:"offset,omitempty"`
	Jumps  []Jump        `json:"jumps,omitempty"`
}

// Jump is a change of the clock: so long after the signal it is off by To.
type Jump struct {
	After time.Duration `json:"after"`
	To    time.Duration `json:"to"`
}

// Child is a server that suffers. It is also its clock.
type Child struct {
	orders Orders
	armed  atomic.Pointer[time.Time]
	passed atomic.Int64
}

// NewChild reads the orders and waits for the signal.
func NewChild(text string) (*Child, error) {
	c := &Child{}
	if err := json.Unmarshal([]byte(text), &c.orders); err != nil {
		return nil, fmt.Errorf("%s: %w", Variable, err)
	}
	signal.Ignore(syscall.SIGXFSZ) // a write that is too long fails like one on a full disk
	arm := make(chan os.Signal, 1)
	signal.Notify(arm, syscall.SIGUSR1)
	go func() {
		<-arm
		now := time.Now()
		c.armed.Store(&now)
	}()
	return c, nil
}

// Change makes a database's configuration that of the child.
func (c *Child) Change(config *db.Config) {
	config.Clock, config.Reached = c, c.reached
}

// Now is the time by the child's clock.
func (c *Child) Now() time.Time {
	offset := c.orders.Offset
	if since := c.armed.Load(); since != nil {
		for _, j := range c.orders.Jumps {
			if time.Since(*since) >= j.After {
				offset = j.To
			}
		}
	}
	return clock.Normal(time.Now().Add(offset))
}

var _ clock.Clock = (*Child)(nil)

// reached dies where it was ordered to, in the way in which nothing is learnt
// of it.
func (c *Child) reached(p db.Point) {
	if c.armed.Load() == nil {
		return
	}
	if p == db.Committing && c.orders.Slow > 0 {
		time.Sleep(c.orders.Slow)
	}
	if p == c.orders.Die && c.passed.Add(1) > c.orders.After {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
