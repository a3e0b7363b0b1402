package api

import (
	"context"
	"net/http"
	"strings"

	"floe/internal/db"
	"floe/internal/fault"
)

// Consistency is the header in which answers to changes say what a reader must
// ask for to see them, and in which requests ask for it.
const Consistency = "Floe-Consistency"

// eventual is what callers send who take what a replica has.
const eventual = "eventual"

// view is what the request wants to see of a database with replicas. A request
// that says nothing sees everything that was committed before it, which only
// the primary can promise: it has no view, unless it changes something and its
// answer has to say where that is. What cannot be read is refused also where
// there is no replica, so that a mistake does not wait for one.
func (h *Handler) view(c *call) (*db.View, error) {
	after, asked, err := freshness(c.r.Header)
	switch {
	case err != nil:
		return nil, err
	case !h.Replica:
		return nil, nil
	case c.r.Method != http.MethodGet:
		return &db.View{}, nil
	case !asked || c.op.primary:
		return nil, nil
	}
	return &db.View{Replica: true, After: after}, nil
}

// freshness reads the header, a list. Of several tokens the latest counts.
func freshness(header http.Header) (after db.Position, asked bool, err error) {
	for text := range strings.SplitSeq(strings.Join(header[Consistency], ","), ",") {
		if text = strings.Trim(text, " \t"); text == "" {
			continue
		}
		asked = true
		if text == eventual {
			continue
		}
		p, err := db.ParsePosition(text)
		if err != nil {
			return 0, false, fault.BadRequest.New(Consistency + " is neither what an answer has sent in it nor \"" + eventual + "\".")
		}
		after = max(after, p)
	}
	return after, asked, nil
}

// within runs the operation with its view, and says in the answer what it wrote.
func (c *call) within(ctx context.Context, v *db.View, run func(context.Context) (any, error)) (any, error) {
	if v == nil {
		return run(ctx)
	}
	out, err := run(db.WithView(ctx, v))
	if at := v.Written(); at != 0 {
		c.w.Header()[Consistency] = []string{at.String()}
	}
	return out, err
}
