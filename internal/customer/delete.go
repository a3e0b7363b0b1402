package customer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/journal"
	"floe/internal/schema"
)

// removal is a customer that somebody wants to have deleted.
type removal struct {
	target
	anonymize bool
}

// remove deletes the customer that a column finds.
func (s *Service) remove(ctx context.Context, sub auth.Subject, column string, value any, anonymize bool) error {
	r := &removal{target{sub: sub, column: column, value: value}, anonymize}
	s.grouped.Do(s.group)
	err := s.removals.Write(ctx, r)
	if err == nil {
		err = r.err
	}
	return err
}

// removeAll deletes customers.
func (s *Service) removeAll(ctx context.Context, tx *db.Tx, list []*removal) error {
	return forEach(ctx, tx, list, func(r *removal) *target { return &r.target },
		func(r *removal, row Row) error { return s.Delete(ctx, tx, r.sub, row, r.anonymize) })
}

// Delete ends everything the customer has and hides them, in one transaction:
// nothing is left to a job that could fail later. Receivers hear of it in the
// order of the steps: members, subscriptions, grants, the customer. With
// anonymize it also scrubs what identifies a person, here and in what the
// journal remembers; orders and subscriptions stay.
func (s *Service) Delete(ctx context.Context, tx *db.Tx, sub auth.Subject, r Row, anonymize bool) error {
	was := r
	anonymize = anonymize && !r.anonymized()
	if anonymize {
		if err := s.erase(ctx, tx, &r); err != nil {
			return err
		}
	}
	if err := s.deleteMembers(ctx, tx, sub, &r, anonymize); err != nil {
		return fmt.Errorf("delete members: %w", err)
	}
	if err := s.Subscriptions.CancelAll(ctx, tx, sub, r.OrganizationID, r.ID); err != nil {
		return fmt.Errorf("cancel subscriptions: %w", err)
	}
	if err := s.Grants.RevokeAll(ctx, tx, sub, r.OrganizationID, r.ID); err != nil {
		return fmt.Errorf("revoke grants: %w", err)
	}
	if err := s.Methods.ForgetAll(ctx, tx, r.OrganizationID, r.ID, anonymize); err != nil {
		return err
	}
	if err := endSessions(ctx, tx, &r); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	r.hide(tx)
	if anonymize {
		r.scrub(tx)
		tx.AfterCommit(s.samples.forget)
	}
	if err := save(ctx, tx, &was, &r); err != nil {
		return err
	}
	if err := clearMetadata(ctx, tx, &r); err != nil {
		return err
	}
	count(tx, r.OrganizationID, -1)
	gone := s.Public(r)
	journal.Append(tx, sub, journal.Entry{Organization: r.OrganizationID, Type: "customer.deleted", Customer: r.ID, Subject: r.ID,
		After: schema.JSON(&gone), Payload: &gone})
	return nil
}

// erase removes what others keep about a person, and then what was recorded of
// that.
func (s *Service) erase(ctx context.Context, tx *db.Tx, r *Row) error {
	for _, e := range s.Erasers {
		if err := e.Erase(ctx, tx, r.OrganizationID, r.ID); err != nil {
			return err
		}
	}
	return journal.Erase(ctx, tx, r.OrganizationID, r.ID, personal)
}

// hide marks the row as deleted and frees its external id for a new customer,
// keeping it where the record of what they bought can still show it.
func (r *Row) hide(tx *db.Tx) {
	now := tx.Now()
	r.DeletedAt, r.ModifiedAt, r.DefaultPaymentMethodID = &now, &now, nil
	if r.ExternalID != nil {
		r.Metadata = append([]byte(nil), schema.Metadata(r.Metadata).With(keptExternalID, *r.ExternalID)...)
		r.ExternalID = nil
	}
}

// personal are the fields that an erasure removes from the journal: of
// customers and members, of subscriptions, and of activations of license keys.
var personal = []string{"email", "name", "billing_name", "billing_address", "avatar_url", "customer_cancellation_comment", "label", "meta"}

const (
	anonymizedDomain = "@anonymized.invalid"  // RFC 2606: no mail can ever reach it
	referenceDomain  = "@anonymized.polar.sh" // of records that come from the reference
)

// anonymized says whether it was done before. Only our own column counts, and
// addresses that nobody can have: metadata is the client's to write.
func (r *Row) anonymized() bool {
	return r.AnonymizedAt != nil || r.Email != nil && (strings.HasSuffix(*r.Email, anonymizedDomain) || strings.HasSuffix(*r.Email, referenceDomain))
}

// scrub replaces what identifies a person by hashes that still tell two people
// apart. A business, which has a tax id, keeps its name.
func (r *Row) scrub(tx *db.Tx) {
	now := tx.Now()
	hash := func(v string) string { return Pseudonym(schema.Offset(r.CreatedAt), v) }
	if r.Email != nil {
		address := hash(*r.Email) + anonymizedDomain
		r.Email = &address
	}
	r.EmailVerified = false
	if r.TaxID == nil && r.Name != nil && *r.Name != "" {
		name := hash(*r.Name)
		r.Name = &name
	}
	if r.BillingName != nil && *r.BillingName != "" {
		name := hash(*r.BillingName)
		r.BillingName = &name
	}
	r.BillingAddress = nil
	r.Metadata = append([]byte(nil), schema.Metadata(r.Metadata).With(anonymizedAt, schema.Offset(now))...)
	r.AnonymizedAt = &now
}

// Pseudonym is what stands for a value after anonymisation: the hex SHA-256 of
// the customer's creation time and the value.
func Pseudonym(createdAt, value string) string {
	sum := sha256.Sum256([]byte(createdAt + value))
	return hex.EncodeToString(sum[:])
}
