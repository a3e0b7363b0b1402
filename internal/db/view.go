package db

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
)

// Position is a place in the log that PostgreSQL writes before everything
// else. A server that has come as far as the position of a commit shows what
// was committed.
type Position uint64

// ParsePosition reads a position as PostgreSQL writes it, as in 16/B374D848.
func ParsePosition(text string) (Position, error) {
	high, low, found := strings.Cut(text, "/")
	if !found || len(high) > 8 || len(low) > 8 {
		return 0, fmt.Errorf("%q is not a position in a log", text)
	}
	h, err := strconv.ParseUint(high, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a position in a log", text)
	}
	l, err := strconv.ParseUint(low, 16, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a position in a log", text)
	}
	return Position(h<<32 | l), nil
}

// String writes a position as PostgreSQL does.
func (p Position) String() string { return fmt.Sprintf("%X/%X", uint64(p)>>32, uint32(p)) }

// View is what one caller wants to see of a database that has a replica, and
// how far the caller's own changes have come. It travels in the context. Reads
// without a view show everything that was committed before them.
type View struct {
	// Replica lets reads outside of transactions that change rows be answered
	// by the replica.
	Replica bool
	// After is how far the replica must have come for that. Zero takes what it
	// has, unless it is far behind.
	After Position

	written atomic.Uint64
	primary atomic.Bool // the rest is read from the primary
}

type viewKey struct{}

// WithView returns a context for what is done for one caller.
func WithView(ctx context.Context, v *View) context.Context {
	return context.WithValue(ctx, viewKey{}, v)
}

func viewOf(ctx context.Context) *View {
	v, _ := ctx.Value(viewKey{}).(*View)
	return v
}

// Written is the position of the last change that was committed with the view:
// a reader who asks for it sees the change. Zero when there was none, or when
// the database has no replica.
func (v *View) Written() Position { return Position(v.written.Load()) }

// wrote has later reads see a change that was committed with the view.
func (v *View) wrote(at Position) {
	v.primary.Store(true)
	for old := v.written.Load(); uint64(at) > old; old = v.written.Load() {
		if v.written.CompareAndSwap(old, uint64(at)) {
			return
		}
	}
}
