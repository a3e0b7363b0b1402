package benefit

import (
	"context"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// Service is the operations on benefits and what they need.
type Service struct {
	DB     *db.DB
	Grants Grants
	Meters Exists // what a credit may be for
	Files  Exists // what may be downloaded
}

// Operations are the operations on benefits. Who has them is listed by the
// grant package.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.BenefitsRead, auth.BenefitsWrite
	const notFound = "Benefit not found."
	return []*api.Operation{
		api.Get("/v1/benefits/", s.list).Scopes(read, write).Named("benefits:list", "List Benefits"),
		api.Post("/v1/benefits/", s.create).Scopes(write).Named("benefits:create", "Create Benefit").About(aboutCreate),
		api.Get("/v1/benefits/{id}", s.get).Scopes(read, write).Named("benefits:get", "Get Benefit").
			Fails(fault.NotFound, notFound),
		api.Patch("/v1/benefits/{id}", s.update).Scopes(write).Named("benefits:update", "Update Benefit").About(aboutUpdate).
			Fails(fault.NotFound, notFound),
		api.Delete("/v1/benefits/{id}", s.delete).Scopes(write).Named("benefits:delete", "Delete Benefit").
			About("Delete a benefit.\n\nIt disappears from all products, and everybody who has it loses it, in the same transaction.").
			Fails(fault.NotPermitted, "This benefit cannot be deleted.").Fails(fault.NotFound, notFound),
		api.Get("/v1/benefits/{id}/files", s.files).Scopes(read, write).Named("benefits:files", "List Benefit Files").
			About("List the files of a benefit with how often they were downloaded.").Fails(fault.NotFound, notFound),
	}
}

const (
	aboutCreate = "Create a benefit.\n\nThis server is connected neither to Discord, nor to GitHub, nor to Slack: benefits of these types are refused " +
		"with the answers that an account without these connections gets."
	aboutUpdate = "Update a benefit.\n\nThe type says how the body is read and cannot change. Those who have the benefit follow the change in the same transaction."
)

type byIDInput struct {
	ID id.ID `path:"id" doc:"The benefit ID."`
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in byIDInput) (Benefit, error) {
	r, err := byID(ctx, s.DB, visible(&sub), in.ID, "")
	if err != nil {
		return Benefit{}, err
	}
	return s.Public(r), nil
}
