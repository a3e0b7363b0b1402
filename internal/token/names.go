package token

import (
	"context"

	"floe/internal/db"
	"floe/internal/id"
)

// Name is what a token, or a user without one, is recognised by.
type Name struct {
	ID        id.ID
	Comment   *string
	UserEmail *string
}

// Names looks up tokens and users by id, also tokens that are revoked. It is
// for records of what was done, which name them.
func Names(ctx context.Context, q db.Querier, ids []id.ID) (map[id.ID]Name, error) {
	tokens := db.Where("").In("t.id", ids)
	users := db.Where("").In("id", ids)
	list, err := db.All[Name](ctx, q, `SELECT t.id, t.comment, u.email AS user_email FROM tokens t LEFT JOIN users u ON u.id = t.user_id`+tokens.SQL()+`
		UNION ALL SELECT id, NULL, email FROM users`+users.SQL(), append(tokens.Args(), users.Args()...)...)
	out := make(map[id.ID]Name, len(list))
	for _, n := range list {
		out[n.ID] = n
	}
	return out, err
}
