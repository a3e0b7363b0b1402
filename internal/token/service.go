package token

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"floe/internal/auth"
	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

// Service makes, lists, revokes and resolves tokens.
type Service struct {
	db    *db.DB
	clock clock.Clock
	hash  *Hasher
	cache cache
	// sessions are the keys of sessions that were good when they were used last.
	sessions  cache
	strangers chan struct{} // as many as there may be lookups of unknown tokens
	usage     usage
}

var _ auth.Authenticator = (*Service)(nil)

// Config is what a Service needs.
type Config struct {
	DB     *db.DB
	Clock  clock.Clock  // the wall's when nil
	Logger *slog.Logger // the default one when nil
}

// New readies a service on a migrated database. Close it to record the last
// uses.
func New(ctx context.Context, c Config) (*Service, error) {
	secret, err := loadSecret(ctx, c.DB)
	if err != nil {
		return nil, err
	}
	if c.Clock == nil {
		c.Clock = clock.Wall
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Service{
		db: c.DB, clock: c.Clock, hash: NewHasher(secret),
		strangers: make(chan struct{}, strangers), usage: usage{db: c.DB, log: c.Logger},
	}, nil
}

// Close writes down which tokens were used.
func (s *Service) Close() error { return s.usage.close() }

// Hash is the form in which a token made with Mint is stored.
func (s *Service) Hash(clear string) string { return s.hash.Hash(clear) }

// Forget makes the next use of every token read the database again. It is for
// changes to what tokens stand for (a token, a membership, an organization, a
// user), called when the change is committed: tx.AfterCommit(s.Forget).
func (s *Service) Forget() { s.cache.forget() }

// Token is an access token without its secret.
type Token struct {
	ID             id.ID      `json:"id"`
	CreatedAt      time.Time  `json:"created_at"`
	ExpiresAt      *time.Time `json:"expires_at"`
	LastUsedAt     *time.Time `json:"last_used_at"`
	OrganizationID *id.ID     `json:"organization_id"`
	UserID         *id.ID     `json:"user_id"`
	Comment        string     `json:"comment"`
	Scopes         Scopes     `json:"scopes"`
}

// Scopes are stored as words of one text.
type Scopes []auth.Scope

// Scan reads the stored text.
func (s *Scopes) Scan(src any) error {
	text, ok := src.(string)
	if b, isBytes := src.([]byte); isBytes {
		text, ok = string(b), true
	}
	if !ok {
		return fmt.Errorf("%T in a field for scopes", src)
	}
	*s = Scopes{}
	for word := range strings.FieldsSeq(text) {
		*s = append(*s, auth.Scope(word))
	}
	slices.Sort(*s)
	return nil
}

// Request says what token to make: for an organization or for a user.
type Request struct {
	OrganizationID id.ID
	UserID         id.ID
	Scopes         []auth.Scope
	Comment        string
	ExpiresIn      time.Duration // zero means never
}

// Create makes a token. The clear text is returned this once.
func (s *Service) Create(ctx context.Context, tx *db.Tx, actor auth.Subject, r Request) (Token, string, error) {
	if (r.OrganizationID == "") == (r.UserID == "") {
		return Token{}, "", fault.BadRequest.New("A token belongs to an organization or to a user.")
	}
	if r.ExpiresIn < 0 {
		return Token{}, "", fault.BadRequest.New("A token cannot expire before it is made.")
	}
	t := Token{ID: id.New(), CreatedAt: tx.Now(), Comment: r.Comment, Scopes: slices.Clone(r.Scopes)}
	slices.Sort(t.Scopes)
	t.Scopes = slices.Compact(t.Scopes)
	prefix := Personal
	if r.OrganizationID != "" {
		prefix, t.OrganizationID = Organization, &r.OrganizationID
	} else {
		t.UserID = &r.UserID
	}
	if r.ExpiresIn > 0 {
		at := t.CreatedAt.Add(r.ExpiresIn).Truncate(time.Microsecond)
		t.ExpiresAt = &at
	}
	clear := Mint(prefix)
	if err := insert(ctx, tx, t, s.Hash(clear)); err != nil {
		return Token{}, "", err
	}
	t.record(tx, actor, "organization_access_token.created", nil, schema.JSON(t))
	return t, clear, nil
}

// record keeps the change of an organization's token. A user's token belongs
// to no organization, whose journal could hold it.
func (t Token) record(tx *db.Tx, actor auth.Subject, typ string, before, after []byte) {
	if t.OrganizationID == nil {
		return
	}
	journal.Append(tx, actor, journal.Entry{
		Organization: *t.OrganizationID, Type: typ, Subject: t.ID, Before: before, After: after,
	})
}

// Revoke ends a token, named by its id or by its clear text. Within this
// process that counts at once.
func (s *Service) Revoke(ctx context.Context, tx *db.Tx, actor auth.Subject, token string) (Token, error) {
	column, value := "id", token
	if prefixOf(token) != "" {
		column, value = "hash", s.Hash(token)
	} else {
		parsed, problem := id.Parse(token)
		if !problem.OK() {
			return Token{}, errUnknown()
		}
		value = string(parsed)
	}
	t, err := remove(ctx, tx, column, value)
	if errors.Is(err, db.ErrNoRows) {
		return Token{}, errUnknown()
	}
	if err != nil {
		return Token{}, err
	}
	t.record(tx, actor, "organization_access_token.deleted", schema.JSON(t), nil)
	tx.AfterCommit(s.Forget)
	return t, nil
}

func errUnknown() error { return fault.NotFound.New("Token not found.") }
