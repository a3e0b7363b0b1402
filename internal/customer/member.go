package customer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/organization"
	"floe/internal/schema"
)

// Role is what a member may do in the customer portal.
type Role string

// The roles of members. A customer has exactly one owner.
const (
	RoleOwner          Role = "owner"
	RoleBillingManager Role = "billing_manager"
	RoleMember         Role = "member"
)

// Enum lists the roles.
func (Role) Enum() []string { return []string{"owner", "billing_manager", "member"} }

// SchemaName is the name of the reference.
func (Role) SchemaName() string { return "MemberRole" }

// Member is a person who acts for a customer, as the API shows it.
type Member struct {
	ID             id.ID      `json:"id" doc:"The ID of the member."`
	CreatedAt      time.Time  `json:"created_at" doc:"When the member was created."`
	ModifiedAt     *time.Time `json:"modified_at" doc:"When the member was last changed; null until then."`
	CustomerID     id.ID      `json:"customer_id" doc:"The customer that the member belongs to."`
	Email          string     `json:"email" doc:"The e-mail address of the member." example:"\"member@example.com\""`
	Name           *string    `json:"name" doc:"The name of the member." example:"\"Jane Doe\""`
	ExternalID     *string    `json:"external_id" doc:"Your own ID of the member, unique within the customer." example:"\"usr_1337\""`
	Role           Role       `json:"role" doc:"What the member may do in the customer portal."`
	OrganizationID id.ID      `json:"-"`
	DeletedAt      *time.Time `json:"-"`
}

const memberColumns = `id, organization_id, customer_id, created_at, modified_at, deleted_at, email, name,
	COALESCE(external_id_long, external_id) AS external_id, role`

// memberWhere reads one live member of a customer.
func memberWhere(ctx context.Context, q db.Querier, r *Row, condition string, value any, lock string) (Member, error) {
	m, err := db.One[Member](ctx, q, `SELECT `+memberColumns+` FROM members
		WHERE organization_id = ? AND customer_id = ? AND deleted_at IS NULL AND `+condition+lock, r.OrganizationID, r.ID, value)
	if errors.Is(err, db.ErrNoRows) {
		return m, fault.NotFound.New("Member not found")
	}
	return m, err
}

// askMembers asks for the members of customers, of each in order.
func askMembers(reads *db.Reads, org id.ID, customers []id.ID) *[]Member {
	w := db.Where("organization_id = ?", org).In("customer_id", customers).And("deleted_at IS NULL")
	return db.Ask[Member](reads, `SELECT `+memberColumns+` FROM members`+w.SQL()+` ORDER BY created_at, id`, w.Args()...)
}

func members(ctx context.Context, q db.Querier, r *Row) ([]Member, error) {
	return db.All[Member](ctx, q, `SELECT `+memberColumns+` FROM members
		WHERE organization_id = ? AND customer_id = ? AND deleted_at IS NULL ORDER BY created_at, id`, r.OrganizationID, r.ID)
}

func insertMember(ctx context.Context, tx *db.Tx, m *Member) error {
	return insertMembers(ctx, tx, []*Member{m})
}

func saveMember(ctx context.Context, tx *db.Tx, m *Member) error {
	_, err := db.Exec(ctx, tx, `UPDATE members SET modified_at = ?, deleted_at = ?, email = ?, email_key = ?, name = ?, external_id = ?,
			external_id_long = ?, role = ?
		WHERE organization_id = ? AND customer_id = ? AND id = ?`,
		m.ModifiedAt, m.DeletedAt, m.Email, fold(m.Email), m.Name, indexed(m.ExternalID), ifLong(m.ExternalID), m.Role,
		m.OrganizationID, m.CustomerID, m.ID)
	if err != nil {
		return fmt.Errorf("save member: %w", err)
	}
	return nil
}

// record tells the journal about a member.
func record(tx *db.Tx, sub auth.Subject, typ string, before, after *Member) {
	payload := *after
	e := journal.Entry{Type: typ, Organization: after.OrganizationID, Customer: after.CustomerID, Subject: after.ID, Payload: &payload}
	if before == nil {
		e.After = schema.JSON(after)
	} else {
		e.Before, e.After = journal.Changes(before, after)
	}
	journal.Append(tx, sub, e)
}

