package grant

import (
	"context"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/listing"
	"floe/internal/schema"
)

// SortKey is a sorting criterion of the list of grants.
type SortKey string

// Enum lists the criteria.
func (SortKey) Enum() []string {
	return []string{"created_at", "-created_at", "granted_at", "-granted_at", "revoked_at", "-revoked_at"}
}

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "BenefitGrantSortProperty" }

var sortKeys = listing.Keys{
	"created_at": {SQL: "created_at"},
	"granted_at": {SQL: "granted_at", Nullable: true},
	"revoked_at": {SQL: "revoked_at", Nullable: true},
}

type listInput struct {
	listing.Page
	Sorting       []SortKey           `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	Organizations schema.Many[id.ID]  `query:"organization_id" doc:"Filter by organization ID."`
	Customers     schema.Many[id.ID]  `query:"customer_id" doc:"Filter by customer ID."`
	Externals     schema.Many[string] `query:"external_customer_id" doc:"Filter by customer external ID."`
	IsGranted     *bool               `query:"is_granted" doc:"Only what is granted, or only what is not: what was revoked and what could not be given."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (listing.Result[Grant], error) {
	orgs := sub.Organizations(auth.CustomersView, in.Organizations...)
	if len(orgs) == 0 {
		return listing.Empty[Grant](), nil
	}
	return s.page(ctx, orgs, in.filter, sortKeys.Order(listing.Names(in.Sorting)), in.Page)
}

func (in *listInput) filter(orgs []id.ID) *db.W {
	w := new(db.W).In("organization_id", orgs)
	if in.Customers != nil {
		w.In("customer_id", in.Customers)
	}
	customer.Externally(w, orgs, in.Externals)
	return granted(w, in.IsGranted)
}

type ofBenefitInput struct {
	ID id.ID `path:"id" doc:"The benefit ID."`
	listing.Page
	IsGranted *bool              `query:"is_granted" doc:"Only what is granted, or only what is not: what was revoked and what could not be given."`
	Customers schema.Many[id.ID] `query:"customer_id" doc:"Filter by customer."`
	Members   schema.Many[id.ID] `query:"member_id" doc:"Filter by member."`
}

func (s *Service) ofBenefit(ctx context.Context, sub auth.Subject, in ofBenefitInput) (listing.Result[Grant], error) {
	of, err := s.Benefits.Find(ctx, s.DB, sub, in.ID)
	if err != nil {
		return listing.Result[Grant]{}, err
	}
	orgs := sub.Organizations(auth.CustomersView, of.OrganizationID)
	filter := func(orgs []id.ID) *db.W {
		w := db.Where("benefit_id = ?", of.ID).In("organization_id", orgs)
		if in.Customers != nil {
			w.In("customer_id", in.Customers)
		}
		if in.Members != nil {
			w.In("member_id", in.Members)
		}
		return granted(w, in.IsGranted)
	}
	return s.page(ctx, orgs, filter, " ORDER BY created_at DESC, id DESC", in.Page)
}

func granted(w *db.W, is *bool) *db.W {
	switch {
	case is == nil:
		return w
	case *is:
		return w.And("granted_at IS NOT NULL")
	}
	return w.And("granted_at IS NULL")
}

// page reads a page of grants with what they refer to.
func (s *Service) page(
	ctx context.Context, orgs []id.ID, filter func([]id.ID) *db.W, order string, page listing.Page,
) (out listing.Result[Grant], err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		rows, err := listing.Run[Row](ctx, q, listing.Query{Columns: columns, From: "benefit_grants", Where: filter(orgs), Order: order, Page: page,
			Several: listing.AmongSeveral(orgs, filter)})
		if err != nil {
			return err
		}
		out.Pagination = rows.Pagination
		out.Items, err = s.public(ctx, q, orgs, rows.Items)
		return err
	})
	return out, err
}

// public are grants as the API shows them.
func (s *Service) public(ctx context.Context, q db.Querier, orgs []id.ID, rows []Row) ([]Grant, error) {
	var customers, companies, members, benefits []id.ID
	for _, r := range rows {
		customers, benefits = append(customers, r.CustomerID), append(benefits, r.BenefitID)
		if r.MemberID != nil {
			companies, members = append(companies, r.CustomerID), append(members, *r.MemberID)
		}
	}
	who, err := customer.Rows(ctx, q, orgs, customers)
	if err != nil {
		return nil, err
	}
	people, err := customer.MembersByID(ctx, q, orgs, companies, members)
	if err != nil {
		return nil, err
	}
	what, err := benefit.ByIDs(ctx, q, orgs, benefits)
	if err != nil {
		return nil, err
	}
	out := make([]Grant, len(rows))
	for i, r := range rows {
		of := what[r.BenefitID]
		out[i] = Grant{
			CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, ID: r.ID, GrantedAt: r.GrantedAt, IsGranted: r.GrantedAt != nil,
			RevokedAt: r.RevokedAt, IsRevoked: r.RevokedAt != nil, SubscriptionID: r.SubscriptionID, OrderID: r.OrderID,
			CustomerID: r.CustomerID, MemberID: r.MemberID, BenefitID: r.BenefitID, Error: r.failure(),
			Customer: s.Customers.Public(who[r.CustomerID]), Benefit: s.Benefits.Public(of), Properties: visible(of.Type, r.Properties),
			UserID: r.CustomerID,
		}
		if r.MemberID != nil {
			m := people[*r.MemberID]
			out[i].Member = &m
		}
	}
	return out, nil
}
