package webhook_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

// TestCrash kills a server again and again while clients write, one reads the
// change feed, and the receiver misbehaves in every way it can: each event
// arrives, in the order of its customer and in an unbroken chain, none is
// invented, and the feed has the same. The environment makes it larger:
//
//	FLOE_CRASH_EVENTS=100000 FLOE_CRASH_KILLS=20 go test ./internal/webhook -run TestCrash -v -timeout 60m
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: takes half a minute")
	}
	t.Parallel()
	for name, config := range map[string]func(t *testing.T) db.Config{
		"sqlite":   func(t *testing.T) db.Config { return db.Config{DataDir: t.TempDir()} },
		"postgres": func(t *testing.T) db.Config { return db.Config{URL: dbtest.URL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			c := &crash{sink: newRogue(t), victim: newVictim(t, config(t))}
			c.run(number("FLOE_CRASH_EVENTS", 4000), number("FLOE_CRASH_KILLS", 4))
		})
	}
}

// number is a setting from the environment.
func number(name string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// crash is one such test.
type crash struct {
	*victim
	sink    *rogue
	written atomic.Int64 // events whose cause was acknowledged
}

// telling are the types that the receiver gets.
var telling = []string{"customer.created", "customer.updated", "customer.state_changed"}

const crashWriters = 16

func (c *crash) run(events, kills int64) {
	t := c.t
	for path, types := range map[string][]string{"/hook": telling, "/gone": telling[:1], "/never": telling[:1]} {
		status, _ := c.do("POST", endpoints, map[string]any{"url": c.sink.url + path, "format": "raw", "events": types})
		if status != 201 {
			t.Fatalf("endpoint: %d", status)
		}
	}
	start := time.Now()
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	for range crashWriters {
		writers.Go(func() { c.write(stop, events) })
	}
	var read feedReader
	readers.Go(func() { read.follow(c, stop) })
	for n := range kills {
		for c.written.Load() < events*(n+1)/(kills+1) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rand.N(20 * time.Millisecond))
		if n == 0 {
			c.freeze()
		}
		c.kill()
		if n < 3 { // it reads everything, which takes longer and longer
			c.doctor()
		}
		c.start()
		c.sink.restart()
		t.Logf("%v: killed %d times, %d events caused, %d arrived", time.Since(start).Round(time.Second), n+1, c.written.Load(), c.sink.distinct())
	}
	writers.Wait()
	t.Logf("%v: all is written", time.Since(start).Round(time.Second))
	want := c.journal()
	c.await(len(want))
	t.Logf("%v: %d of %d arrived", time.Since(start).Round(time.Second), c.sink.distinct(), len(want))
	close(stop)
	readers.Wait()
	c.sink.compare(t, want)
	read.compare(t, want)
	c.recorded(len(want))
	c.doctor()
}

// write makes customers and changes them. A request whose answer is lost may
// or may not have happened: the journal knows.
func (c *crash) write(stop chan struct{}, events int64) {
	var mine []string
	for n := 0; c.written.Load() < events; n++ {
		status, out := 0, map[string]any(nil)
		if len(mine) < 15 {
			if status, out = c.do("POST", "/v1/customers/", map[string]any{"email": fmt.Sprintf("%s@example.com", id.New())}); status == 201 {
				mine = append(mine, out["id"].(string))
			}
		} else {
			status, _ = c.do("PATCH", "/v1/customers/"+mine[rand.IntN(len(mine))], map[string]any{"name": fmt.Sprint(n)})
		}
		switch {
		case status/100 == 2:
			c.written.Add(2)
		case status == 0 || status >= 500:
			time.Sleep(10 * time.Millisecond)
		default:
			c.t.Errorf("a write is answered %d", status)
			return
		}
	}
}

// feedReader reads the change feed from its beginning, as a client that keeps
// one number does, whatever happens to the server.
type feedReader struct{ seen []told }

func (r *feedReader) follow(c *crash, stop chan struct{}) {
	after := int64(0)
	for ended := false; ; {
		status, page := c.do("GET", fmt.Sprintf("/v1/changes?after=%d&limit=1000&type=customer.*", after), nil)
		items, _ := page["items"].([]any)
		for _, item := range items {
			change := item.(map[string]any)
			seq := change["customer_seq"].(float64)
			r.seen = append(r.seen, told{change["customer_id"].(string), int64(seq), change["type"].(string)})
		}
		if next, ok := page["next"].(float64); ok {
			after = int64(next)
		}
		if status == 200 && len(items) == 1000 {
			continue
		}
		if ended && status == 200 && len(items) == 0 {
			return
		}
		select {
		case <-stop:
			ended = true
		case <-time.After(50 * time.Millisecond):
		}
	}
}