// owner makes the first member of a new customer, when the organization uses
// members at all.
func owner(r *Row, in *OwnerCreate, features organization.FeatureSettings) []Member {
	if !features.Members() {
		return nil
	}
	m := ownerOf(r, r.CreatedAt)
	if in != nil {
		m.Email = string(in.Email)
		m.Name = first(in.Name, m.Name)
		m.ExternalID = first(in.ExternalID, m.ExternalID)
	}
	if m.Email == "" {
		return nil
	}
	return []Member{m}
}

// ownerOf is the owner that follows from a customer's own data.
func ownerOf(r *Row, at time.Time) Member {
	return Member{ID: id.NewAt(at), OrganizationID: r.OrganizationID, CustomerID: r.ID, CreatedAt: at,
		Email: orEmpty(r.Email), Name: r.Name, ExternalID: r.ExternalID, Role: RoleOwner}
}

func first(values ...*string) *string {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return nil
}

// followEmail gives an individual's owner the customer's new address.
func (s *Service) followEmail(ctx context.Context, tx *db.Tx, sub auth.Subject, r *Row) error {
	m, err := memberWhere(ctx, tx, r, "role = ?", RoleOwner, tx.ForUpdate())
	if errors.Is(err, fault.NotFound.New()) {
		return nil
	}
	if err != nil {
		return err
	}
	was, now := m, tx.Now()
	m.Email, m.ModifiedAt = *r.Email, &now
	if err := saveMember(ctx, tx, &m); err != nil {
		return err
	}
	// Clients are told of customer.updated only; the record is complete.
	record(tx, sub, "member.followed_email", &was, &m)
	return nil
}

// deleteMembers tells of the end of every member of a customer who is being
// deleted, the owner too. Erased people are erased here as well; the others'
// rows are endMembers'.
func (d *removal) deleteMembers(ctx context.Context, tx *db.Tx, list []Member) error {
	now := tx.Now()
	for i := range list {
		m := list[i]
		m.DeletedAt, m.ModifiedAt = &now, &now
		if d.anonymize {
			m.scrub(schema.Offset(d.found.CreatedAt))
			if err := saveMember(ctx, tx, &m); err != nil {
				return err
			}
		}
		record(tx, d.sub, "member.deleted", nil, &m)
	}
	if !d.anonymize {
		return nil
	}
	return scrubDeleted(ctx, tx, &d.found)
}

// endMembers marks all members of customers as deleted.
func endMembers(ctx context.Context, tx *db.Tx, org id.ID, customers []id.ID) error {
	if len(customers) == 0 {
		return nil
	}
	var now any = tx.Now()
	w := db.Where("organization_id = ?", org).In("customer_id", customers).And("deleted_at IS NULL")
	err := db.Later(ctx, tx, `UPDATE members SET modified_at = ?, deleted_at = ?`+w.SQL(), append([]any{now, now}, w.Args()...)...)
	if err != nil {
		return fmt.Errorf("delete members: %w", err)
	}
	return nil
}

func (m *Member) scrub(salt string) {
	m.Email = Pseudonym(salt, m.Email) + anonymizedDomain
	if m.Name != nil && *m.Name != "" {
		name := Pseudonym(salt, *m.Name)
		m.Name = &name
	}
}

// scrubDeleted erases people who were members before.
func scrubDeleted(ctx context.Context, tx *db.Tx, r *Row) error {
	old, err := db.All[Member](ctx, tx, `SELECT `+memberColumns+` FROM members
		WHERE organization_id = ? AND customer_id = ? AND deleted_at IS NOT NULL AND email NOT LIKE '%`+anonymizedDomain+`'`,
		r.OrganizationID, r.ID)
	if err != nil {
		return err
	}
	for i := range old {
		old[i].scrub(schema.Offset(r.CreatedAt))
		if err := saveMember(ctx, tx, &old[i]); err != nil {
			return err
		}
	}
	return nil
}
