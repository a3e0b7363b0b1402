package token

import (
	"context"
	"fmt"
	"strings"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

const columns = `id, created_at, expires_at, last_used_at, organization_id, user_id, comment, scopes`

func insert(ctx context.Context, tx *db.Tx, t Token, hash string) error {
	kind := "pat"
	if t.OrganizationID != nil {
		kind = "oat"
	}
	_, err := db.Exec(ctx, tx, `INSERT INTO tokens (`+columns+`, kind, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.ID, t.CreatedAt, t.ExpiresAt, t.LastUsedAt, t.OrganizationID, t.UserID, t.Comment, auth.ScopeNames(t.Scopes, " "),
		kind, hash)
	return wrap("insert a token", err)
}

// remove hides a token by one of its two keys and returns it.
func remove(ctx context.Context, tx *db.Tx, column, value string) (Token, error) {
	t, err := db.One[Token](ctx, tx, `UPDATE tokens SET deleted_at = ? WHERE `+column+` = ? AND deleted_at IS NULL RETURNING `+columns,
		tx.Now(), value)
	return t, wrap("delete a token", err)
}

// Listed is a token with the name of whom it belongs to.
type Listed struct {
	Token
	OrganizationSlug *string `json:"organization_slug"`
	UserEmail        *string `json:"user_email"`
}

// List reads the tokens that are not revoked, oldest first: those of the given
// organizations, or all there are. It is for operators; it asks nobody's
// permission.
func List(ctx context.Context, q db.Querier, organizations ...id.ID) ([]Listed, error) {
	w := db.Where("t.deleted_at IS NULL")
	if len(organizations) > 0 {
		w.In("t.organization_id", organizations)
	}
	list, err := db.All[Listed](ctx, q, `SELECT t.`+strings.ReplaceAll(columns, ", ", ", t.")+`,
		o.slug AS organization_slug, u.email AS user_email
		FROM tokens t
		LEFT JOIN organizations o ON o.id = t.organization_id
		LEFT JOIN users u ON u.id = t.user_id`+w.SQL()+` ORDER BY t.created_at, t.id`, w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list tokens: %w", err)
	}
	return list, nil
}

// accessRow is a token with one of its organizations.
type accessRow struct {
	Token
	Reach     *id.ID // nil when there is none
	Role      *auth.Role
	TestClock *time.Time
}

// selectOrganization and selectUser are the reads behind every request: one
// statement each, by unique index and primary keys.
const (
	selectOrganization = `SELECT t.id, t.created_at, t.expires_at, t.organization_id, t.scopes, o.id AS reach, c.now AS test_clock
		FROM tokens t
		JOIN organizations o ON o.id = t.organization_id
		LEFT JOIN test_clocks c ON c.organization_id = o.id
		WHERE t.hash = ? AND t.kind = 'oat' AND t.deleted_at IS NULL AND o.deleted_at IS NULL`

	selectUser = `SELECT t.id, t.created_at, t.expires_at, t.user_id, t.scopes, o.id AS reach, m.role, c.now AS test_clock
		FROM tokens t
		JOIN users u ON u.id = t.user_id
		LEFT JOIN memberships m ON m.user_id = u.id
		LEFT JOIN organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL
		LEFT JOIN test_clocks c ON c.organization_id = o.id
		WHERE t.hash = ? AND t.kind = 'pat' AND t.deleted_at IS NULL AND u.deleted_at IS NULL
		ORDER BY m.organization_id`
)

// sessionRow is a session of the customer portal whose owner still exists.
type sessionRow struct {
	ID             id.ID
	OrganizationID id.ID
	CustomerID     id.ID
	MemberID       *id.ID
	TestClock      *time.Time
}

const selectSession = `SELECT s.id, s.organization_id, s.customer_id, s.member_id, k.now AS test_clock
	FROM customer_sessions s
	JOIN organizations o ON o.id = s.organization_id
	JOIN customers c ON c.organization_id = s.organization_id AND c.id = s.customer_id
	LEFT JOIN members m ON m.organization_id = s.organization_id AND m.customer_id = s.customer_id AND m.id = s.member_id
	LEFT JOIN test_clocks k ON k.organization_id = s.organization_id
	WHERE s.hash = ? AND s.expires_at > COALESCE(k.now, ?) AND o.deleted_at IS NULL AND c.deleted_at IS NULL
	AND (s.member_id IS NULL OR (m.id IS NOT NULL AND m.deleted_at IS NULL))`
