package customer

import (
	"context"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

// Remembers says whether a text is in memory for guessing how rare letters are.
func (s *Service) Remembers(text string) bool {
	now := s.samples.current.Load()
	if now == nil {
		return false
	}
	for _, t := range now.texts {
		if strings.Contains(t, text) {
			return true
		}
	}
	return false
}

// RemoveAll deletes customers as those are who are deleted at the same time:
// each by the request beside it.
func (s *Service) RemoveAll(ctx context.Context, tx *db.Tx, requests []string, ids []id.ID, anonymize func(i int) bool, orgs ...id.ID) error {
	var list []*removal
	for i, customer := range ids {
		sub := auth.Subject{Kind: auth.User, RequestID: requests[i]}
		for _, org := range orgs {
			sub.Memberships = append(sub.Memberships, auth.Membership{OrganizationID: org, Role: auth.Owner})
		}
		list = append(list, &removal{target{sub: sub, column: "id", value: customer}, anonymize(i)})
	}
	return s.removeAll(ctx, tx, list)
}
