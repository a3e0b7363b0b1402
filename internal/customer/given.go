package customer

import (
	"context"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/listing"
	"floe/internal/organization"
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
	added, err := insert(ctx, tx, given, "")
	if err != nil {
		return err
	}
	for i := range given {
		s.fillMembers(&given[i], added[given[i].ID].features())
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
func (s *Service) fillMembers(g *Given, features organization.FeatureSettings) {
	if len(g.Members) == 0 {
		g.Members = owner(&g.Row, nil, features)
		return
	}
	for i := range g.Members {
		g.Members[i].OrganizationID, g.Members[i].CustomerID = g.OrganizationID, g.ID
	}
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
		After: schema.JSON(&out), At: g.CreatedAt, New: true, Payload: &out})
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
		After: schema.JSON(m), At: m.CreatedAt, New: true, Payload: m}
}

const insertColumns = `id, organization_id, created_at, modified_at, type, email, email_key, email_verified, name, name_key, billing_name,
	external_id, external_id_long, external_key, billing_address, tax_id, tax_id_format, locale, metadata, first_user_event_at, search`

// added is what an insert tells of a new row.
type added struct {
	ID       id.ID
	Seq      int64
	Settings *organization.FeatureSettings
}

// features are those of the row's organization.
func (a added) features() (f organization.FeatureSettings) {
	if a.Settings != nil {
		f = *a.Settings
	}
	return f
}

// insert adds customers, but nothing that hangs off them, and answers which
// were added. What to do about one that is there already is the tail's to say.
func insert(ctx context.Context, tx *db.Tx, given []Given, tail string) (map[id.ID]added, error) {
	out := make(map[id.ID]added, len(given))
	args := make([]any, 0, 21*len(given)) // its columns
	for i := range given {
		args = given[i].values(args)
	}
	rows, err := db.InsertReturning[added](ctx, tx, db.Into{Table: "customers", Columns: insertColumns, Tail: tail + returning}, args)
	if err != nil {
		return nil, fmt.Errorf("insert customers: %w", err)
	}
	for _, r := range rows {
		out[r.ID] = r
	}
	for i := range given {
		if r, ok := out[given[i].ID]; ok && tx.Engine() == "sqlite" {
			tx.Together(searchTogether, searchChange{r.Seq, given[i].search()}, changeSearch)
		}
	}
	return out, nil
}

const returning = ` RETURNING id, seq, (SELECT o.feature_settings FROM organizations o WHERE o.id = customers.organization_id) AS settings`

// values adds what is stored of a row, in the order of insertColumns.
func (r *Row) values(args []any) []any {
	return append(args, r.ID, r.OrganizationID, r.CreatedAt, r.ModifiedAt, string(r.Type), r.Email, r.emailKey(), r.EmailVerified,
		r.Name, foldOrNull(r.Name), r.BillingName, indexed(r.ExternalID), ifLong(r.ExternalID), indexed(foldIfOther(r.ExternalID)), r.BillingAddress, r.TaxID, r.TaxIDFormat,
		r.Locale, r.Metadata, r.FirstUserEventAt, r.search())
}

// insertRest adds what hangs off new customers: their members, the index of
// their metadata, and their share of the total.
func insertRest(ctx context.Context, tx *db.Tx, given []Given) error {
	var list []*Member
	for i := range given {
		for j := range given[i].Members {
			list = append(list, &given[i].Members[j])
		}
		count(tx, given[i].OrganizationID, 1)
	}
	if err := insertMembers(ctx, tx, list); err != nil {
		return err
	}
	return indexMetadata(ctx, tx, given)
}

func insertMembers(ctx context.Context, tx *db.Tx, list []*Member) error {
	var args []any
	for _, m := range list {
		args = append(args, m.ID, m.OrganizationID, m.CustomerID, m.CreatedAt, m.ModifiedAt, m.Email, fold(m.Email), m.Name,
			indexed(m.ExternalID), ifLong(m.ExternalID), string(m.Role))
	}
	err := db.InsertLater(ctx, tx, db.Into{Table: "members",
		Columns: "id, organization_id, customer_id, created_at, modified_at, email, email_key, name, external_id, external_id_long, role"}, args)
	if err != nil {
		return fmt.Errorf("insert members: %w", err)
	}
	return nil
}

// described says where filters look for the metadata of customers.
var described = listing.Described{Table: "customers", Metadata: "customer_metadata", Owner: "customer_id", Longest: maxIndexed}

// indexMetadata fills the table that metadata filters look in.
func indexMetadata(ctx context.Context, tx *db.Tx, given []Given) error {
	var entries []any
	for i := range given {
		entries = described.Entries(entries, given[i].OrganizationID, given[i].ID, given[i].Metadata)
	}
	return described.Insert(ctx, tx, entries)
}
