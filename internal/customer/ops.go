package customer

import (
	"context"
	"sync"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// Service is the operations on customers and what they need.
type Service struct {
	DB            *db.DB
	Subscriptions Subscriptions
	Grants        Grants
	Methods       Methods
	Erasers       []Eraser
	Sessions      Sessions
	LogoDevKey    string // for avatars of company addresses; "" uses Gravatar for all

	samples   samples
	grouped   sync.Once
	creations *db.Group[*creation]
	changes   *db.Group[*change]
	removals  *db.Group[*removal]
}

// How many share a transaction: together they hold up everybody else. A
// customer who is deleted may own hundreds of things.
const (
	mostChanged = 128
	mostRemoved = 16
)

// group brings those together who want the same at the same time.
func (s *Service) group() {
	s.creations = db.NewGroup(s.DB, mostChanged, s.addAll)
	s.changes = db.NewGroup(s.DB, mostChanged, s.changeAll)
	s.removals = db.NewGroup(s.DB, mostRemoved, s.removeAll)
}

// Sessions is how portal sessions get their token and address.
type Sessions struct {
	// Mint makes a token with a prefix and answers it with its stored hash.
	Mint func(prefix string) (clear, hash string)
	// PortalURL is the base of the customer portal's address.
	PortalURL string
	// Lifetime is how long a session lasts.
	Lifetime time.Duration
}

const ambiguous = "Several customers across your organizations share this external customer ID."

// Operations are the operations on customers.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.CustomersRead, auth.CustomersWrite
	const notFound = "Customer not found."
	return []*api.Operation{
		api.Get("/v1/customers/", s.list).Scopes(read, write).Named("customers:list", "List Customers"),
		api.Post("/v1/customers/", s.create).Scopes(write).Named("customers:create", "Create Customer"),
		api.CSV("/v1/customers/export", s.export).Scopes(read, write).Named("customers:export", "Export Customers").
			About("Export customers as a CSV file, oldest first."),
		api.Get("/v1/customers/growth", s.growth).Scopes(read, write).Named("customers:growth", "Get Customer Growth").Private(),
		api.Get("/v1/customers/top", s.top).Scopes(read, write).Named("customers:top", "List Top Customers").Private(),
		api.Get("/v1/customers/{id}", s.get).Scopes(read, write).Named("customers:get", "Get Customer").Remembered().
			Fails(fault.NotFound, notFound),
		api.Patch("/v1/customers/{id}", s.update).Scopes(write).Named("customers:update", "Update Customer").
			Fails(fault.NotFound, notFound),
		api.Delete("/v1/customers/{id}", s.delete).Scopes(write).Named("customers:delete", "Delete Customer").
			About(aboutDelete).Fails(fault.NotFound, notFound),
		api.Get("/v1/customers/external/{external_id}", s.getExternal).Scopes(read, write).
			Named("customers:get_external", "Get Customer by External ID").Remembered().
			Fails(fault.NotFound, notFound).Fails(fault.AmbiguousExternal, ambiguous),
		api.Patch("/v1/customers/external/{external_id}", s.updateExternal).Scopes(write).
			Named("customers:update_external", "Update Customer by External ID").
			Fails(fault.NotFound, notFound).Fails(fault.AmbiguousExternal, ambiguous),
		api.Delete("/v1/customers/external/{external_id}", s.deleteExternal).Scopes(write).
			Named("customers:delete_external", "Delete Customer by External ID").
			About(aboutDelete).Fails(fault.NotFound, notFound).Fails(fault.AmbiguousExternal, ambiguous),
	}
}

const aboutDelete = "Delete a customer.\n\nIn one transaction this cancels the customer's active subscriptions, revokes their benefits, " +
	"deletes their members and frees the external ID for a new customer. Orders and subscriptions stay, for the record."

type byIDInput struct {
	ID id.ID `path:"id" doc:"The customer ID."`
}

type byExternalInput struct {
	ExternalID string `path:"external_id" doc:"The customer external ID."`
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in byIDInput) (Customer, error) {
	r, err := byID(ctx, s.DB, visible(&sub), in.ID, "")
	if err != nil {
		return Customer{}, err
	}
	return s.Public(r), nil
}

func (s *Service) getExternal(ctx context.Context, sub auth.Subject, in byExternalInput) (Customer, error) {
	r, err := byExternalID(ctx, s.DB, visible(&sub), in.ExternalID, "")
	if err != nil {
		return Customer{}, err
	}
	return s.Public(r), nil
}

// Find reads a live customer that the subject can see, for other packages'
// operations on it: by id, or by external id when there is one.
func (s *Service) Find(ctx context.Context, q db.Querier, sub auth.Subject, customer id.ID, external *string) (Row, error) {
	if external != nil {
		return byExternalID(ctx, q, visible(&sub), *external, "")
	}
	return byID(ctx, q, visible(&sub), customer, "")
}

type updateInput struct {
	ID   id.ID `path:"id" doc:"The customer ID."`
	Body Update
}

func (s *Service) update(ctx context.Context, sub auth.Subject, in updateInput) (Customer, error) {
	return s.change(ctx, sub, "id", in.ID, in.Body)
}

type updateExternalInput struct {
	ExternalID string `path:"external_id" doc:"The customer external ID."`
	Body       UpdateByExternalID
}

func (s *Service) updateExternal(ctx context.Context, sub auth.Subject, in updateExternalInput) (Customer, error) {
	return s.change(ctx, sub, "external_id", indexText(in.ExternalID), Update{UpdateByExternalID: in.Body})
}

type deleteInput struct {
	ID        id.ID `path:"id" doc:"The customer ID."`
	Anonymize bool  `query:"anonymize" default:"false" doc:"Also replace or clear what identifies the person. Businesses, which have a tax ID, keep their name."`
}

func (s *Service) delete(ctx context.Context, sub auth.Subject, in deleteInput) error {
	return s.remove(ctx, sub, "id", in.ID, in.Anonymize)
}

type deleteExternalInput struct {
	ExternalID string `path:"external_id" doc:"The customer external ID."`
	Anonymize  bool   `query:"anonymize" default:"false" doc:"Also replace or clear what identifies the person. Businesses, which have a tax ID, keep their name."`
}

func (s *Service) deleteExternal(ctx context.Context, sub auth.Subject, in deleteExternalInput) error {
	return s.remove(ctx, sub, "external_id", indexText(in.ExternalID), in.Anonymize)
}
