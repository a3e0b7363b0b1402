package feed

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

const aboutSnapshot = "All customers with their members, page by page, to build a mirror from.\n\n" +
	"Pass `next` of one answer as `cursor` of the following request until it is null, then read `/v1/changes` from `seq` on. Changes that were made " +
	"meanwhile may be in the snapshot already: leave out those whose `customer_seq` is not greater than that of the customer."

type snapshotInput struct {
	Cursor        *string            `query:"cursor" doc:"The next of the page before; none for the first page."`
	Limit         int                `query:"limit" gt:"0" le:"1000" default:"500" doc:"How many customers to answer at most."`
	Organizations schema.Many[id.ID] `query:"organization_id" doc:"Filter by organization ID."`
}

// Mirrored is a customer with all that a mirror keeps of it.
type Mirrored struct {
	Customer    customer.Customer `json:"customer"`
	Members     []customer.Member `json:"members" doc:"The members of the customer, oldest first."`
	CustomerSeq int64             `json:"customer_seq" doc:"The last change of the customer that is in here."`
}

// Snapshot is a page of all customers.
type Snapshot struct {
	Items []Mirrored `json:"items"`
	Seq   int64      `json:"seq" doc:"The sequence number after which the feed goes on, the same on every page."`
	Next  *string    `json:"next" doc:"The cursor of the next page; null on the last."`
}

// SchemaName names the page for generated clients.
func (Snapshot) SchemaName() string { return "ChangeSnapshot" }

// snapshot reads each page in a snapshot of its own. What keeps the whole
// consistent is that every customer comes with its sequence number, and that
// the feed goes on from before the first page.
func (s *Service) snapshot(ctx context.Context, sub auth.Subject, in snapshotInput) (out Snapshot, err error) {
	after := id.ID("")
	if in.Cursor == nil {
		out.Seq, err = s.settled(ctx)
	} else {
		out.Seq, after, err = readCursor(*in.Cursor)
	}
	if err != nil {
		return out, err
	}
	orgs := visible(&sub, in.Organizations...)
	err = s.db.Read(ctx, func(q db.Querier) error {
		out.Items, err = s.mirrored(ctx, q, orgs, after, in.Limit)
		return err
	})
	if err == nil && len(out.Items) == in.Limit {
		next := strconv.FormatInt(out.Seq, 10) + "." + string(out.Items[in.Limit-1].Customer.ID)
		out.Next = &next
	}
	return out, err
}

func (s *Service) mirrored(ctx context.Context, q db.Querier, orgs []id.ID, after id.ID, limit int) ([]Mirrored, error) {
	rows, err := customer.After(ctx, q, orgs, after, limit)
	if err != nil || len(rows) == 0 {
		return []Mirrored{}, err
	}
	ids := make([]id.ID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	members, err := customer.MembersOf(ctx, q, orgs, ids)
	if err != nil {
		return nil, err
	}
	heads, err := journal.Heads(ctx, q, orgs, ids)
	out := make([]Mirrored, len(rows))
	for i := range rows {
		out[i] = Mirrored{s.customers.Public(rows[i]), members[ids[i]], heads[ids[i]]}
	}
	return out, err
}

func readCursor(text string) (int64, id.ID, error) {
	number, rest, _ := strings.Cut(text, ".")
	seq, err := strconv.ParseInt(number, 10, 64)
	after, problem := id.Parse(rest)
	if err != nil || seq < 0 || !problem.OK() {
		return 0, "", &schema.Problems{List: []schema.Problem{{Type: "value_error", Loc: []any{"query", "cursor"},
			Msg: "This is not the next of a page.", Input: schema.StringNode(text)}}}
	}
	return seq, after, nil
}

const (
	aboutDigest = "One number over all customers and members as they were after the change `seq`, by which a mirror that has applied the feed up to " +
		"that change, and no further, can be checked.\n\nIt is the sum, modulo 2^256, of the SHA-256 of a text for each customer and member: its kind, its ID and its " +
		"canonical JSON (RFC 8785) with colons between. Of customers, `avatar_url` and `first_user_event_at` are left out: they are derived."
	busy = "The digest could not be taken between all the changes. Try again."
)

type digestInput struct {
	Organizations schema.Many[id.ID] `query:"organization_id" doc:"Filter by organization ID."`
}

// Digest is what a mirror is compared with.
type Digest struct {
	Seq       int64  `json:"seq" doc:"The change after which the digest was taken."`
	Customers int    `json:"customers" doc:"How many customers there were."`
	Members   int    `json:"members" doc:"How many members there were."`
	Digest    string `json:"digest" doc:"The sum, as 64 hexadecimal digits."`
}

// SchemaName names the digest for generated clients.
func (Digest) SchemaName() string { return "ChangeDigest" }

// tries is how often a snapshot is taken in search of one without a gap.
const tries = 200

// digest takes snapshots until one shows the state after some change exactly:
// with all changes up to it and none after it. On SQLite every one does. On
// PostgreSQL a change may be visible while one with a lower number is not.
func (s *Service) digest(ctx context.Context, sub auth.Subject, in digestInput) (out Digest, err error) {
	orgs := visible(&sub, in.Organizations...)
	for range tries {
		exact := false
		err = s.db.Read(ctx, func(q db.Querier) error {
			if out.Seq, exact, err = s.exact(ctx, q); err != nil || !exact {
				return err
			}
			return s.sum(ctx, q, orgs, &out)
		})
		if err != nil || exact {
			return out, err
		}
	}
	return out, fault.Unavailable.New(busy)
}

// exact says whether a snapshot shows every change up to the last that it
// shows. To know, it waits until that one is settled.
func (s *Service) exact(ctx context.Context, q db.Querier) (seq int64, ok bool, err error) {
	from := s.horizon.Known()
	seen, err := journal.See(ctx, q, from, 0)
	if err != nil || s.db.Engine() != "postgres" {
		return seen.Newest, true, err
	}
	settled, err := s.settled(ctx)
	if err != nil || settled < seen.Newest {
		return 0, false, err
	}
	all, err := journal.See(ctx, s.db, from, seen.Newest)
	return seen.Newest, all.Rows == seen.Rows, err
}

func (s *Service) sum(ctx context.Context, q db.Querier, orgs []id.ID, out *Digest) error {
	var sum Sum
	for r, err := range customer.Each(ctx, q, orgs) {
		if err != nil {
			return err
		}
		c := s.customers.Public(r)
		if err := sum.Add("customer", string(r.ID), schema.JSON(&c)); err != nil {
			return err
		}
		out.Customers++
	}
	for m, err := range customer.EachMember(ctx, q, orgs) {
		if err != nil {
			return err
		}
		if err := sum.Add("member", string(m.ID), schema.JSON(&m)); err != nil {
			return err
		}
		out.Members++
	}
	total := sum.Bytes()
	out.Digest = hex.EncodeToString(total[:])
	return nil
}
