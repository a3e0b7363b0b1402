package webhook

import (
	"context"
	"net/http"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/listing"
	"floe/internal/organization"
	"floe/internal/schema"
)

// Operations are the operations on webhooks.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.WebhooksRead, auth.WebhooksWrite
	const noEndpoint, noEvent, noReplay = "Webhook endpoint not found.", "Webhook event not found.", "Webhook replay not found."
	return []*api.Operation{
		api.Get("/v1/webhooks/endpoints", s.list).Scopes(read, write).
			Named("webhooks:list_webhook_endpoints", "List Webhook Endpoints"),
		api.Post("/v1/webhooks/endpoints", s.create).Scopes(write).
			Named("webhooks:create_webhook_endpoint", "Create Webhook Endpoint"),
		api.Get("/v1/webhooks/endpoints/{id}", s.get).Scopes(read, write).
			Named("webhooks:get_webhook_endpoint", "Get Webhook Endpoint").Fails(fault.NotFound, noEndpoint),
		api.Patch("/v1/webhooks/endpoints/{id}", s.update).Scopes(write).
			Named("webhooks:update_webhook_endpoint", "Update Webhook Endpoint").Fails(fault.NotFound, noEndpoint),
		api.Delete("/v1/webhooks/endpoints/{id}", s.delete).Scopes(write).
			Named("webhooks:delete_webhook_endpoint", "Delete Webhook Endpoint").Fails(fault.NotFound, noEndpoint),
		api.Patch("/v1/webhooks/endpoints/{id}/secret", s.rotate).Scopes(write).
			Named("webhooks:reset_webhook_endpoint_secret", "Reset Webhook Endpoint Secret").Fails(fault.NotFound, noEndpoint),
		api.Get("/v1/webhooks/deliveries", s.deliveries).Scopes(read, write).
			Named("webhooks:list_webhook_deliveries", "List Webhook Deliveries"),
		accepted(api.Post("/v1/webhooks/events/{id}/redeliver", s.redeliver)).Scopes(write).
			Named("webhooks:redeliver_webhook_event", "Redeliver Webhook Event").Fails(fault.NotFound, noEvent),
		accepted(api.Post("/v1/webhooks/replays", s.createReplay)).Scopes(write).
			Named("webhooks:create_webhook_replay", "Replay Webhook Events").About(aboutReplay).Fails(fault.NotFound, noEndpoint),
		api.Get("/v1/webhooks/replays/{id}", s.getReplay).Scopes(read, write).
			Named("webhooks:get_webhook_replay", "Get Webhook Replay").Fails(fault.NotFound, noReplay),
		api.Follow("/v1/webhooks/listen", s.waiting, s.listen).Scopes(read, write).Named("webhooks:listen", "Listen to Webhook Events").Primary().
			About(aboutListen).Fails(fault.NotPermitted, auth.OrganizationManage.Denied()).
			Fails(fault.TooManyListeners, fault.TooManyListeners.Detail),
	}
}

func accepted(o *api.Operation) *api.Operation { o.Status = http.StatusAccepted; return o }

