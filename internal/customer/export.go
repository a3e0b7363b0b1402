package customer

import (
	"context"
	"iter"
	"strings"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

type exportInput struct {
	Organizations schema.Many[id.ID] `query:"organization_id" doc:"Filter by organization ID."`
}

var exportHeader = []string{"ID", "External ID", "Created At", "Email", "Name", "Tax ID", "Billing Address Line 1", "Billing Address Line 2",
	"Billing Address City", "Billing Address State", "Billing Address Zip", "Billing Address Country", "Metadata"}

func (s *Service) export(ctx context.Context, sub auth.Subject, in exportInput) (api.Table, error) {
	orgs := visible(&sub, in.Organizations...)
	return api.Table{Name: "polar-customers", Header: exportHeader, Rows: func(yield func([]string, error) bool) {
		for r, err := range s.oldestFirst(ctx, orgs) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(r.record(), nil) {
				return
			}
		}
	}}, nil
}

// oldestFirst reads customers piece by piece and holds no connection in
// between: who reads an export slowly would keep one from everybody else.
func (s *Service) oldestFirst(ctx context.Context, orgs []id.ID) iter.Seq2[*Row, error] {
	feeds := make([]feed, len(orgs))
	for i, org := range orgs {
		feeds[i] = feed{organization: org, last: id.ID("00000000-0000-0000-0000-000000000000")}
	}
	return func(yield func(*Row, error) bool) {
		for {
			var next *feed
			for i := range feeds {
				f := &feeds[i]
				if err := f.fill(ctx, s.DB); err != nil {
					yield(nil, err)
					return
				}
				if len(f.rows) > 0 && (next == nil || f.rows[0].older(&next.rows[0])) {
					next = f
				}
			}
			if next == nil || !yield(next.take(), nil) {
				return
			}
		}
	}
}

// feed is the customers of one organization, oldest first. Feeds are merged,
// because one query over several organizations would sort all their customers
// for every piece.
type feed struct {
	organization id.ID
	after        time.Time
	last         id.ID
	rows         []Row
	done         bool
}

const feedSize = 500

// fill reads the next piece when the one before is used up.
func (f *feed) fill(ctx context.Context, q db.Querier) (err error) {
	if len(f.rows) > 0 || f.done {
		return nil
	}
	f.rows, err = db.All[Row](ctx, q, `SELECT `+columns+` FROM customers
		WHERE organization_id = ? AND deleted_at IS NULL AND (created_at, id) > (?, ?)
		ORDER BY created_at, id
		LIMIT ?`, f.organization, f.after, f.last, feedSize)
	f.done = len(f.rows) < feedSize
	return err
}

func (f *feed) take() *Row {
	r := &f.rows[0]
	f.rows = f.rows[1:]
	f.after, f.last = r.CreatedAt, r.ID
	return r
}

func (r *Row) older(than *Row) bool {
	if !r.CreatedAt.Equal(than.CreatedAt) {
		return r.CreatedAt.Before(than.CreatedAt)
	}
	return r.ID < than.ID
}

// record is a customer as a line of the export.
func (r *Row) record() []string {
	address := r.address()
	part := func(key string) string {
		if v := address.Get(key); v != nil && v.Kind == schema.String {
			return v.Text
		}
		return ""
	}
	external := r.ExternalID
	if external == nil {
		external = r.keptExternalID()
	}
	return []string{string(r.ID), orEmpty(external), schema.Offset(r.CreatedAt), orEmpty(r.Email), orEmpty(r.Name), orEmpty(r.TaxID),
		part("line1"), part("line2"), part("city"), part("state"), part("postal_code"), part("country"), spacedJSON(r.Metadata)}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// spacedJSON writes metadata as text exports do: with a space after commas and
// colons, and everything but ASCII escaped. Nothing stands for an empty map.
func spacedJSON(metadata []byte) string {
	n := schema.Metadata(metadata).Node()
	if len(n.Keys) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, key := range n.Keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(asciiJSON(schema.AppendString(nil, key)))
		b.WriteString(": ")
		b.WriteString(asciiJSON(n.Items[i].Append(nil)))
	}
	b.WriteByte('}')
	return b.String()
}

func asciiJSON(text []byte) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	unit := func(u rune) {
		b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			b.WriteByte(hex[u>>shift&15])
		}
	}
	for _, r := range string(text) {
		switch {
		case r == 0x7f || r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			unit(0xd800 + (r-0x10000)>>10)
			unit(0xdc00 + (r-0x10000)&0x3ff)
		default:
			unit(r)
		}
	}
	return b.String()
}
