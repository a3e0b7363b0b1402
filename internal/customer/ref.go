package customer

import (
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// Ref is a customer that is yet to be read, so that what is theirs can be
// asked for together with them.
type Ref struct {
	organizations []id.ID
	id            id.ID
	external      *string
	deleted       bool // is one, too
}

// Ref refers to a live customer that the subject can see: by id, or by
// external id when there is one.
func (s *Service) Ref(sub auth.Subject, customer id.ID, external *string) Ref {
	return Ref{organizations: visible(&sub), id: customer, external: external}
}

// AnyRef refers to a customer of an organization, also to one who is deleted,
// for the server itself: it asks nobody's permission.
func AnyRef(organization, customer id.ID) Ref {
	return Ref{organizations: []id.ID{organization}, id: customer, deleted: true}
}

// Ask asks for the customer. What it returns is to be called when the reads
// have run.
func (r Ref) Ask(reads *db.Reads) func() (Row, error) {
	text, first := selectWhere(r.organizations, "id", ""), any(r.id)
	if r.external != nil {
		text, first = selectWhere(r.organizations, "external_id", " LIMIT 2"), indexText(*r.external)
	}
	rows := db.Ask[Row](reads, text, append([]any{first}, ids(r.organizations)...)...)
	return func() (Row, error) {
		if r.deleted && len(*rows) == 1 {
			return (*rows)[0], nil
		}
		return theOne(*rows)
	}
}

// Theirs is the condition that a row of some table is the customer's. The
// table's name in the statement comes with a dot, or is empty. Where several
// customers have the external id it is one's of them: Ask's answer is an error
// then.
func (r Ref) Theirs(table string) *db.W {
	w := db.Where("").In(table+"organization_id", r.organizations)
	if r.external == nil {
		return w.And(table+"customer_id = ?", r.id)
	}
	in, args := db.InList("organization_id", r.organizations)
	return w.And(table+"customer_id = (SELECT id FROM customers WHERE external_id = ? AND "+in+" LIMIT 1)",
		append([]any{indexText(*r.external)}, args...)...)
}

// theOne is the customer that was found, when it is one who is live.
func theOne(rows []Row) (Row, error) {
	switch {
	case len(rows) == 0 || len(rows) == 1 && rows[0].DeletedAt != nil:
		return Row{}, fault.NotFound.New()
	case len(rows) > 1:
		return Row{}, fault.AmbiguousExternal.New()
	}
	return rows[0], nil
}
