package feed

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

const ahead = "The journal does not reach this sequence number: the data was restored from an older copy. Build your mirror anew from a snapshot."

// Position is a sequence number, or "now" for the end of the journal.
type Position struct {
	Seq int64
	Now bool
}

// DecodeNode reads a number of zero or more, or the word.
func (p *Position) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Text == "now" {
		p.Now = true
		return
	}
	seq, err := strconv.ParseInt(n.Text, 10, 64)
	if err != nil || seq < 0 {
		at.ValueError("A sequence number or 'now' is expected.", n)
		return
	}
	p.Seq = seq
}

// SchemaName says that the schema is written in place.
func (Position) SchemaName() string { return "" }

// DescribeSchema describes a position.
func (Position) DescribeSchema(*schema.Builder) *schema.Schema {
	zero := 0.0
	return &schema.Schema{AnyOf: []*schema.Schema{{Type: "integer", Minimum: &zero}, {Type: "string", Const: "now"}}}
}

type changesInput struct {
	After              *Position           `query:"after" doc:"Only changes after this sequence number, or 'now' for those still to come. From the beginning by default."`
	Limit              int                 `query:"limit" gt:"0" le:"1000" default:"100" doc:"How many changes to answer at most."`
	Wait               int                 `query:"wait" ge:"0" le:"60" default:"0" doc:"When there is nothing yet, how many seconds to wait for something."`
	Types              schema.Many[string] `query:"type" maxItems:"100" doc:"Only changes of these types. One that ends in .* stands for all that begin so, as in customer.*"`
	CustomerID         *id.ID              `query:"customer_id" doc:"Only changes that concern this customer."`
	ExternalCustomerID *string             `query:"external_customer_id" doc:"Only changes that concern the customer with this external ID."`
	Organizations      schema.Many[id.ID]  `query:"organization_id" doc:"Filter by organization ID."`
	Full               bool                `query:"full" default:"false" doc:"Also answer the whole resource as it was after each change."`
}

// Page is a part of the feed.
type Page struct {
	Items   []Change `json:"items"`
	Next    int64    `json:"next" doc:"The sequence number to go on after."`
	HasMore bool     `json:"has_more" doc:"Whether there is more already."`
}

// SchemaName names the page for generated clients.
func (Page) SchemaName() string { return "ChangePage" }

// reader reads one caller's part of the feed.
type reader struct {
	s     *Service
	f     journal.Filter
	full  bool
	after int64
}

// open resolves what the caller asked for, and where to begin.
func (s *Service) open(ctx context.Context, sub auth.Subject, in *changesInput, lastID string) (*reader, error) {
	r := &reader{s: s, full: in.Full, f: journal.Filter{Organizations: visible(&sub, in.Organizations...), Types: in.Types, Without: access}}
	if len(sub.Organizations(auth.OrganizationManage, in.Organizations...)) < len(r.f.Organizations) {
		r.f.Without = slices.Concat(access, endpoints)
	}
	if in.CustomerID != nil {
		r.f.Customer = *in.CustomerID
	}
	if in.ExternalCustomerID != nil {
		c, err := s.customers.Find(ctx, s.db, sub, "", in.ExternalCustomerID)
		if err != nil {
			return nil, err
		}
		if in.CustomerID != nil && c.ID != *in.CustomerID {
			r.f.Organizations = nil // nobody is both
		}
		r.f.Customer = c.ID
	}
	return r, r.seek(ctx, in.After, lastID)
}

// seek finds the position to read from: what the caller says it has received
// wins over what it asked for when it began.
func (r *reader) seek(ctx context.Context, after *Position, lastID string) (err error) {
	if n, bad := strconv.ParseInt(lastID, 10, 64); bad == nil && n >= 0 {
		after = &Position{Seq: n}
	}
	switch {
	case after == nil:
		return nil
	case after.Now:
		r.after, err = r.s.settled(ctx)
		return err
	}
	r.after = after.Seq
	if r.after <= r.s.horizon.Known() {
		return nil
	}
	drawn, err := journal.Drawn(ctx, r.s.db)
	if err == nil && r.after > drawn {
		err = fault.Gone.New(ahead)
	}
	return err
}

// next reads on, up to a number that is settled, and moves the position.
func (r *reader) next(ctx context.Context, upTo int64, limit int) (items []Change, more bool, err error) {
	if upTo <= r.after {
		return []Change{}, false, nil
	}
	rows, err := journal.After(ctx, r.s.db, r.f, r.after, upTo, limit+1)
	if err != nil {
		return nil, false, err
	}
	if more = len(rows) > limit; more {
		rows = rows[:limit]
		upTo = rows[limit-1].Seq
	}
	items = make([]Change, len(rows))
	for i := range rows {
		items[i] = public(&rows[i])
		if r.full {
			if items[i].Data, err = whole(ctx, r.s.db, &rows[i]); err != nil {
				return nil, false, err
			}
		}
	}
	r.after = upTo
	return items, more, nil
}

