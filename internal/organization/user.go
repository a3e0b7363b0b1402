package organization

import (
	"context"
	"errors"
	"fmt"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/email"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

// User is a person who works with organizations.
type User struct {
	ID        id.ID     `json:"id"`
	CreatedAt time.Time `json:"created_at"`
	Email     string    `json:"email"`
}

const userColumns = `id, created_at, email`

// CreateUser makes a user and adds them to organizations, with Join's rule for
// an empty role. An address that is known is a fault.AlreadyExists.
func (s *Service) CreateUser(ctx context.Context, tx *db.Tx, actor auth.Subject, address string, role auth.Role, organizations ...id.ID) (User, error) {
	normal, reason := email.Parse(address)
	if reason != "" {
		return User{}, schema.ValueError("value is not a valid email address: "+reason, schema.StringNode(address), "body", "email")
	}
	u := User{ID: id.New(), CreatedAt: tx.Now(), Email: normal}
	if _, err := UserByEmail(ctx, tx, normal); !errors.Is(err, fault.NotFound.New()) {
		if err == nil {
			err = errUserExists()
		}
		return User{}, err
	}
	_, err := db.Exec(ctx, tx, `INSERT INTO users (`+userColumns+`, email_key) VALUES (?, ?, ?, ?)`, u.ID, u.CreatedAt, u.Email, email.Key(u.Email))
	switch {
	case db.IsUnique(err, "users_email_key_key"):
		return User{}, errUserExists()
	case err != nil:
		return User{}, fmt.Errorf("insert a user: %w", err)
	}
	for _, org := range organizations {
		if _, err := s.Join(ctx, tx, actor, u, org, role); err != nil {
			return User{}, err
		}
	}
	return u, nil
}

func errUserExists() error {
	return fault.AlreadyExists.New("A user with this email address already exists.")
}

// UserByEmail finds a user in whatever letter case; fault.NotFound when there
// is none.
func UserByEmail(ctx context.Context, q db.Querier, address string) (User, error) {
	u, err := db.One[User](ctx, q, `SELECT `+userColumns+` FROM users WHERE email_key = ? AND deleted_at IS NULL`, email.Key(address))
	if errors.Is(err, db.ErrNoRows) {
		return u, fault.NotFound.New("User not found.")
	}
	if err != nil {
		return u, fmt.Errorf("read a user: %w", err)
	}
	return u, nil
}

// Belonging is a user and an organization of theirs.
type Belonging struct {
	User
	OrganizationID *id.ID // nil when there is none
	Slug           string
	Role           auth.Role
}

// Belongings reads who belongs where, users oldest first and each one's
// organizations by when they joined, for operators. Users without any are there
// once, with no organization. With an organization it is those who belong to that.
func Belongings(ctx context.Context, q db.Querier, org id.ID) ([]Belonging, error) {
	w := db.Where("u.deleted_at IS NULL")
	if org != "" {
		w.And("m.organization_id = ?", org)
	}
	list, err := db.All[Belonging](ctx, q, `SELECT u.id, u.created_at, u.email, o.id AS organization_id, COALESCE(o.slug, '') AS slug, COALESCE(m.role, '') AS role
		FROM users u LEFT JOIN memberships m ON m.user_id = u.id LEFT JOIN organizations o ON o.id = m.organization_id AND o.deleted_at IS NULL`+
		w.SQL()+` ORDER BY u.created_at, u.id, m.created_at, o.id`, w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return list, nil
}

// Join adds a user to an organization and returns the role they got. Without a
// wish the first becomes the owner and others plain members. A second owner,
// and one who belongs already, is a fault.AlreadyExists.
func (s *Service) Join(ctx context.Context, tx *db.Tx, actor auth.Subject, u User, org id.ID, role auth.Role) (auth.Role, error) {
	// The lock makes those who join at the same time wait for each other, so
	// that one of them becomes the owner.
	o, err := one(ctx, tx, db.Where("id = ?", org).And("deleted_at IS NULL"), tx.ForUpdate())
	if err != nil {
		return "", err
	}
	roles, err := db.All[membership](ctx, tx, `SELECT user_id, role FROM memberships WHERE organization_id = ? AND (user_id = ? OR role = 'owner')`, o.ID, u.ID)
	if err != nil {
		return "", fmt.Errorf("read memberships: %w", err)
	}
	if role, err = choose(roles, u.ID, role); err != nil {
		return "", err
	}
	if err := insertMembership(ctx, tx, o.ID, u.ID, role); err != nil {
		return "", err
	}
	journal.Append(tx, actor, journal.Entry{
		Organization: o.ID, Type: "organization_member.created", Subject: u.ID,
		After: schema.JSON(membership{u.ID, role}),
	})
	tx.AfterCommit(s.AccessChanged)
	return role, nil
}

// Leave ends that a user belongs to an organization. Its owner cannot leave; a
// user who does not belong is a fault.NotFound.
func (s *Service) Leave(ctx context.Context, tx *db.Tx, actor auth.Subject, u User, org id.ID) error {
	was, err := db.One[membership](ctx, tx, `DELETE FROM memberships WHERE organization_id = ? AND user_id = ? RETURNING user_id, role`, org, u.ID)
	switch {
	case errors.Is(err, db.ErrNoRows):
		return fault.NotFound.New("The user does not belong to the organization.")
	case err != nil:
		return fmt.Errorf("delete a membership: %w", err)
	case was.Role == auth.Owner:
		return fault.NotPermitted.New("Cannot remove the organization owner.")
	}
	journal.Append(tx, actor, journal.Entry{Organization: org, Type: "organization_member.deleted", Subject: u.ID, Before: schema.JSON(was)})
	tx.AfterCommit(s.AccessChanged)
	return nil
}

type membership struct {
	UserID id.ID     `json:"user_id"`
	Role   auth.Role `json:"role"`
}

// choose decides on a role beside those that matter: the user's and the owner's.
func choose(roles []membership, user id.ID, wish auth.Role) (auth.Role, error) {
	owned := false
	for _, m := range roles {
		if m.UserID == user {
			return "", fault.AlreadyExists.New("The user belongs to the organization already.")
		}
		owned = owned || m.Role == auth.Owner
	}
	switch {
	case wish == auth.Owner && owned:
		return "", fault.AlreadyExists.New("The organization has an owner already.")
	case wish != "":
		return wish, nil
	case owned:
		return auth.Plain, nil
	}
	return auth.Owner, nil
}

func insertMembership(ctx context.Context, tx *db.Tx, org, user id.ID, role auth.Role) error {
	_, err := db.Exec(ctx, tx, `INSERT INTO memberships (organization_id, user_id, role, created_at) VALUES (?, ?, ?, ?)`,
		org, user, role, tx.Now())
	if err != nil {
		return fmt.Errorf("insert a membership: %w", err)
	}
	return nil
}

// Addresses are the e-mail addresses of all who belong to an organization, for
// what everybody there is told.
func Addresses(ctx context.Context, q db.Querier, org id.ID) ([]string, error) {
	return db.All[string](ctx, q, `SELECT u.email FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE m.organization_id = ? AND u.deleted_at IS NULL ORDER BY m.created_at, u.id`, org)
}
