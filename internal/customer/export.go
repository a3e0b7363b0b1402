package customer

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"
	"sync"
	"time"
	"unicode/utf8"

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
		line := make([]string, 0, len(exportHeader))
		for r, err := range s.oldestFirst(ctx, orgs) {
			if err != nil {
				yield(nil, err)
				return
			}
			if line = r.record(line[:0]); !yield(line, nil) {
				return
			}
		}
	}}, nil
}

// oldestFirst reads customers piece by piece and holds no connection in
// between: who reads an export slowly would keep one from everybody else.
func (s *Service) oldestFirst(ctx context.Context, orgs []id.ID) iter.Seq2[*Row, error] {
	return func(yield func(*Row, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		var reading sync.WaitGroup
		defer reading.Wait()
		defer stop()
		feeds := make([]feed, len(orgs))
		for i, org := range orgs {
			feeds[i] = feed{read: func(after time.Time, last id.ID) <-chan piece {
				out := make(chan piece, 1)
				reading.Go(func() { out <- s.readPiece(ctx, org, after, last) })
				return out
			}}
		}
		for {
			next, err := oldest(feeds)
			if err != nil {
				yield(nil, err)
				return
			}
			if next == nil || !yield(next.take(), nil) {
				return
			}
		}
	}
}

// oldest is the feed whose next customer is the oldest of all, nil at the end.
func oldest(feeds []feed) (next *feed, err error) {
	for i := range feeds {
		f := &feeds[i]
		if err := f.fill(); err != nil {
			return nil, err
		}
		if len(f.rows) > 0 && (next == nil || f.rows[0].older(&next.rows[0])) {
			next = f
		}
	}
	return next, nil
}

// feed is the customers of one organization, oldest first. Feeds are merged,
// because one query over several organizations would sort all their customers
// for every piece.
type feed struct {
	read  func(after time.Time, last id.ID) <-chan piece
	ahead <-chan piece // is being read
	rows  []Row
	done  bool
}

// piece is some customers that follow each other.
type piece struct {
	rows []Row
	err  error
}

const feedSize = 1000

// exported are the columns of a Row that lines, and their order, are made of.
const exported = `id, created_at, email, name, COALESCE(external_id_long, external_id) AS external_id, tax_id, billing_address, metadata`

// readPiece fails where it panics: beside the request nobody else would hear
// of it, and the process would end.
func (s *Service) readPiece(ctx context.Context, organization id.ID, after time.Time, last id.ID) (p piece) {
	defer func() {
		if what := recover(); what != nil {
			p.err = fmt.Errorf("panic: %v\n%s", what, debug.Stack())
		}
	}()
	rows, err := db.All[Row](ctx, s.DB, `SELECT `+exported+` FROM customers
		WHERE organization_id = ? AND deleted_at IS NULL AND (created_at, id) > (?, ?)
		ORDER BY created_at, id
		LIMIT ?`, organization, after, last, feedSize)
	return piece{rows, err}
}

// fill has the next piece when the one before is used up.
func (f *feed) fill() error {
	if len(f.rows) > 0 || f.done {
		return nil
	}
	if f.ahead == nil {
		f.ahead = f.read(time.Time{}, "00000000-0000-0000-0000-000000000000")
	}
	p := <-f.ahead
	f.rows, f.ahead, f.done = p.rows, nil, len(p.rows) < feedSize
	return p.err
}

// take takes a customer. The first of a piece has the next piece read, while
// this one is written.
func (f *feed) take() *Row {
	r := &f.rows[0]
	if f.ahead == nil && !f.done {
		last := &f.rows[len(f.rows)-1]
		f.ahead = f.read(last.CreatedAt, last.ID)
	}
	f.rows = f.rows[1:]
	return r
}

func (r *Row) older(than *Row) bool {
	if !r.CreatedAt.Equal(than.CreatedAt) {
		return r.CreatedAt.Before(than.CreatedAt)
	}
	return r.ID < than.ID
}

// record adds the fields of a customer's line.
func (r *Row) record(line []string) []string {
	external := r.ExternalID
	if external == nil {
		external = r.keptExternalID()
	}
	line = append(line, string(r.ID), orEmpty(external), schema.Offset(r.CreatedAt), orEmpty(r.Email), orEmpty(r.Name), orEmpty(r.TaxID))
	return append(r.appendAddress(line), spacedJSON(r.Metadata))
}

// addressKeys are those of an address, as lines have them.
var addressKeys = []string{"line1", "line2", "city", "state", "postal_code", "country"}

func (r *Row) appendAddress(line []string) []string {
	start := len(line)
	line = append(line, make([]string, len(addressKeys))...)
	for key, v := range schema.Entries(r.BillingAddress) {
		if at := slices.Index(addressKeys, key); at >= 0 && v.Kind == schema.String {
			line[start+at] = v.Text
		}
	}
	return line
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
	var out, part []byte
	for key, v := range schema.Entries(metadata) {
		if out == nil {
			out = append(make([]byte, 0, 2*len(metadata)), '{')
		} else {
			out = append(out, ", "...)
		}
		part = schema.AppendString(part[:0], key)
		out = append(appendASCII(out, part), ": "...)
		part = v.Append(part[:0])
		out = appendASCII(out, part)
	}
	if out == nil {
		return ""
	}
	return string(append(out, '}'))
}

// appendASCII writes JSON with everything but ASCII escaped.
func appendASCII(dst, text []byte) []byte {
	const hex = "0123456789abcdef"
	unit := func(u rune) {
		dst = append(dst, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		text = text[size:]
		switch {
		case r < utf8.RuneSelf:
			dst = append(dst, byte(r))
		case r > 0xffff:
			unit(0xd800 + (r-0x10000)>>10)
			unit(0xdc00 + (r-0x10000)&0x3ff)
		default:
			unit(r)
		}
	}
	return dst
}
