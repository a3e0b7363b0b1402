package webhook

import (
	"context"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/listing"
	"floe/internal/schema"
)

// Delivery is one attempt, as the API shows it.
type Delivery struct {
	CreatedAt    time.Time  `json:"created_at" doc:"When the attempt was made."`
	ModifiedAt   *time.Time `json:"modified_at"`
	ID           id.ID      `json:"id" doc:"The ID of the delivery."`
	Succeeded    bool       `json:"succeeded" doc:"Whether the receiver took it."`
	HTTPCode     *int64     `json:"http_code" doc:"The status that the receiver answered; null when there was no answer."`
	Response     *string    `json:"response" doc:"The beginning of the answer, or why there was none."`
	WebhookEvent Event      `json:"webhook_event" doc:"What was sent."`
}

// SchemaName is the name of the reference.
func (Delivery) SchemaName() string { return "WebhookDelivery" }

// Event is what an endpoint is told, as the API shows it.
type Event struct {
	CreatedAt    time.Time  `json:"created_at" doc:"When it happened."`
	ModifiedAt   *time.Time `json:"modified_at"`
	ID           id.ID      `json:"id" doc:"The ID of the event, which every attempt sends as webhook-id."`
	LastHTTPCode *int64     `json:"last_http_code" required:"false" doc:"The status of the last attempt; null when there was no answer or no attempt."`
	Succeeded    *bool      `json:"succeeded" required:"false" doc:"Whether it has arrived; null while that is open."`
	Skipped      bool       `json:"skipped" doc:"Whether it was not sent because the endpoint was disabled."`
	Payload      *string    `json:"payload" doc:"The exact body that is sent; null once it was archived."`
	Type         EventType  `json:"type" doc:"The type of the event."`
	IsArchived   bool       `json:"is_archived" doc:"Whether the payload is no longer kept; it cannot be sent again then."`
}

// SchemaName is the name of the reference.
func (Event) SchemaName() string { return "WebhookEvent" }

// deliveryRow is an attempt with its event as they are read.
type deliveryRow struct {
	CreatedAt    time.Time
	ModifiedAt   *time.Time
	ID           id.ID
	Succeeded    bool
	HTTPCode     *int64 `db:"http_code"`
	Response     *string
	EventCreated time.Time
	EventChanged *time.Time
	EventID      id.ID
	LastHTTPCode *int64 `db:"last_http_code"`
	Arrived      *bool
	Skipped      bool
	Payload      *string
	Type         EventType
}

const deliveryColumns = `d.created_at, d.modified_at, d.id, d.succeeded, d.http_code, d.response, e.created_at AS event_created,
	e.modified_at AS event_changed, e.id AS event_id, e.last_http_code, e.succeeded AS arrived, e.skipped,
	CASE WHEN e.erased THEN NULL ELSE e.payload END AS payload, e.type`

func (r *deliveryRow) public() Delivery {
	return Delivery{
		CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, ID: r.ID, Succeeded: r.Succeeded, HTTPCode: r.HTTPCode, Response: r.Response,
		WebhookEvent: Event{
			CreatedAt: r.EventCreated, ModifiedAt: r.EventChanged, ID: r.EventID, LastHTTPCode: r.LastHTTPCode, Succeeded: r.Arrived,
			Skipped: r.Skipped, Payload: r.Payload, Type: r.Type, IsArchived: r.Payload == nil,
		},
	}
}

// codeClass is the first digit of a status.
type codeClass string

// Enum lists the classes.
func (codeClass) Enum() []string { return []string{"2xx", "3xx", "4xx", "5xx"} }

// SchemaName says that the schema is written in place.
func (codeClass) SchemaName() string { return "" }

type deliveriesInput struct {
	listing.Page
	Endpoints schema.Many[id.ID]     `query:"endpoint_id" doc:"Filter by webhook endpoint ID."`
	Start     *time.Time             `query:"start_timestamp" doc:"Filter deliveries after this timestamp."`
	End       *time.Time             `query:"end_timestamp" doc:"Filter deliveries before this timestamp."`
	Succeeded *bool                  `query:"succeeded" doc:"Filter by delivery success status."`
	Query     *string                `query:"query" doc:"Filter by a part of the delivery's or event's ID, or of the HTTP code."`
	Class     *codeClass             `query:"http_code_class" doc:"Filter by HTTP response code class (2xx, 3xx, 4xx, 5xx)."`
	Types     schema.Many[EventType] `query:"event_type" doc:"Filter by webhook event type."`
}

func (s *Service) deliveries(ctx context.Context, sub auth.Subject, in deliveriesInput) (out listing.Result[Delivery], err error) {
	rows, err := listing.Run[deliveryRow](ctx, s.DB, listing.Query{
		Columns: deliveryColumns, Page: in.Page, Where: in.where(sub.Organizations(auth.OrganizationManage)),
		From:  "webhook_deliveries d JOIN webhook_events e ON e.organization_id = d.organization_id AND e.id = d.event_id",
		Order: " ORDER BY d.created_at DESC, d.id DESC",
	})
	if err != nil {
		return out, err
	}
	out.Items, out.Pagination = make([]Delivery, len(rows.Items)), rows.Pagination
	for i := range rows.Items {
		out.Items[i] = rows.Items[i].public()
	}
	return out, nil
}

func (in *deliveriesInput) where(orgs []id.ID) *db.W {
	w := db.Where("").In("d.organization_id", orgs)
	if in.Endpoints != nil {
		w.In("d.endpoint_id", []id.ID(in.Endpoints))
	}
	w.If(in.Start, "d.created_at > ?").If(in.End, "d.created_at < ?").If(in.Succeeded, "d.succeeded = ?")
	w.Contains(in.Query, "CAST(d.id AS text)", "CAST(e.id AS text)", "CAST(d.http_code AS text)")
	if in.Class != nil {
		low := int64((*in.Class)[0]-'0') * 100
		w.And("d.http_code >= ?", low).And("d.http_code < ?", low+100)
	}
	if in.Types != nil {
		w.In("e.type", []EventType(in.Types))
	}
	return w
}
