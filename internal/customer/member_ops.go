package customer

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/listing"
	"floe/internal/organization"
	"floe/internal/schema"
)

// MemberOperations are the operations on the members of customers.
func (s *Service) MemberOperations() []*api.Operation {
	read, write := auth.MembersRead, auth.MembersWrite
	const noCustomer, noMember = "Customer not found.", "Member not found."
	const byID, byExternal = "/v1/customers/{id}/members", "/v1/customers/external/{external_id}/members"
	return []*api.Operation{
		api.Get("/v1/members/", s.listAllMembers).Scopes(read, write).Named("members:list_members", "List Members").
			Fails(fault.NotFound, "The customer ID is none."),
		api.Get(byID, s.listMembers).Scopes(read, write).Named("customers:members:list", "List Members of a Customer").
			Fails(fault.NotFound, noCustomer),
		api.Get(byExternal, s.listMembersExternal).Scopes(read, write).
			Named("customers:members:list_external", "List Members of a Customer by External ID").
			Fails(fault.NotFound, noCustomer).Fails(fault.AmbiguousExternal, ambiguous),
		api.Post(byID, s.createMember).Scopes(write).Named("customers:members:create", "Create Member").
			Fails(fault.NotPermitted, "Members cannot be added, or not by this user.").Fails(fault.NotFound, noCustomer),
		api.Post(byExternal, s.createMemberExternal).Scopes(write).
			Named("customers:members:create_external", "Create Member by External ID").
			Fails(fault.NotPermitted, "Members cannot be added, or not by this user.").Fails(fault.NotFound, noCustomer).Fails(fault.AmbiguousExternal, ambiguous),
		api.Get(byID+"/{member_id}", s.getMember).Scopes(read, write).Named("customers:members:get", "Get Member").
			Fails(fault.NotFound, noMember),
		api.Patch(byID+"/{member_id}", s.updateMember).Scopes(write).Named("customers:members:update", "Update Member").
			Fails(fault.NotFound, noMember),
		api.Delete(byID+"/{member_id}", s.deleteMember).Scopes(write).Named("customers:members:delete", "Delete Member").
			Fails(fault.NotFound, noMember),
		api.Get(byExternal+"/{member_external_id}", s.getMemberExternal).Scopes(read, write).
			Named("customers:members:get_external", "Get Member by External ID").
			Fails(fault.NotFound, noMember).Fails(fault.AmbiguousExternal, ambiguous),
		api.Patch(byExternal+"/{member_external_id}", s.updateMemberExternal).Scopes(write).
			Named("customers:members:update_external", "Update Member by External ID").
			Fails(fault.NotFound, noMember).Fails(fault.AmbiguousExternal, ambiguous),
		api.Delete(byExternal+"/{member_external_id}", s.deleteMemberExternal).Scopes(write).
			Named("customers:members:delete_external", "Delete Member by External ID").
			Fails(fault.NotFound, noMember).Fails(fault.AmbiguousExternal, ambiguous),
	}
}

// reachable are the organizations whose members the subject may see: belonging
// to one is enough, as in the reference. To change them takes what it takes to
// change customers, which is stricter than the reference.
func reachable(sub *auth.Subject) []id.ID { return sub.Organizations(auth.AnyMember) }

// MemberSortKey is a sorting criterion of member lists.
type MemberSortKey string

// Enum lists the criteria.
func (MemberSortKey) Enum() []string { return []string{"created_at", "-created_at"} }

// SchemaName is the name of the reference.
func (MemberSortKey) SchemaName() string { return "MemberSortProperty" }

var memberSortKeys = listing.Keys{"created_at": {SQL: "created_at"}}

