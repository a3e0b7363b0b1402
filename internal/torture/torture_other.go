//go:build !unix

package torture

import "context"

// Run needs the signals of a Unix.
func Run(context.Context, Config) (*Report, error) { return &Report{}, unable("it needs a Unix") }

// Fault is a way to break something, for people.
type Fault struct{ Name, About string }

// Faults are none here.
func Faults() []Fault { return nil }

// Apart does nothing here.
func Apart(context.Context, []string) (bool, int, error) { return false, 0, nil }
