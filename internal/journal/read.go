package journal

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

// Filter says which changes to read. Organizations must name some; the rest
// may be left out.
type Filter struct {
	Organizations []id.ID
	Customer      id.ID
	Types         []string // exact, or with .* at the end for all that begin so
	Without       []string // in the same form
	Actors        []id.ID
	ActorKinds    []string
	From, To      *time.Time // From <= time < To
}

// ofOrganizations is the kind of actor that nearly all changes are made by.
var ofOrganizations = auth.Organization.String()

func (f *Filter) where() *db.W {
	w := db.Where("").In("organization_id", f.Organizations)
	if f.Customer != "" {
		w.And("customer_id = ?", f.Customer)
	}
	if len(f.Types) > 0 {
		condition, args := typed(f.Types)
		w.And("("+condition+")", args...)
	}
	if len(f.Without) > 0 {
		condition, args := typed(f.Without)
		w.And("NOT ("+condition+")", args...)
	}
	if len(f.Actors) > 0 {
		w.In("actor_id", f.Actors)
	}
	if len(f.ActorKinds) > 0 {
		w.In("actor_kind", f.ActorKinds)
		if !slices.Contains(f.ActorKinds, ofOrganizations) {
			w.And("actor_kind <> '" + ofOrganizations + "'") // there is an index for those
		}
	}
	if f.From != nil {
		w.And("created_at >= ?", *f.From)
	}
	if f.To != nil {
		w.And("created_at < ?", *f.To)
	}
	return w
}

// typed is the condition that the type is one of those named.
func typed(types []string) (string, []any) {
	var conditions []string
	var args []any
	for _, t := range types {
		if stem, ok := strings.CutSuffix(t, ".*"); ok {
			conditions, args = append(conditions, `type LIKE ? ESCAPE '\'`), append(args, db.LikePrefix(stem+"."))
			continue
		}
		conditions, args = append(conditions, "type = ?"), append(args, t)
	}
	return strings.Join(conditions, " OR "), args
}

// After reads changes in the order of their numbers: those above one number,
// up to another, which should come from a Horizon.
func After(ctx context.Context, q db.Querier, f Filter, after, upTo int64, limit int) ([]Row, error) {
	w := f.where().And("seq > ?", after).And("seq <= ?", upTo)
	return db.All[Row](ctx, q, `SELECT `+columns+` FROM journal`+w.SQL()+` ORDER BY seq LIMIT ?`, append(w.Args(), limit)...)
}

// Before reads changes newest first: those below a number.
func Before(ctx context.Context, q db.Querier, f Filter, before int64, limit int) ([]Row, error) {
	w := f.where().And("seq < ?", before)
	return db.All[Row](ctx, q, `SELECT `+columns+` FROM journal`+w.SQL()+` ORDER BY seq DESC LIMIT ?`, append(w.Args(), limit)...)
}

// News lists the organizations with changes above one number, up to another.
func News(ctx context.Context, q db.Querier, after, upTo int64) ([]id.ID, error) {
	return db.All[id.ID](ctx, q, `SELECT DISTINCT organization_id FROM journal WHERE seq > ? AND seq <= ?`, after, upTo)
}

// Seen is how much of the journal a snapshot shows above a number.
type Seen struct {
	Newest int64 // the highest number, or the one it was asked for
	Rows   int64 // how many there are up to it
}

// See says how much of the journal a snapshot shows above one number and, when
// upTo is not zero, not above another.
func See(ctx context.Context, q db.Querier, after, upTo int64) (Seen, error) {
	w := db.Where("seq > ?", after)
	if upTo != 0 {
		w.And("seq <= ?", upTo)
	}
	s, err := db.One[Seen](ctx, q, `SELECT COALESCE(MAX(seq), 0) AS newest, COUNT(*) AS rows FROM journal`+w.SQL(), w.Args()...)
	s.Newest = max(s.Newest, after)
	return s, err
}

// Heads are the sequence numbers of customers: of each, the last change.
func Heads(ctx context.Context, q db.Querier, organizations, customers []id.ID) (map[id.ID]int64, error) {
	w := db.Where("").In("organization_id", organizations).In("customer_id", customers)
	list, err := db.All[head](ctx, q, `SELECT organization_id, customer_id, MAX(customer_seq) AS seq FROM journal`+w.SQL()+`
		GROUP BY organization_id, customer_id`, w.Args()...)
	out := make(map[id.ID]int64, len(list))
	for _, h := range list {
		out[h.CustomerID] = h.Seq
	}
	return out, err
}

// OfSubject reads what happened to the subject of a change up to it, oldest
// first.
func OfSubject(ctx context.Context, q db.Querier, r *Row) ([]Row, error) {
	// The plus and the order made here keep either engine from reading the whole
	// journal, which is at hand in that order.
	w := db.Where("organization_id = ?", r.OrganizationID).And("subject_id = ?", r.SubjectID).And("+seq <= ?", r.Seq)
	if r.CustomerID != nil && *r.CustomerID == *r.SubjectID { // for each of the two there is an index
		w.And("customer_id = ?", r.CustomerID)
	} else {
		w.And("customer_id IS NULL OR subject_id <> customer_id")
	}
	list, err := db.All[Row](ctx, q, `SELECT `+columns+` FROM journal`+w.SQL(), w.Args()...)
	slices.SortFunc(list, func(a, b Row) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, err
}
