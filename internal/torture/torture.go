// Package torture breaks a Floe on purpose and looks for what it had promised.
// It starts real servers of one binary, lets clients work on them at random,
// ends them at the worst moments, or takes away the disk, the database or the
// time, and compares all that is there afterwards with all that was answered:
// an answer is a promise; what was not answered is there whole or not at all.
// It is what "floe torture" runs, and a test in small.
package torture

import (
	"errors"
	"fmt"
	"io"
	"time"

	"floe/internal/doctor"
)

// Config says what to torture, and for how long.
type Config struct {
	// Binary is the floe that is started, with the command torture-child.
	Binary string
	// Dir is an empty folder for the data and what is to be looked at later.
	Dir string
	// Engine is "sqlite" or "postgres".
	Engine string
	// URL is an empty PostgreSQL database; without one a private server is
	// started, which can be broken in more ways.
	URL     string
	Seed    uint64
	Rounds  int
	Clients int
	// Duration ends the last round when it has passed, unless it is zero.
	Duration time.Duration
	// Faults are those to choose from; all that can be had when empty.
	Faults []string
	// NotApart is why the program could not be run where it can mount a small
	// disk, if it could not.
	NotApart error
	// Progress is told what happens, one line each.
	Progress io.Writer
}

// Report is what was done and what came out.
type Report struct {
	Engine   string   `json:"engine"`
	Seed     uint64   `json:"seed"`
	Clients  int      `json:"clients"`
	Faults   []string `json:"faults_asked_for,omitempty"`
	Rounds   []Round  `json:"rounds"`
	Skipped  []string `json:"faults_not_to_be_had"`
	Problems []string `json:"problems"`
	// FullDisk is how a full disk was made, where one was: FullDisk, or in a
	// lesser way, and why.
	FullDisk string `json:"full_disk,omitempty"`

	Acknowledged int     `json:"acknowledged"`
	Doubtful     int     `json:"unanswered"` // of which
	Happened     int     `json:"unanswered_and_happened"`
	Rows         int     `json:"rows_compared"`
	Changes      int     `json:"changes_read_from_the_feed"`
	Events       int     `json:"webhook_events"`
	Repeats      int     `json:"webhook_events_sent_again"`
	Refused      int     `json:"deliveries_refused_by_the_receiver"`
	Seconds      float64 `json:"seconds"`
	Dir          string  `json:"dir"`
}

// Round is one time that something was broken.
type Round struct {
	Fault        string  `json:"fault"`
	Detail       string  `json:"detail,omitempty"`
	Acknowledged int     `json:"acknowledged"`
	Doubtful     int     `json:"unanswered"`
	Happened     int     `json:"unanswered_and_happened"`
	Seconds      float64 `json:"seconds"`
}

// FullDisk is the way to make a full disk that leaves nothing to be desired.
const FullDisk = "a small file system that was filled to the last byte"

// ErrUnable says that there was nothing to torture: it is no verdict.
var ErrUnable = errors.New("the torture could not be run")

func unable(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUnable, fmt.Errorf(format, args...))
}

// most bounds how many problems are kept: the first ones tell the most.
const most = 50

func (r *Report) problem(format string, args ...any) {
	if len(r.Problems) < most {
		r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
	}
}

// add takes what the doctor found.
func (r *Report) add(x *doctor.Report) {
	for i := range x.Checks {
		c := &x.Checks[i]
		if c.Status == doctor.OK || c.Status == doctor.Warning {
			continue
		}
		for _, f := range c.Found[:min(3, len(c.Found))] {
			r.problem("doctor: %s: %s: %s", c.Name, f.ID, f.Detail)
		}
		if len(c.Found) == 0 {
			r.problem("doctor: %s: %s", c.Name, c.Detail)
		}
	}
}
