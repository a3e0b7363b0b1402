package product

import (
	"context"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// Service is the operations on products and what they need.
type Service struct {
	DB       *db.DB
	Benefits *benefit.Service
	Grants   Grants
	Usage    Usage
}

// Operations are the operations on products.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.ProductsRead, auth.ProductsWrite
	const notFound, forbidden = "Product not found.", "You may not change this product."
	return []*api.Operation{
		api.Get("/v1/products/", s.list).Scopes(read, write).Named("products:list", "List Products"),
		api.Post("/v1/products/", s.create).Scopes(write).Named("products:create", "Create Product"),
		api.Get("/v1/products/{id}", s.get).Scopes(read, write).Named("products:get", "Get Product").
			Fails(fault.NotFound, notFound),
		api.Patch("/v1/products/{id}", s.update).Scopes(write).Named("products:update", "Update Product").
			Fails(fault.NotPermitted, forbidden).Fails(fault.NotFound, notFound),
		api.Delete("/v1/products/{id}", s.delete).Scopes(write).Named("products:delete", "Delete Product").About(aboutDelete).
			Fails(fault.NotFound, notFound).Fails(fault.ProductNotDeletable, "The product has been used."),
		ok(api.Post("/v1/products/{id}/benefits", s.updateBenefits).Scopes(write).Named("products:update_benefits", "Update Product Benefits").
			About(aboutBenefits).Fails(fault.NotPermitted, forbidden).Fails(fault.NotFound, notFound)),
	}
}

const (
	aboutDelete = "Delete a product that was never used: that no order, subscription or discount refers to. What has been used can be archived."

	aboutBenefits = "Replace the list of benefits that a product grants.\n\nWho owns the product is granted what was added and loses what was removed, " +
		"unless another product grants it too."
)

// ok makes an operation answer 200 instead of 201: it creates nothing.
func ok(o *api.Operation) *api.Operation { o.Status = 200; return o }

type byIDInput struct {
	ID id.ID `path:"id" doc:"The product ID."`
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in byIDInput) (out Full, err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		r, err := byID(ctx, q, visible(&sub), in.ID, "")
		if err != nil {
			return err
		}
		l, err := load(ctx, q, []Row{r})
		if err != nil {
			return err
		}
		out, err = s.one(ctx, q, l[0])
		return err
	})
	return out, err
}

// one is the public form of one product.
func (s *Service) one(ctx context.Context, q db.Querier, l Loaded) (Full, error) {
	list, err := s.Full(ctx, q, l)
	if err != nil {
		return Full{}, err
	}
	return list[0], nil
}

// Full is the form in which the API shows products, with their benefits.
func (s *Service) Full(ctx context.Context, q db.Querier, list ...Loaded) ([]Full, error) {
	var orgs, ids []id.ID
	for _, l := range list {
		if len(orgs) == 0 || orgs[len(orgs)-1] != l.OrganizationID {
			orgs = append(orgs, l.OrganizationID)
		}
		ids = append(ids, l.BenefitIDs...)
	}
	rows, err := benefit.ByIDs(ctx, q, orgs, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Full, len(list))
	for i, l := range list {
		f := Full{Reduced: ReducedOf(l.Row), Prices: l.Prices, Benefits: []benefit.Benefit{}, Medias: []Media{}, AttachedCustomFields: []AttachedFieldView{}}
		for _, b := range l.BenefitIDs {
			if r, ok := rows[b]; ok {
				f.Benefits = append(f.Benefits, s.Benefits.Public(r))
			}
		}
		out[i] = f
	}
	return out, nil
}