type listInput struct {
	listing.Page
	Organizations schema.Many[id.ID] `query:"organization_id" doc:"Filter by organization ID."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (listing.Result[Endpoint], error) {
	return listing.Run[Endpoint](ctx, s.DB, listing.Query{
		Columns: endpointColumns, From: "webhook_endpoints", Page: in.Page,
		Where: db.Where("deleted_at IS NULL").And(notListening).In("organization_id", sub.Organizations(auth.OrganizationManage, in.Organizations...)),
		Order: " ORDER BY created_at DESC, id DESC",
	})
}

// Create is the body of a creation.
type Create struct {
	URL            Address     `json:"url" doc:"Where the events are to be sent." example:"\"https://example.com/webhook\""`
	Name           *string     `json:"name" doc:"A name to know it by."`
	Format         Format      `json:"format" doc:"The form of what is sent."`
	Events         []EventType `json:"events" doc:"The types of event to send." example:"[\"customer.created\",\"customer.state_changed\"]"`
	OrganizationID *id.ID      `json:"organization_id" doc:"The organization of the endpoint. **Required unless you use an organization token.**"`
	Secret         *string     `json:"secret" minLength:"32" doc:"A secret of your own. Best leave it to the server to make one."`
}

// SchemaName is the name of the reference.
func (Create) SchemaName() string { return "WebhookEndpointCreate" }

type createInput struct{ Body Create }

func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Endpoint, err error) {
	b := in.Body
	if err := s.check(b.URL); err != nil {
		return out, err
	}
	org, err := organization.ForCreate(sub, b.OrganizationID, auth.OrganizationManage)
	if err != nil {
		return out, err
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		out = Endpoint{
			CreatedAt: tx.Now(), ID: id.NewAt(tx.Now()), URL: b.URL.URL, Name: b.Name, Format: b.Format, Secret: newSecret(),
			OrganizationID: org, Events: b.Events, Enabled: true, EnabledAt: s.now(),
		}
		if b.Secret != nil {
			out.Secret = *b.Secret
		}
		record(tx, sub, "webhook_endpoint.created", nil, out, "")
		return insertEndpoint(ctx, tx, &out)
	})
	return out, err
}

type byIDInput struct {
	ID id.ID `path:"id" doc:"The webhook endpoint ID."`
}

func manageable(sub *auth.Subject) []id.ID { return sub.Organizations(auth.OrganizationManage) }

func (s *Service) get(ctx context.Context, sub auth.Subject, in byIDInput) (Endpoint, error) {
	return byID(ctx, s.DB, manageable(&sub), in.ID, "")
}

// Update is the body of a change. Null changes nothing.
type Update struct {
	URL     *Address     `json:"url"`
	Name    *string      `json:"name" doc:"A name to know it by." example:"\"Production\""`
	Format  *Format      `json:"format" doc:"The form of what is sent."`
	Events  *[]EventType `json:"events" doc:"The types of event to send."`
	Enabled *bool        `json:"enabled" doc:"Whether events are sent."`
	Secret  *string      `json:"secret" minLength:"32" doc:"A secret of your own, in place of the one there is."`
}

// SchemaName is the name of the reference.
func (Update) SchemaName() string { return "WebhookEndpointUpdate" }

type updateInput struct {
	byIDInput
	Body Update
}

func (s *Service) update(ctx context.Context, sub auth.Subject, in updateInput) (out Endpoint, err error) {
	if in.Body == (Update{}) { // which touches nothing, modified_at included
		return s.get(ctx, sub, byIDInput{in.ID})
	}
	if in.Body.URL != nil {
		if err := s.check(*in.Body.URL); err != nil {
			return out, err
		}
	}
	return s.change(ctx, sub, in.ID, "webhook_endpoint.updated", func(tx *db.Tx, e *Endpoint) error { return s.apply(ctx, tx, e, in.Body) })
}

// change loads an endpoint, lets fn change it, and stores it.
func (s *Service) change(ctx context.Context, sub auth.Subject, endpoint id.ID, typ string, fn func(*db.Tx, *Endpoint) error) (out Endpoint, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		e, err := byID(ctx, tx, manageable(&sub), endpoint, tx.ForUpdate())
		if err != nil {
			return err
		}
		before, now := e, tx.Now()
		if err := fn(tx, &e); err != nil {
			return err
		}
		e.ModifiedAt = &now
		record(tx, sub, typ, &before, e, "")
		out = e
		return saveEndpoint(ctx, tx, &e)
	})
	return out, err
}

const invalidStored = "Cannot enable a webhook endpoint with an invalid URL. Please update the URL first."

func (s *Service) apply(ctx context.Context, tx *db.Tx, e *Endpoint, u Update) error {
	if u.URL != nil {
		e.URL = u.URL.URL
	}
	if u.Name != nil {
		e.Name = u.Name
	}
	if u.Format != nil {
		e.Format = *u.Format
	}
	if u.Events != nil {
		e.Events = *u.Events
	}
	if u.Secret != nil {
		e.Secret, e.OldSecret, e.OldSecretUntil = *u.Secret, nil, nil
	}
	switch {
	case u.Enabled == nil:
	case *u.Enabled && !s.callable(e.URL):
		return schema.Business("value_error", invalidStored, &schema.Node{Kind: schema.Bool, Bool: true}, "body", "enabled")
	case *u.Enabled:
		return s.enable(ctx, tx, e)
	default:
		e.Enabled, e.DisabledReason = false, nil
	}
	return nil
}

// enable gives an endpoint a fresh start: what it failed before does not count.
func (s *Service) enable(ctx context.Context, tx *db.Tx, e *Endpoint) error {
	if e.Enabled {
		return nil
	}
	e.Enabled, e.DisabledReason, e.EnabledAt = true, nil, s.now()
	_, err := db.Exec(ctx, tx, `UPDATE webhook_targets SET failures = 0, failing_since = NULL, blocked_until = NULL WHERE organization_id = ? AND id = ?`,
		e.OrganizationID, e.ID)
	s.wakeAfter(tx, e.ID)
	return err
}

type rotateInput struct {
	byIDInput
	Overlap int `query:"overlap" ge:"0" le:"2592000" default:"0" doc:"For how many seconds the old secret goes on signing beside the new one. One from before it no longer does."`
}

func (s *Service) rotate(ctx context.Context, sub auth.Subject, in rotateInput) (Endpoint, error) {
	return s.change(ctx, sub, in.ID, "webhook_endpoint.secret_reset", func(_ *db.Tx, e *Endpoint) error {
		old, until := e.Secret, s.now().Add(time.Duration(in.Overlap)*time.Second)
		e.Secret, e.OldSecret, e.OldSecretUntil = newSecret(), nil, nil
		if in.Overlap > 0 {
			e.OldSecret, e.OldSecretUntil = &old, &until
		}
		return nil
	})
}

// secrets are those that sign at a time, the current one first.
func (e *Endpoint) secrets(at time.Time) []string {
	if e.OldSecret != nil && e.OldSecretUntil != nil && at.Before(*e.OldSecretUntil) {
		return []string{e.Secret, *e.OldSecret}
	}
	return []string{e.Secret}
}

// delete hides an endpoint. What is queued for it is still sent.
func (s *Service) delete(ctx context.Context, sub auth.Subject, in byIDInput) error {
	_, err := s.change(ctx, sub, in.ID, "webhook_endpoint.deleted", func(tx *db.Tx, e *Endpoint) error {
		now := tx.Now()
		e.DeletedAt = &now
		return nil
	})
	return err
}
