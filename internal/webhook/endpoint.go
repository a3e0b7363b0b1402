package webhook

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

// Endpoint is a URL with what is sent there, as the API shows it.
type Endpoint struct {
	CreatedAt      time.Time  `json:"created_at" doc:"When the endpoint was created."`
	ModifiedAt     *time.Time `json:"modified_at" doc:"When the endpoint was last changed; null until then."`
	ID             id.ID      `json:"id" doc:"The ID of the endpoint."`
	URL            string     `json:"url" doc:"Where the events are sent." example:"\"https://example.com/webhook\""`
	Name           *string    `json:"name" required:"false" doc:"A name to know it by."`
	Format         Format     `json:"format" doc:"The form of what is sent."`
	Secret         string     `json:"secret" doc:"The secret that signs what is sent."`
	OrganizationID id.ID      `json:"organization_id" doc:"The organization that the endpoint belongs to."`
	Events         eventList  `json:"events" doc:"The types of event that are sent."`
	Enabled        bool       `json:"enabled" doc:"Whether events are sent."`

	OldSecret      *string    `json:"-"`
	OldSecretUntil *time.Time `json:"-"`
	DisabledReason *string    `json:"-"`
	EnabledAt      time.Time  `json:"-"`
	DeletedAt      *time.Time `json:"-"`
}

// SchemaName is the name of the reference.
func (Endpoint) SchemaName() string { return "WebhookEndpoint" }

// eventList is a list of types as it was sent.
type eventList []EventType

// Scan reads the stored form.
func (l *eventList) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return json.Unmarshal([]byte(v), (*[]EventType)(l))
	case []byte:
		return json.Unmarshal(v, (*[]EventType)(l))
	}
	return fmt.Errorf("%T in a list of events", src)
}

// Value is the stored form.
func (l eventList) Value() (driver.Value, error) { return string(schema.JSON([]EventType(l))), nil }

const endpointColumns = `created_at, modified_at, id, url, name, format, secret, organization_id, events, enabled,
	old_secret, old_secret_until, disabled_reason, enabled_at, deleted_at`

// byID reads a live endpoint of one of the organizations.
func byID(ctx context.Context, q db.Querier, orgs []id.ID, endpoint id.ID, lock string) (Endpoint, error) {
	w := db.Where("id = ?", endpoint).In("organization_id", orgs).And("deleted_at IS NULL").And(notListening)
	e, err := db.One[Endpoint](ctx, q, `SELECT `+endpointColumns+` FROM webhook_endpoints`+w.SQL()+lock, w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return e, fault.NotFound.New()
	}
	return e, err
}

// Standing is an endpoint as operators see it: how it fares, and no secret.
type Standing struct {
	ID             id.ID      `json:"id"`
	URL            string     `json:"url"`
	Name           *string    `json:"name"`
	Enabled        bool       `json:"enabled"`
	DisabledReason *string    `json:"disabled_reason"`
	Events         eventList  `json:"events"`
	Failures       int64      `json:"failures"` // in a row
	FailingSince   *time.Time `json:"failing_since"`
	Waiting        int64      `json:"waiting"` // events that are still to be sent
}

// List reads every endpoint of an organization, oldest first.
func List(ctx context.Context, q db.Querier, org id.ID) ([]Standing, error) {
	list, err := db.All[Standing](ctx, q, `SELECT e.id, e.url, e.name, e.enabled, e.disabled_reason, e.events, t.failures, t.failing_since,
			(SELECT CAST(COALESCE(SUM(l.pending), 0) AS bigint) FROM webhook_lanes l WHERE l.target_id = e.id AND l.pending > 0) AS waiting
		FROM webhook_endpoints e JOIN webhook_targets t ON t.id = e.id
		WHERE e.organization_id = ? AND e.deleted_at IS NULL AND e.`+notListening+` ORDER BY e.created_at, e.id`, org)
	for i := range list {
		list[i].URL = (&Endpoint{URL: list[i].URL}).PublicURL()
	}
	return list, err
}

func insertEndpoint(ctx context.Context, tx *db.Tx, e *Endpoint) error {
	_, err := db.Exec(ctx, tx, `INSERT INTO webhook_endpoints (id, organization_id, created_at, url, name, format, secret, events, mask, enabled, enabled_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		e.ID, e.OrganizationID, e.CreatedAt, e.URL, e.Name, e.Format, e.Secret, e.Events, maskOf(e.Events), e.Enabled, e.EnabledAt)
	if err != nil {
		return fmt.Errorf("insert webhook endpoint: %w", err)
	}
	return insertTarget(ctx, tx, e.OrganizationID, e.ID, e.ID, nil)
}

func insertTarget(ctx context.Context, tx *db.Tx, org, target, endpoint id.ID, url *string) error {
	_, err := db.Exec(ctx, tx, `INSERT INTO webhook_targets (id, organization_id, endpoint_id, url, failures) VALUES (?, ?, ?, ?, 0)`,
		target, org, endpoint, url)
	if err != nil {
		return fmt.Errorf("insert webhook target: %w", err)
	}
	return nil
}

// saveEndpoint writes every column that can change.
func saveEndpoint(ctx context.Context, tx *db.Tx, e *Endpoint) error {
	_, err := db.Exec(ctx, tx, `UPDATE webhook_endpoints
		SET modified_at = ?, deleted_at = ?, url = ?, name = ?, format = ?, secret = ?, old_secret = ?, old_secret_until = ?,
			events = ?, mask = ?, enabled = ?, enabled_at = ?, disabled_reason = ?
		WHERE organization_id = ? AND id = ?`,
		e.ModifiedAt, e.DeletedAt, e.URL, e.Name, e.Format, e.Secret, e.OldSecret, e.OldSecretUntil,
		e.Events, maskOf(e.Events), e.Enabled, e.EnabledAt, e.DisabledReason, e.OrganizationID, e.ID)
	if err != nil {
		return fmt.Errorf("save webhook endpoint: %w", err)
	}
	return nil
}

// record tells the journal of a change. Secrets are not for it.
func record(tx *db.Tx, actor auth.Subject, typ string, before *Endpoint, after Endpoint, reason string) {
	after.Secret, after.URL = "", after.PublicURL()
	entry := journal.Entry{Organization: after.OrganizationID, Type: typ, Subject: after.ID}
	if before == nil {
		entry.After = hideSecret(schema.JSON(&after))
	} else {
		old := *before
		old.Secret, old.URL = "", old.PublicURL()
		entry.Before, entry.After = journal.Changes(&old, &after)
	}
	if reason != "" {
		entry.After = json.RawMessage(schema.Metadata(entry.After).With("reason", reason))
	}
	journal.Append(tx, actor, entry)
}

// hideSecret leaves no trace of the key either.
func hideSecret(text json.RawMessage) json.RawMessage {
	n, err := schema.Parse(text)
	if err != nil {
		return nil
	}
	kept := &schema.Node{Kind: schema.Object}
	for i, key := range n.Keys {
		if key != "secret" {
			kept.Keys, kept.Items = append(kept.Keys, key), append(kept.Items, n.Items[i])
		}
	}
	return kept.Append(nil)
}

// PublicURL is the address without a password that may stand in it.
func (e *Endpoint) PublicURL() string {
	u, err := url.Parse(e.URL)
	if err != nil {
		return ""
	}
	return u.Redacted()
}
