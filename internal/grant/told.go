package grant

import (
	"context"
	"encoding/json"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

// told is a grant as webhooks show it: with the properties of its type, where
// the API leaves some out, and with what they were before.
type told struct {
	Grant
	Properties         json.RawMessage `json:"properties"`
	PreviousProperties json.RawMessage `json:"previous_properties"`
}

// Told is a grant as webhooks show it.
func (s *Service) Told(ctx context.Context, q db.Querier, e *journal.Entry) (any, error) {
	orgs := []id.ID{e.Organization}
	w := db.Where("id = ?", e.Subject).In("organization_id", orgs)
	rows, err := db.All[Row](ctx, q, `SELECT `+columns+` FROM benefit_grants`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, err
	}
	list, err := s.public(ctx, q, orgs, rows)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &told{Grant: list[0], Properties: rows[0].Properties, PreviousProperties: previous(e.After)}, nil
}

// previous are the properties before the change, as the entry recorded them.
func previous(after json.RawMessage) json.RawMessage {
	n, err := schema.Parse(after)
	if err != nil {
		return nil
	}
	if p := n.Get("previous_properties"); p != nil {
		return p.Append(nil)
	}
	return nil
}
