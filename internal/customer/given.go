package customer

import (
	"context"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

// Given is a customer whose id, times and all else are known beforehand: one
// that is brought in from elsewhere, or made up. It is stored as it is.
type Given struct {
	Row
	// Members are its members, the owner among them. Where there is none and
	// the organization uses members, the owner follows from the customer.
	Members []Member
}

// AddGiven adds customers with their members, and tells the journal, as
// creating them one by one does; it is for many at once, best some thousands
// in a transaction. What is given must have passed the checks of a creation:
// only e-mails and external ids that are taken are found, as a UniqueError for
// the whole transaction.
func (s *Service) AddGiven(ctx context.Context, tx *db.Tx, actor auth.Subject, given []Given) error {
	for i := range given {
		if err := s.fillMembers(ctx, tx, &given[i]); err != nil {
			return err
		}
	}
	if _, err := insert(ctx, tx, given, ""); err != nil {
		return err
	}
	if err := insertRest(ctx, tx, given); err != nil {
		return err
	}
	for i := range given {
		s.recordNew(tx, actor, &given[i], false)
	}
	return nil
}

// fillMembers makes the members belong to the customer.
func (s *Service) fillMembers(ctx context.Context, tx *db.Tx, g *Given) (err error) {
	if len(g.Members) == 0 {
		g.Members, err = s.owner(ctx, tx, &g.Row, nil)
		return err
	}
	for i := range g.Members {
		g.Members[i].OrganizationID, g.Members[i].CustomerID = g.OrganizationID, g.ID
	}
	return nil
}

// recordNew tells the journal of a new customer and answers what callers see
// of it. The owner comes before the customer and the others after, as they
// would have come one by one. Webhooks tell of a customer who signs up, not of
// one who is brought in with many others.
func (s *Service) recordNew(tx *db.Tx, actor auth.Subject, g *Given, tell bool) (out Customer) {
	var entries []journal.Entry
	for i := range g.Members {
		if m := &g.Members[i]; m.Role == RoleOwner {
			entries = append(entries, memberCreated(m))
			if g.Email == nil {
				g.OwnerEmail = &m.Email
			}
		}
	}
	out = s.Public(g.Row)
	entries = append(entries, journal.Entry{Organization: g.OrganizationID, Type: "customer.created", Customer: g.ID, Subject: g.ID,
		After: schema.JSON(&out), At: g.CreatedAt, Payload: &out})
	for i := range g.Members {
		if m := &g.Members[i]; m.Role != RoleOwner {
			entries = append(entries, memberCreated(m))
		}
	}
	if !tell {
		for i := range entries {
			entries[i].Payload = nil
		}
	}
	journal.Append(tx, actor, entries...)
	return out
}

func memberCreated(m *Member) journal.Entry {
	return journal.Entry{Organization: m.OrganizationID, Type: "member.created", Customer: m.CustomerID, Subject: m.ID,
		After: schema.JSON(m), At: m.CreatedAt, Payload: m}
}

const insertColumns = `id, organization_id, created_at, modified_at, type, email, email_key, email_verified, name, name_key, billing_name,
	external_id, external_key, billing_address, tax_id, tax_id_format, locale, metadata, first_user_event_at, search`

const insertWidth = 20

// insert adds customers, but nothing that hangs off them, and answers how many
// were added. What to do about one that is there already is the tail's to say.
func insert(ctx context.Context, tx *db.Tx, given []Given, tail string) (added int64, err error) {
	for from, to := range db.Pieces(len(given)) {
		args := make([]any, 0, insertWidth*(to-from))
		for i := from; i < to; i++ {
			r := &given[i].Row
			args = append(args, r.ID, r.OrganizationID, r.CreatedAt, r.ModifiedAt, string(r.Type), r.Email, foldOrNull(r.Email), r.EmailVerified,
				r.Name, foldOrNull(r.Name), r.BillingName, r.ExternalID, foldOrNull(r.ExternalID), r.BillingAddress, r.TaxID, r.TaxIDFormat,
				r.Locale, r.Metadata, r.FirstUserEventAt, r.search())
		}
		n, err := db.Exec(ctx, tx, `INSERT INTO customers (`+insertColumns+`) VALUES `+db.Values(to-from, insertWidth)+tail, args...)
		if err != nil {
			return added, fmt.Errorf("insert customers: %w", err)
		}
		added += n
	}
	return added, nil
}

// insertRest adds what hangs off new customers: their members, the index of
// their metadata, and their share of the total.
func insertRest(ctx context.Context, tx *db.Tx, given []Given) error {
	var list []*Member
	totals := map[id.ID]int{}
	var order []id.ID
	for i := range given {
		for j := range given[i].Members {
			list = append(list, &given[i].Members[j])
		}
		org := given[i].OrganizationID
		if totals[org] == 0 {
			order = append(order, org)
		}
		totals[org]++
	}
	if err := insertMembers(ctx, tx, list); err != nil {
		return err
	}
	if err := indexMetadata(ctx, tx, given); err != nil {
		return err
	}
	for _, org := range order {
		if err := count(ctx, tx, org, totals[org]); err != nil {
			return err
		}
	}
	return nil
}

func insertMembers(ctx context.Context, tx *db.Tx, list []*Member) error {
	const width = 10
	for from, to := range db.Pieces(len(list)) {
		args := make([]any, 0, width*(to-from))
		for _, m := range list[from:to] {
			args = append(args, m.ID, m.OrganizationID, m.CustomerID, m.CreatedAt, m.ModifiedAt, m.Email, fold(m.Email), m.Name, m.ExternalID, string(m.Role))
		}
		_, err := db.Exec(ctx, tx, `INSERT INTO members (id, organization_id, customer_id, created_at, modified_at, email, email_key, name, external_id, role)
			VALUES `+db.Values(to-from, width), args...)
		if err != nil {
			return fmt.Errorf("insert members: %w", err)
		}
	}
	return nil
}

// indexMetadata fills the table that metadata filters look in.
func indexMetadata(ctx context.Context, tx *db.Tx, given []Given) error {
	const width = 4
	var args []any
	for i := range given {
		r := &given[i].Row
		if len(r.Metadata) <= len("{}") {
			continue
		}
		n := schema.Metadata(r.Metadata).Node()
		for k, key := range n.Keys {
			args = append(args, r.OrganizationID, r.ID, key, scalarText(&n.Items[k]))
		}
	}
	for from, to := range db.Pieces(len(args) / width) {
		_, err := db.Exec(ctx, tx, `INSERT INTO customer_metadata (organization_id, customer_id, key, value) VALUES `+db.Values(to-from, width),
			args[from*width:to*width]...)
		if err != nil {
			return fmt.Errorf("index metadata: %w", err)
		}
	}
	return nil
}