// list answers what there is, or will be, to whom it may be told when it is
// answered. Who reaches other organizations by then gets nothing, and asks
// again from where they began.
func (s *Service) list(ctx context.Context, sub auth.Subject, in changesInput) (Page, error) {
	r, err := s.open(ctx, sub, &in, "")
	if err != nil {
		return Page{}, err
	}
	begun := r.after
	out, err := s.wait(ctx, r, &in)
	if err != nil {
		return Page{}, err
	}
	same, err := api.Still(ctx)
	if !same {
		out = Page{Items: []Change{}, Next: begun}
	}
	return out, err
}

// wait reads on, and waits for something to read if that is wanted.
func (s *Service) wait(ctx context.Context, r *reader, in *changesInput) (out Page, err error) {
	var l *listener
	if in.Wait > 0 { // before the first look, so that nothing happens unheard between
		l = s.hub.listen(ctx, r.f.Organizations)
		defer s.hub.leave(l)
	}
	upTo, err := s.settled(ctx)
	deadline := time.NewTimer(time.Duration(in.Wait) * time.Second)
	defer deadline.Stop()
	for err == nil {
		out.Items, out.HasMore, err = r.next(ctx, upTo, in.Limit)
		out.Next = r.after
		if err != nil || len(out.Items) > 0 || l == nil {
			return out, err
		}
		select {
		case <-l.wake:
			upTo = s.horizon.Known()
		case <-deadline.C:
			return out, nil
		case <-s.hub.stopped:
			return out, nil
		case <-ctx.Done():
			return out, ctx.Err()
		}
	}
	return out, err
}

const (
	batch     = 200              // changes that are read and sent at once: what a slow reader costs
	heartbeat = 15 * time.Second // proxies end what is silent for a minute
)

func (s *Service) follow(ctx context.Context, sub auth.Subject, in changesInput, to *api.Events) error {
	r, err := s.open(ctx, sub, &in, to.LastID())
	if err != nil {
		return err
	}
	l := s.hub.listen(ctx, r.f.Organizations)
	defer s.hub.leave(l)
	upTo, err := s.settled(ctx)
	if err != nil {
		return err
	}
	if err := to.Open(); err != nil {
		return err
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		if err := r.pour(ctx, upTo, to, s.hub.stopped); err != nil {
			return err
		}
		select {
		case <-l.wake:
			upTo = s.horizon.Known()
		case <-beat.C:
			if err := to.Beat(strconv.FormatInt(r.after, 10)); err != nil { //nolint:contextcheck // it has that of the request
				return err
			}
		case <-s.hub.stopped:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// pour sends all there is up to a number.
func (r *reader) pour(ctx context.Context, upTo int64, to *api.Events, stopped <-chan struct{}) error {
	for more := true; more; {
		select {
		case <-stopped:
			return nil
		default:
		}
		var items []Change
		var err error
		if items, more, err = r.next(ctx, upTo, batch); err != nil || len(items) == 0 {
			return err
		}
		list := make([]api.Event, len(items))
		for i := range items {
			list[i] = api.Event{ID: strconv.FormatInt(items[i].Seq, 10), Data: &items[i]}
		}
		if err := to.Send(list...); err != nil {
			return err
		}
	}
	return nil
}

// whole rebuilds a resource as it was after a change: the last change that has
// all fields, with those after it laid over. Nil where the journal does not
// know it all.
func whole(ctx context.Context, q db.Querier, r *journal.Row) (*Fields, error) {
	if len(r.Before) == 0 || r.SubjectID == nil {
		f := Fields(r.After)
		return &f, nil
	}
	list, err := journal.OfSubject(ctx, q, r)
	if err != nil {
		return nil, err
	}
	var n *schema.Node
	for i := range list {
		if len(list[i].After) == 0 { // it says that something happened, not what
			continue
		}
		after, err := schema.Parse(list[i].After)
		if err != nil {
			return nil, errors.Join(errors.New("a change is not JSON"), err)
		}
		switch {
		case len(list[i].Before) == 0 && describes(after, *r.SubjectID):
			n = after
		case len(list[i].Before) > 0 && n != nil:
			overlay(n, after)
		}
	}
	f := Fields(nil)
	if n != nil {
		f = n.Append(nil)
	}
	return &f, nil
}

// describes says whether an object is that of an id: where a license key is in
// use is recorded under the key.
func describes(n *schema.Node, of id.ID) bool {
	v := n.Get("id")
	return v != nil && v.Text == string(of)
}

func overlay(n, fields *schema.Node) {
	for i, key := range fields.Keys {
		if at := n.Get(key); at != nil {
			*at = fields.Items[i]
		} else {
			n.Keys, n.Items = append(n.Keys, key), append(n.Items, fields.Items[i])
		}
	}
}