// memberFilter is what all member lists share.
type memberFilter struct {
	listing.Page
	Sorting []MemberSortKey `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	Role    *Role           `query:"role" doc:"Filter by role."`
}

// run lists the members of organizations that another filter lets pass, too.
func (in memberFilter) run(ctx context.Context, q db.Querier, orgs []id.ID, further func(w *db.W, orgs []id.ID)) (listing.Result[Member], error) {
	filter := func(orgs []id.ID) *db.W {
		w := db.Where("deleted_at IS NULL").In("organization_id", orgs)
		if in.Role != nil {
			w.And("role = ?", *in.Role)
		}
		further(w, orgs)
		return w
	}
	return listing.Run[Member](ctx, q, listing.Query{Columns: memberColumns, From: "members", Where: filter(orgs),
		Several: listing.AmongSeveral(orgs, filter), Order: memberSortKeys.Order(listing.Names(in.Sorting)), Page: in.Page})
}

type listAllMembersInput struct {
	memberFilter
	CustomerID         *string `query:"customer_id" doc:"Filter by customer ID."`
	ExternalCustomerID *string `query:"external_customer_id" doc:"Filter by the customer's external ID."`
}

func (s *Service) listAllMembers(ctx context.Context, sub auth.Subject, in listAllMembersInput) (listing.Result[Member], error) {
	var customer *id.ID
	if in.CustomerID != nil {
		parsed, problem := id.ParseAny(*in.CustomerID)
		if !problem.OK() {
			return listing.Empty[Member](), fault.NotFound.New("Invalid customer ID format")
		}
		customer = &parsed
	}
	return in.run(ctx, s.DB, reachable(&sub), func(w *db.W, orgs []id.ID) {
		w.If(customer, "customer_id = ?")
		if in.ExternalCustomerID != nil {
			inner := db.Where("external_id = ?", indexText(*in.ExternalCustomerID)).In("organization_id", orgs).And("deleted_at IS NULL")
			w.And("customer_id IN (SELECT id FROM customers"+inner.SQL()+")", inner.Args()...)
		}
	})
}

// customerOf finds the customer whose members are meant.
func customerOf(ctx context.Context, q db.Querier, sub *auth.Subject, customer id.ID, external *string, lock string) (r Row, err error) {
	if external != nil {
		r, err = byExternalID(ctx, q, reachable(sub), *external, lock)
	} else {
		r, err = byID(ctx, q, reachable(sub), customer, lock)
	}
	if errors.Is(err, fault.NotFound.New()) {
		err = fault.NotFound.New("Customer not found")
	}
	return r, err
}

// memberNotFound is said of the customer too, where only a member was asked for.
func memberNotFound(err error) error {
	if errors.Is(err, fault.NotFound.New()) {
		return fault.NotFound.New("Member not found")
	}
	return err
}

func (s *Service) membersOf(ctx context.Context, sub auth.Subject, customer id.ID, external *string, in memberFilter) (listing.Result[Member], error) {
	r, err := customerOf(ctx, s.DB, &sub, customer, external, "")
	if err != nil {
		return listing.Empty[Member](), err
	}
	return in.run(ctx, s.DB, []id.ID{r.OrganizationID}, func(w *db.W, _ []id.ID) { w.And("customer_id = ?", r.ID) })
}

func (s *Service) listMembers(ctx context.Context, sub auth.Subject, in struct {
	byIDInput
	memberFilter
}) (listing.Result[Member], error) {
	return s.membersOf(ctx, sub, in.ID, nil, in.memberFilter)
}

func (s *Service) listMembersExternal(ctx context.Context, sub auth.Subject, in struct {
	byExternalInput
	memberFilter
}) (listing.Result[Member], error) {
	return s.membersOf(ctx, sub, "", &in.ExternalID, in.memberFilter)
}

// assignableRole is a role that a new member may get.
type assignableRole Role

const assignable = "<MemberRole.member: 'member'> or <MemberRole.billing_manager: 'billing_manager'>"

// DecodeNode refuses the owner: a customer gets one by itself.
func (r *assignableRole) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.String || n.Text != string(RoleMember) && n.Text != string(RoleBillingManager) {
		at.Literal(assignable, n)
		return
	}
	*r = assignableRole(n.Text)
}

// SchemaName says that the schema is written in place.
func (assignableRole) SchemaName() string { return "" }

// DescribeSchema lists the two roles.
func (assignableRole) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "string", Enum: []string{"member", "billing_manager"}}
}

// MemberCreate is the body of a new member.
type MemberCreate struct {
	Email      schema.Email   `json:"email" doc:"The e-mail address of the member." example:"\"member@example.com\""`
	Name       *string        `json:"name" maxLength:"256" trim:"null" example:"\"Jane Doe\""`
	ExternalID *string        `json:"external_id" trim:"null" doc:"Your own ID of the member, unique within the customer." example:"\"usr_1337\""`
	Role       assignableRole `json:"role" default:"\"member\"" doc:"What the member may do in the customer portal."`
}

// SchemaName is the name of the reference.
func (MemberCreate) SchemaName() string { return "MemberCreateFromCustomer" }

func (s *Service) createMember(ctx context.Context, sub auth.Subject, in struct {
	byIDInput
	Body MemberCreate
}) (Member, error) {
	return s.newMember(ctx, sub, in.ID, nil, in.Body)
}

func (s *Service) createMemberExternal(ctx context.Context, sub auth.Subject, in struct {
	byExternalInput
	Body MemberCreate
}) (Member, error) {
	return s.newMember(ctx, sub, "", &in.ExternalID, in.Body)
}

func (s *Service) newMember(ctx context.Context, sub auth.Subject, customer id.ID, external *string, in MemberCreate) (out Member, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := customerOf(ctx, tx, &sub, customer, external, tx.ForUpdate())
		if err != nil {
			return err
		}
		if err := mayManage(&sub, &r); err != nil {
			return err
		}
		out, err = s.addMember(ctx, tx, sub, &r, in)
		return err
	})
	return out, memberRaced(err, in.ExternalID)
}

func (s *Service) addMember(ctx context.Context, tx *db.Tx, sub auth.Subject, r *Row, in MemberCreate) (Member, error) {
	features, err := organization.Features(ctx, tx, r.OrganizationID)
	if err != nil {
		return Member{}, err
	}
	if !features.Members() {
		return Member{}, fault.NotPermitted.New("Member management is not enabled for this organization")
	}
	if r.Type == Individual {
		some, err := members(ctx, tx, r)
		if err != nil {
			return Member{}, err
		}
		if len(some) > 0 {
			return Member{}, fault.NotPermitted.New("Individual customers can only have one member (the owner). Upgrade to a team customer to add more members.")
		}
	}
	known, err := memberWhere(ctx, tx, r, "email_key = ?", fold(string(in.Email)), "")
	if !errors.Is(err, fault.NotFound.New()) {
		return known, err // there already, or an error
	}
	m := Member{ID: tx.NewID(tx.Now()), OrganizationID: r.OrganizationID, CustomerID: r.ID, CreatedAt: tx.Now(),
		Email: string(in.Email), Name: in.Name, ExternalID: in.ExternalID, Role: Role(in.Role)}
	if err := insertMember(ctx, tx, &m); err != nil {
		return m, err
	}
	record(tx, sub, "member.created", nil, &m)
	return m, nil
}

// memberRaced turns the index that refused a member into a problem.
func memberRaced(err error, external *string) error {
	var unique *db.UniqueError
	if !errors.As(err, &unique) {
		return err
	}
	switch unique.Constraint {
	case "members_external_id":
		return schema.ValueError("A member with this external ID already exists for this customer.", textNode(external), "body", "external_id")
	case "members_email":
		return schema.ValueError("A member with this email already exists for this customer.", nil, "body", "email")
	}
	return err
}

type memberPath struct {
	byIDInput
	MemberID id.ID `path:"member_id" uuid:"any" doc:"The member ID."`
}

type memberExternalPath struct {
	byExternalInput
	MemberExternalID string `path:"member_external_id" doc:"The member external ID."`
}

// find loads a member by the ids of a path.
func (p memberPath) find(ctx context.Context, q db.Querier, sub *auth.Subject, lock string) (Row, Member, error) {
	r, err := customerOf(ctx, q, sub, p.ID, nil, lock)
	if err != nil {
		return r, Member{}, memberNotFound(err)
	}
	m, err := memberWhere(ctx, q, &r, "id = ?", p.MemberID, lock)
	return r, m, err
}

// find loads a member by the external ids of a path.
func (p memberExternalPath) find(ctx context.Context, q db.Querier, sub *auth.Subject, lock string) (Row, Member, error) {
	r, err := customerOf(ctx, q, sub, "", &p.ExternalID, lock)
	if err != nil {
		return r, Member{}, memberNotFound(err)
	}
	m, err := memberWhere(ctx, q, &r, "external_id = ?", indexText(p.MemberExternalID), lock)
	return r, m, err
}

// finder is either path.
type finder interface {
	find(ctx context.Context, q db.Querier, sub *auth.Subject, lock string) (Row, Member, error)
}

func (s *Service) getMember(ctx context.Context, sub auth.Subject, in memberPath) (Member, error) {
	_, m, err := in.find(ctx, s.DB, &sub, "")
	return m, err
}

func (s *Service) getMemberExternal(ctx context.Context, sub auth.Subject, in memberExternalPath) (Member, error) {
	_, m, err := in.find(ctx, s.DB, &sub, "")
	return m, err
}

// MemberUpdate is the body of a change to a member. Null, blank and absent
// all mean: no change.
type MemberUpdate struct {
	Name  *string       `json:"name" maxLength:"256" trim:"null" example:"\"Jane Doe\""`
	Email *schema.Email `json:"email" doc:"The e-mail address of the member."`
	Role  *Role         `json:"role" doc:"Making a member the owner makes the owner a billing manager."`
}

func (s *Service) updateMember(ctx context.Context, sub auth.Subject, in struct {
	memberPath
	Body MemberUpdate
}) (Member, error) {
	return s.changeMember(ctx, sub, in.memberPath, in.Body)
}

func (s *Service) updateMemberExternal(ctx context.Context, sub auth.Subject, in struct {
	memberExternalPath
	Body MemberUpdate
}) (Member, error) {
	return s.changeMember(ctx, sub, in.memberExternalPath, in.Body)
}

func (s *Service) changeMember(ctx context.Context, sub auth.Subject, path finder, u MemberUpdate) (out Member, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, m, err := path.find(ctx, tx, &sub, tx.ForUpdate())
		if err != nil {
			return err
		}
		if err := mayManage(&sub, &r); err != nil {
			return err
		}
		out, err = s.applyMember(ctx, tx, sub, &r, m, u)
		return err
	})
	return out, memberRaced(err, nil)
}

func (s *Service) applyMember(ctx context.Context, tx *db.Tx, sub auth.Subject, r *Row, m Member, u MemberUpdate) (Member, error) {
	was := m
	if u.Name != nil {
		m.Name = u.Name
	}
	if u.Role != nil && *u.Role != m.Role {
		if err := s.changeRole(ctx, tx, sub, r, &m, *u.Role); err != nil {
			return m, err
		}
	}
	if err := changeMemberEmail(ctx, tx, r, &m, u.Email); err != nil {
		return m, err
	}
	if was.Email == m.Email && was.Role == m.Role && orEmpty(was.Name) == orEmpty(m.Name) {
		return was, nil
	}
	now := tx.Now()
	m.ModifiedAt = &now
	if err := saveMember(ctx, tx, &m); err != nil {
		return m, err
	}
	record(tx, sub, "member.updated", &was, &m)
	return m, nil
}

// changeRole keeps exactly one owner: the present one becomes a billing
// manager before the next takes over.
func (s *Service) changeRole(ctx context.Context, tx *db.Tx, sub auth.Subject, r *Row, m *Member, role Role) error {
	if m.Role == RoleOwner {
		return schema.ValueError("Cannot change role. Customer must have exactly one owner.", schema.StringNode(string(role)), "body", "role")
	}
	if role == RoleOwner {
		owner, err := memberWhere(ctx, tx, r, "role = ?", RoleOwner, tx.ForUpdate())
		switch {
		case err == nil:
			was, now := owner, tx.Now()
			owner.Role, owner.ModifiedAt = RoleBillingManager, &now
			if err := saveMember(ctx, tx, &owner); err != nil {
				return err
			}
			// Clients hear of the new owner only; the record is complete.
			record(tx, sub, "member.handed_over", &was, &owner)
		case !errors.Is(err, fault.NotFound.New()):
			return err
		}
	}
	m.Role = role
	return nil
}

func changeMemberEmail(ctx context.Context, tx *db.Tx, r *Row, m *Member, email *schema.Email) error {
	if email == nil || strings.TrimSpace(string(*email)) == m.Email {
		return nil
	}
	v := string(*email)
	if r.Type == Individual {
		return schema.ValueError("Cannot change the email of an individual customer's owner. Update the customer's email instead.",
			schema.StringNode(v), "body", "email")
	}
	other, err := memberWhere(ctx, tx, r, "email_key = ?", fold(v), "")
	switch {
	case err == nil && other.ID != m.ID:
		return schema.ValueError("A member with this email already exists for this customer.", schema.StringNode(v), "body", "email")
	case err != nil && !errors.Is(err, fault.NotFound.New()):
		return err
	}
	m.Email = v
	return nil
}

func (s *Service) deleteMember(ctx context.Context, sub auth.Subject, in memberPath) error {
	return s.removeMember(ctx, sub, in)
}

func (s *Service) deleteMemberExternal(ctx context.Context, sub auth.Subject, in memberExternalPath) error {
	return s.removeMember(ctx, sub, in)
}

func (s *Service) removeMember(ctx context.Context, sub auth.Subject, path finder) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		r, m, err := path.find(ctx, tx, &sub, tx.ForUpdate())
		if err != nil {
			return err
		}
		if err := mayManage(&sub, &r); err != nil {
			return err
		}
		if m.Role == RoleOwner {
			return schema.ValueError("Cannot delete the only owner. Transfer ownership first.", schema.StringNode(string(m.ID)), "body")
		}
		now := tx.Now()
		m.DeletedAt, m.ModifiedAt = &now, &now
		if err := saveMember(ctx, tx, &m); err != nil {
			return err
		}
		record(tx, sub, "member.deleted", nil, &m)
		if err := endSessionsOf(ctx, tx, &m); err != nil {
			return err
		}
		if err := s.Grants.RevokeMember(ctx, tx, sub, r.OrganizationID, r.ID, m.ID); err != nil {
			return fmt.Errorf("revoke the grants of a member: %w", err)
		}
		return nil
	})
}
