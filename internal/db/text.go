package db

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// statement is what is remembered about one SQL text.
type statement struct {
	source string // as the caller wrote it
	text   string // as the engine gets it
	plan   atomic.Pointer[plan]
	// fresh statements PostgreSQL plans with their arguments each time. A plan
	// that is kept for any argument takes every LIKE for one that finds little; those
	// of texts that callers give have an ESCAPE.
	fresh bool
	// doubt is positive while the statement may take long; see patience.
	doubt atomic.Int32
}

// A read that can be cancelled costs a third more, since the driver watches
// the context from another goroutine each time. So a statement that has shown
// to be quick runs to its end, and one that was slow even once is watched
// again for a hundred runs.
const (
	slowTime  = 20 * time.Millisecond
	slowDoubt = 100
)

// patience returns the context to run the statement with.
func (st *statement) patience(ctx context.Context) context.Context {
	if st.doubt.Load() > 0 {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// took remembers how long a run was.
func (st *statement) took(d time.Duration) {
	if d > slowTime {
		st.doubt.Store(slowDoubt)
	} else if st.doubt.Load() > 0 {
		st.doubt.Add(-1)
	}
}

// texts remembers statements by their source. SQL is mostly constant, but
// filters make new texts; when there are very many the memory starts over.
type texts struct {
	numbered bool
	seen     func(string)
	bySource sync.Map // string -> *statement
	size     atomic.Int64
}

// maxTexts is how many bytes of SQL are remembered.
const maxTexts = 8 << 20

func (t *texts) get(source string) *statement {
	if st, ok := t.bySource.Load(source); ok {
		return st.(*statement)
	}
	return t.add(source)
}

func (t *texts) add(source string) *statement {
	if t.size.Load() >= maxTexts {
		t.bySource.Clear()
		t.size.Store(0)
	}
	st := &statement{source: source, text: source}
	st.doubt.Store(1)
	if t.numbered {
		st.text, st.fresh = number(source), strings.Contains(source, "LIKE ? ESCAPE")
	}
	kept, found := t.bySource.LoadOrStore(source, st)
	if !found {
		t.size.Add(int64(len(source)))
		if t.seen != nil {
			t.seen(source)
		}
	}
	return kept.(*statement)
}

// number replaces each ? outside of quotes and comments with $1, $2, ….
func number(source string) string {
	var out strings.Builder
	out.Grow(len(source) + 16)
	marks := 0
	for i := 0; i < len(source); {
		if source[i] == '?' {
			marks++
			out.WriteByte('$')
			out.WriteString(strconv.Itoa(marks))
			i++
			continue
		}
		n := opaque(source[i:])
		out.WriteString(source[i : i+n])
		i += n
	}
	return out.String()
}

// opaque returns how many bytes at the start of s are to be copied as they
// are: a quoted piece, a comment, or one byte.
func opaque(s string) int {
	switch {
	case s[0] == '\'' || s[0] == '"':
		return through(s, 1, s[:1])
	case strings.HasPrefix(s, "--"):
		return through(s, 2, "\n")
	case strings.HasPrefix(s, "/*"):
		return through(s, 2, "*/")
	}
	return 1
}

// through returns the length of s up to and with the end mark. A doubled
// quote needs no care: it reads as one quoted piece after another.
func through(s string, from int, end string) int {
	if i := strings.Index(s[from:], end); i >= 0 {
		return from + i + len(end)
	}
	return len(s)
}
