package api

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"

	"floe/internal/auth"
	"floe/internal/schema"
)

// eventsMedia is the media type of server-sent events.
const eventsMedia = "text/event-stream"

// Event is one server-sent event.
type Event struct {
	ID   string // the browser's EventSource sends the last one back when it reconnects
	Data any
}

// Events is where an operation writes server-sent events. It belongs to the
// goroutine of the request.
type Events struct {
	h *Handler
	c *call
}

// Follow declares a read that a caller may also follow: it answers JSON, or,
// to those who accept text/event-stream, events for as long as both sides want.
// A stream ends well when follow returns nil.
func Follow[I, O any](path string, h Func[I, O], follow func(ctx context.Context, sub auth.Subject, in I, to *Events) error) *Operation {
	o := declare(http.MethodGet, path, http.StatusOK, h)
	o.follow = func(ctx context.Context, sub auth.Subject, in reflect.Value, to *Events) error {
		return follow(ctx, sub, *in.Addr().Interface().(*I), to)
	}
	return o
}

// wantsEvents says whether the caller asked for events by name.
func (c *call) wantsEvents() bool {
	for _, accept := range c.r.Header.Values("Accept") {
		for part := range strings.SplitSeq(accept, ",") {
			media, _, _ := strings.Cut(part, ";")
			if strings.EqualFold(strings.TrimSpace(media), eventsMedia) {
				return true
			}
		}
	}
	return false
}

// events runs a stream. That the caller has gone, or reads too slowly, is an
// end like any other; so is a credential that is no longer good.
func (h *Handler) events(c *call, in reflect.Value) error {
	to := &Events{h: h, c: c}
	err := c.op.follow(c.r.Context(), c.sub, in, to)
	if c.r.Context().Err() != nil || to.c.gone != nil {
		return nil
	}
	if err == nil && c.status == 0 {
		err = to.Open() // nothing to say, and said well
	}
	return err
}

// LastID is what the caller says it has received last; "" for nothing.
func (e *Events) LastID() string { return e.c.r.Header.Get("Last-Event-ID") }

// Open sends the headers. Until then an error is an ordinary answer.
func (e *Events) Open() error {
	e.c.w.Header().Set("X-Accel-Buffering", "no") // proxies that know it pass events on at once
	e.c.head(http.StatusOK, eventsMedia, -1)
	e.c.began = time.Since(e.c.start)
	return e.write([]byte("retry: 1000\n\n"))
}

// Send writes events in one piece and pushes them out. A caller who does not
// take them in time is cut off: what it misses it asks for again. Nothing more
// is sent to whom Beat would end.
func (e *Events) Send(list ...Event) error {
	if err := e.check(); err != nil {
		return err
	}
	var b []byte
	for i := range list {
		b = append(append(b, "id: "...), list[i].ID...)
		b = append(b, "\ndata: "...)
		b = schema.Append(b, list[i].Data)
		b = append(b, "\n\n"...)
	}
	return e.write(b)
}

// Beat keeps the connection alive and moves the caller's last id on. It also
// looks at the credential again: whoever may no longer call the operation, or
// reaches other organizations than before, is asked to connect anew.
func (e *Events) Beat(id string) error {
	if err := e.check(); err != nil {
		return err
	}
	return e.write([]byte(": still here\nid: " + id + "\n\n"))
}

func (e *Events) check() error {
	if same, err := e.h.still(e.c); err != nil || !same {
		e.c.gone = auth.ErrInvalid
		return auth.ErrInvalid
	}
	return nil
}

// still looks at the credential again, of a caller who has waited. It answers
// the error that refuses them now, and whether they reach the organizations
// that they did, as what they were there.
func (h *Handler) still(c *call) (same bool, err error) {
	was := c.sub.Memberships
	if err := h.authenticate(c); err != nil {
		return false, err
	}
	return slices.EqualFunc(was, c.sub.Memberships, func(a, b auth.Membership) bool {
		return a.OrganizationID == b.OrganizationID && a.Role == b.Role
	}), c.op.accepts(&c.sub)
}

type stillKey struct{}

// Still is for an operation that a caller may Follow and that has waited before
// it answers: it says whether the caller may yet be told what it has found. An
// error refuses them; false says that they reach other organizations than
// before, or as somebody else, and have to ask anew.
func Still(ctx context.Context) (bool, error) {
	look, ok := ctx.Value(stillKey{}).(func() (bool, error))
	if !ok {
		return true, nil
	}
	return look()
}

func (e *Events) write(b []byte) error {
	control := http.NewResponseController(e.c.w)
	_ = control.SetWriteDeadline(time.Now().Add(e.h.PieceTime)) // a recorder in a test has none
	_, err := e.c.w.Write(b)
	if err == nil {
		err = control.Flush()
	}
	_ = control.SetWriteDeadline(time.Time{}) // the connection may serve others after this
	e.c.gone = err
	return err
}
