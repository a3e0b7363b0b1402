// Package doctor looks at a database and says whether it is well: whether what
// must hold of the rows does (invariants.go is the list), and whether the
// ground that they stand on will carry them. It changes nothing, so it can look
// while a server runs. It repairs nothing.
package doctor

import (
	"context"
	"fmt"
	"time"

	"floe/internal/db"
)

// Status is how a check came out.
type Status string

// The statuses. A warning is no violation: it says what may become one.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Broken  Status = "broken"
	Unknown Status = "unknown" // it could not be looked at
)

// Finding is one thing that breaks an invariant.
type Finding struct {
	Organization string `json:"organization_id,omitempty"`
	ID           string `json:"id"`
	Detail       string `json:"detail"`
}

// Check is what was looked at, and what came out.
type Check struct {
	Name   string        `json:"name"`
	Says   string        `json:"says"`
	Status Status        `json:"status"`
	Detail string        `json:"detail,omitempty"`
	Found  []Finding     `json:"found,omitempty"`
	More   bool          `json:"more,omitempty"` // there are more than were kept
	Took   time.Duration `json:"-"`
	Millis float64       `json:"took_ms"`
}

// Report is all that was looked at.
type Report struct {
	Engine string  `json:"engine"`
	Checks []Check `json:"checks"`
}

// Worst is the worst status of all.
func (r *Report) Worst() Status {
	worst := OK
	for _, severity := range []Status{Warning, Broken, Unknown} {
		for i := range r.Checks {
			if r.Checks[i].Status == severity {
				worst = severity
			}
		}
	}
	return worst
}

// Count is how many checks came out as a status.
func (r *Report) Count(s Status) (n int) {
	for i := range r.Checks {
		if r.Checks[i].Status == s {
			n++
		}
	}
	return n
}

// kept is how many findings of a check are kept.
const kept = 20

// Config is what to look at, and how.
type Config struct {
	DB *db.DB
	// Whole has every page of a SQLite file compared with every index, instead
	// of only read.
	Whole bool
	// Progress, when set, hears of each check once before it and once after.
	Progress func(done, of int, c *Check)
	// Now is the time of this machine; time.Now when nil.
	Now func() time.Time
}

// Examine looks at everything: the ground first, because what stands on a
// broken file means nothing. It looks at each thing in a snapshot of its own,
// so that it holds nothing up for long.
func Examine(ctx context.Context, c Config) *Report {
	if c.Now == nil {
		c.Now = time.Now
	}
	r := &Report{Engine: c.DB.Engine()}
	list := append(c.ground(), c.invariants()...)
	for i, x := range list {
		if c.Progress != nil {
			c.Progress(i, len(list), &x.Check)
		}
		begun := time.Now()
		x.run(ctx)
		x.Took = time.Since(begun)
		x.Millis = float64(x.Took.Microseconds()) / 1000
		r.Checks = append(r.Checks, x.Check)
		if c.Progress != nil {
			c.Progress(i+1, len(list), &x.Check)
		}
		if x.Status != OK && (x.decides || ctx.Err() != nil) {
			break // nothing after it can be looked at
		}
	}
	return r
}

// check is one that is to be run.
type check struct {
	Check
	look    func(ctx context.Context, c *check) error
	decides bool // whether the others can be looked at
}

func (c *check) run(ctx context.Context) {
	c.Status = OK
	if err := c.look(ctx, c); err != nil {
		c.Status, c.Detail = Unknown, err.Error()
	}
}

func (c *check) broken(format string, args ...any) error {
	c.Status, c.Detail = Broken, fmt.Sprintf(format, args...)
	return nil
}

func (c *check) warn(format string, args ...any) error {
	c.Status, c.Detail = Warning, fmt.Sprintf(format, args...)
	return nil
}

func (c *check) fine(format string, args ...any) error {
	c.Detail = fmt.Sprintf(format, args...)
	return nil
}

func (c *Config) invariants() (out []*check) {
	for i := range Invariants {
		inv := &Invariants[i]
		if inv.Engine != "" && inv.Engine != c.DB.Engine() {
			continue
		}
		out = append(out, &check{Check: Check{Name: inv.Name, Says: inv.Says}, look: func(ctx context.Context, to *check) error {
			found, err := inv.Broken(ctx, c.DB, kept+1)
			if err != nil || len(found) == 0 {
				return err
			}
			to.Status, to.More = Broken, len(found) > kept
			to.Found = found[:min(len(found), kept)]
			return nil
		}})
	}
	return out
}

// Broken finds what breaks the invariant, so many at most.
func (inv *Invariant) Broken(ctx context.Context, q db.Querier, most int) ([]Finding, error) {
	rows, err := db.All[struct{ Organization, ID, Detail string }](ctx, q, `SELECT COALESCE(CAST(organization_id AS text), '') AS organization,
		CAST(id AS text) AS id, detail FROM (`+inv.Query+`) AS found LIMIT ?`, most)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", inv.Name, err)
	}
	out := make([]Finding, len(rows))
	for i, r := range rows {
		out[i] = Finding(r)
	}
	return out, nil
}
