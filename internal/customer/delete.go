package customer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
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
	return inRounds(ctx, tx, list, func(r *removal) *target { return &r.target }, func(list []*removal) error {
		byOrganization := map[id.ID][]*removal{}
		for _, r := range list {
			byOrganization[r.found.OrganizationID] = append(byOrganization[r.found.OrganizationID], r)
		}
		for _, org := range slices.Sorted(maps.Keys(byOrganization)) {
			if err := s.deleteAll(ctx, tx, org, byOrganization[org]); err != nil {
				return err
			}
		}
		return nil
	})
}

// deleteAll ends everything that customers of an organization have and hides
// them, in one transaction: nothing is left to a job that could fail later.
// Receivers hear of it in the order of the steps: members, subscriptions,
// grants, the customer. With anonymize it also scrubs what identifies a person,
// here and in what the journal remembers; orders and subscriptions stay.
//
// What customers own is asked for all of them at once, because most own nothing
// but a member: on PostgreSQL a deletion took mostly round trips.
func (s *Service) deleteAll(ctx context.Context, tx *db.Tx, org id.ID, list []*removal) error {
	var plain, erased []id.ID
	for _, r := range list {
		if r.anonymize = r.anonymize && !r.found.anonymized(); r.anonymize {
			erased = append(erased, r.found.ID)
		} else {
			plain = append(plain, r.found.ID)
		}
	}
	all := slices.Concat(plain, erased)
	owned, err := s.owned(ctx, tx, org, all)
	if err != nil {
		return err
	}
	for _, r := range list {
		if err := s.end(ctx, tx, r, owned); err != nil {
			return err
		}
	}
	if err := s.forgetPayments(ctx, tx, org, plain, erased); err != nil {
		return err
	}
	if err := endMembers(ctx, tx, org, plain); err != nil {
		return err
	}
	if err := endSessions(ctx, tx, org, all); err != nil {
		return err
	}
	count(tx, org, -len(list))
	return described.Clear(ctx, tx, org, all...)
}

// owned is what customers have that ends with them.
type owned struct {
	members  map[id.ID][]Member
	billable []id.ID // who has subscriptions
	holders  []id.ID // who has benefits
}

func (s *Service) owned(ctx context.Context, tx *db.Tx, org id.ID, customers []id.ID) (*owned, error) {
	var reads db.Reads
	members := askMembers(&reads, org, customers)
	billable := s.Subscriptions.AskBillable(&reads, org, customers)
	holders := s.Grants.AskHolders(&reads, org, customers)
	if err := reads.Run(ctx, tx); err != nil {
		return nil, fmt.Errorf("read what customers own: %w", err)
	}
	o := &owned{members: map[id.ID][]Member{}, billable: *billable, holders: *holders}
	for _, m := range *members {
		o.members[m.CustomerID] = append(o.members[m.CustomerID], m)
	}
	return o, nil
}

// end ends what a customer has and hides the customer.
func (s *Service) end(ctx context.Context, tx *db.Tx, d *removal, o *owned) error {
	r := d.found
	if d.anonymize {
		if err := s.erase(ctx, tx, &r); err != nil {
			return err
		}
	}
	if err := d.deleteMembers(ctx, tx, o.members[r.ID]); err != nil {
		return fmt.Errorf("delete members: %w", err)
	}
	if slices.Contains(o.billable, r.ID) {
		if err := s.Subscriptions.CancelAll(ctx, tx, d.sub, r.OrganizationID, r.ID); err != nil {
			return fmt.Errorf("cancel subscriptions: %w", err)
		}
	}
	if slices.Contains(o.holders, r.ID) {
		if err := s.Grants.RevokeAll(ctx, tx, d.sub, r.OrganizationID, r.ID); err != nil {
			return fmt.Errorf("revoke grants: %w", err)
		}
	}
	r.hide(tx)
	if d.anonymize {
		r.scrub(tx)
		tx.AfterCommit(s.samples.forget)
	}
	if err := save(ctx, tx, &d.found, &r); err != nil {
		return err
	}
	gone := s.Public(r)
	journal.Append(tx, d.sub, journal.Entry{Organization: r.OrganizationID, Type: "customer.deleted", Customer: r.ID, Subject: r.ID,
		After: schema.JSON(&gone), Payload: &gone})
	return nil
}

func (s *Service) forgetPayments(ctx context.Context, tx *db.Tx, org id.ID, plain, erased []id.ID) error {
	if err := s.Methods.ForgetAll(ctx, tx, org, plain, false); err != nil {
		return err
	}
	return s.Methods.ForgetAll(ctx, tx, org, erased, true)
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
