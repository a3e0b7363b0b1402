package organization

import (
	"context"
	"strings"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/listing"
)

// Operations are the operations on organizations.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.OrganizationsRead, auth.OrganizationsWrite
	return []*api.Operation{
		api.Get("/v1/organizations/", s.list).
			Scopes(read, write).Named("organizations:list", "List Organizations").About("List organizations."),
		api.Post("/v1/organizations/", s.create).
			Scopes(write).For(auth.User).Named("organizations:create", "Create Organization").About("Create an organization. Only a user can: it takes a token of theirs (polar_pat_…).").
			Fails(fault.CannotCreateOrganization, "The credential is restricted to one organization."),
		api.Get("/v1/organizations/{id}", s.get).
			Scopes(read, write).Named("organizations:get", "Get Organization").About("Get an organization by ID.").
			Fails(fault.NotFound, "Organization not found."),
		api.Patch("/v1/organizations/{id}", s.update).
			Scopes(write).Named("organizations:update", "Update Organization").About("Update an organization.").
			Fails(fault.NotPermitted, "You don't have the permission to update this organization, or dispute auto-accept isn't enabled for it.").
			Fails(fault.DisputeAutoAcceptNotEnabled, "").
			Fails(fault.NotFound, "Organization not found.").
			Fails(fault.SSOEnforcementRequiresConnection, "Cannot enforce SSO without an enabled connection."),
	}
}

// SortKey is a sorting criterion of the list.
type SortKey string

// Enum lists the criteria.
func (SortKey) Enum() []string {
	return []string{"created_at", "-created_at", "slug", "-slug", "name", "-name",
		"next_review_threshold", "-next_review_threshold", "days_in_status", "-days_in_status"}
}

// sortKeys: nobody reviews organizations here, so the criteria about reviews
// mean the age.
var sortKeys = listing.Keys{
	"created_at": {SQL: "created_at"}, "slug": {SQL: "slug"}, "name": {SQL: "name"},
	"next_review_threshold": {SQL: "created_at"}, "days_in_status": {SQL: "created_at"},
}

type listInput struct {
	Slug *string `query:"slug" doc:"Filter by slug."`
	listing.Page
	Sorting []SortKey `query:"sorting" first:"" default:"[\"created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (out listing.Result[Public], err error) {
	w := db.Where("deleted_at IS NULL").In("id", sub.Organizations(auth.AnyMember))
	if in.Slug != nil {
		w.And("slug = ?", strings.ToLower(*in.Slug))
	}
	rows, err := listing.Run[Organization](ctx, s.DB, listing.Query{
		Columns: columns, From: "organizations", Where: w, Order: sortKeys.Order(listing.Names(in.Sorting)), Page: in.Page,
	})
	if err != nil {
		return out, err
	}
	out.Items, out.Pagination = make([]Public, len(rows.Items)), rows.Pagination
	for i := range rows.Items {
		out.Items[i] = rows.Items[i].Public()
	}
	return out, nil
}

type getInput struct {
	ID id.ID `path:"id" doc:"The organization ID."`
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in getInput) (Public, error) {
	o, err := visible(ctx, s.DB, sub, in.ID, "")
	return o.Public(), err
}

type createInput struct{ Body Create }

func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Public, err error) {
	if sub.Narrowed {
		return out, fault.CannotCreateOrganization.New()
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := s.Create(ctx, tx, sub, in.Body)
		out = o.Public()
		return err
	})
	return out, err
}

type updateInput struct {
	ID   id.ID `path:"id" doc:"The organization ID."`
	Body Update
}

func (s *Service) update(ctx context.Context, sub auth.Subject, in updateInput) (out Public, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		o, err := visible(ctx, tx, sub, in.ID, tx.ForUpdate())
		if err != nil {
			return err
		}
		if !sub.May(o.ID, auth.OrganizationManage) {
			return fault.NotPermitted.New(auth.OrganizationManage.Denied())
		}
		o, err = s.Update(ctx, tx, sub, o, in.Body)
		out = o.Public()
		return err
	})
	return out, err
}
