package customer

import (
	"context"
	"encoding/json"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

// UpdateByExternalID is the body of a change addressed by external id, which
// cannot touch the external id or the type.
type UpdateByExternalID struct {
	Metadata       schema.Opt[schema.MetadataInput] `json:"metadata"`
	Email          schema.Opt[*schema.Email]        `json:"email" doc:"The e-mail address, unique within the organization whatever its letter case. Null changes nothing." example:"\"customer@example.com\""`
	Name           schema.Opt[*string]              `json:"name" maxLength:"256" trim:"null" doc:"The name of the customer." example:"\"John Doe\""`
	BillingAddress schema.Opt[*schema.AddressInput] `json:"billing_address" doc:"Replaces the whole address; it cannot be removed."`
	TaxID          schema.Opt[*string]              `json:"tax_id" trim:"null" doc:"A tax identifier; it is checked against the country of the billing address."`
	Locale         schema.Opt[*schema.Locale]       `json:"locale"`
}

// SchemaName is the name of the reference.
func (UpdateByExternalID) SchemaName() string { return "CustomerUpdateExternalID" }

// Update is the body of a change. What is absent stays.
type Update struct {
	UpdateByExternalID
	ExternalID schema.Opt[*string] `json:"external_id" trim:"null" doc:"Your own ID of the customer. It can be set once." example:"\"usr_1337\""`
	Type       schema.Opt[*Type]   `json:"type" doc:"An individual can become a team, never the other way."`
}

// SchemaName is the name of the reference.
func (Update) SchemaName() string { return "CustomerUpdate" }

// empty says whether the body names no field at all.
func (u *Update) empty() bool {
	return !(u.Metadata.Set || u.Email.Set || u.Name.Set || u.BillingAddress.Set || u.TaxID.Set || u.Locale.Set || u.ExternalID.Set || u.Type.Set)
}

// change is what somebody wants to have changed of a customer.
type change struct {
	target
	body Update
	out  Customer
}

// change applies a body to the customer that a column finds and answers the
// result.
func (s *Service) change(ctx context.Context, sub auth.Subject, column string, value any, body Update) (Customer, error) {
	c := &change{target: target{sub: sub, column: column, value: value}, body: body}
	s.grouped.Do(s.group)
	err := s.changes.Write(ctx, c)
	if err == nil {
		err = c.err
	}
	return c.out, raced(err, (*string)(body.Email.Value), body.ExternalID.Value)
}

// changeAll makes changes.
func (s *Service) changeAll(ctx context.Context, tx *db.Tx, list []*change) error {
	return inRounds(ctx, tx, list, func(c *change) *target { return &c.target }, func(list []*change) error {
		for _, c := range list {
			if err := s.alter(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
}

// alter applies a body to a customer, unless something is wrong with it. The
// event is recorded even when nothing changes, because clients rely on it.
func (s *Service) alter(ctx context.Context, tx *db.Tx, c *change) error {
	r, next := c.found, c.found
	before := s.Public(r)
	if c.err = c.applied(ctx, tx, &next); c.err != nil {
		return nil
	}
	if !c.body.empty() {
		if err := s.store(ctx, tx, c.sub, &r, &next); err != nil {
			return err
		}
	}
	c.out = s.Public(next)
	was, is := journal.Changes(&before, &c.out)
	journal.Append(tx, c.sub, journal.Entry{Organization: r.OrganizationID, Type: "customer.updated", Customer: r.ID, Subject: r.ID,
		Before: was, After: is, Payload: &c.out})
	return nil
}

// applied makes of a row what the body says, and changes nothing else.
func (c *change) applied(ctx context.Context, tx *db.Tx, next *Row) error {
	if err := next.apply(ctx, tx, &c.body); err != nil {
		return err
	}
	return next.applyTaxID(&c.body)
}

// PayWith sets what a customer pays with by default, nil for nothing.
func (s *Service) PayWith(ctx context.Context, tx *db.Tx, actor auth.Subject, r Row, method *id.ID) error {
	next := r
	next.DefaultPaymentMethodID = method
	return s.amend(ctx, tx, actor, &r, &next)
}

// amend stores what has become of a customer by something else than a request
// for it, and tells of it as of any change.
func (s *Service) amend(ctx context.Context, tx *db.Tx, actor auth.Subject, was, next *Row) error {
	if err := s.store(ctx, tx, actor, was, next); err != nil {
		return err
	}
	before, after := s.Public(*was), s.Public(*next)
	e := journal.Entry{Organization: next.OrganizationID, Type: "customer.updated", Customer: next.ID, Subject: next.ID, Payload: &after}
	e.Before, e.After = journal.Changes(&before, &after)
	journal.Append(tx, actor, e)
	return nil
}

// store writes a changed row and what follows from the change.
func (s *Service) store(ctx context.Context, tx *db.Tx, sub auth.Subject, was, next *Row) error {
	now := tx.Now()
	next.ModifiedAt = &now
	if err := save(ctx, tx, was, next); err != nil {
		return err
	}
	if string(was.Metadata) != string(next.Metadata) {
		if err := described.Clear(ctx, tx, next.OrganizationID, next.ID); err != nil {
			return err
		}
		if err := indexMetadata(ctx, tx, []Given{{Row: *next}}); err != nil {
			return err
		}
	}
	if was.Type == Individual && next.Email != nil && (was.Email == nil || *was.Email != *next.Email) {
		return s.followEmail(ctx, tx, sub, next)
	}
	return nil
}

// apply sets the fields that need no country. Problems of several fields are
// answered together, in the order of the contract.
func (r *Row) apply(ctx context.Context, tx *db.Tx, u *Update) error {
	problems := &schema.Problems{Business: true}
	if err := r.applyEmail(ctx, tx, u, problems); err != nil {
		return err
	}
	r.applyAddress(u, problems)
	if err := r.applyExternalID(ctx, tx, u, problems); err != nil {
		return err
	}
	r.applyType(u, problems)
	if u.Metadata.Set {
		r.Metadata = json.RawMessage(u.Metadata.Value.Metadata())
	}
	u.Name.To(&r.Name)
	if u.Locale.Set {
		r.Locale = (*string)(u.Locale.Value)
	}
	return problems.Err()
}

// applyEmail sets an address that really differs: the same one in another
// letter case changes nothing, and null cannot clear it.
func (r *Row) applyEmail(ctx context.Context, tx *db.Tx, u *Update, problems *schema.Problems) error {
	v := (*string)(u.Email.Value)
	if v == nil || r.Email != nil && fold(*r.Email) == fold(*v) {
		return nil
	}
	dupes, err := taken(ctx, tx, r.OrganizationID, v, nil, r.ID)
	if err != nil {
		return err
	}
	problems.List = append(problems.List, dupes.List...)
	r.Email, r.EmailVerified = v, false
	return nil
}

func (r *Row) applyAddress(u *Update, problems *schema.Problems) {
	if !u.BillingAddress.Set {
		return
	}
	if u.BillingAddress.Value == nil {
		problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", "billing_address"},
			Msg: "Customer billing address cannot be reset to null once set."})
		return
	}
	r.BillingAddress = schema.JSON(u.BillingAddress.Value.Address())
}

// applyExternalID sets an external id where there is none; one that is set
// stays.
func (r *Row) applyExternalID(ctx context.Context, tx *db.Tx, u *Update, problems *schema.Problems) error {
	v := u.ExternalID.Value
	switch {
	case !u.ExternalID.Set, v == nil && r.ExternalID == nil, v != nil && r.ExternalID != nil && *v == *r.ExternalID:
		return nil
	case r.ExternalID != nil:
		problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", "external_id"},
			Msg: "Customer external ID cannot be updated.", Input: textNode(v)})
		return nil
	}
	dupes, err := taken(ctx, tx, r.OrganizationID, nil, v, r.ID)
	if err != nil {
		return err
	}
	problems.List = append(problems.List, dupes.List...)
	r.ExternalID = v
	return nil
}

func (r *Row) applyType(u *Update, problems *schema.Problems) {
	if !u.Type.Set {
		return
	}
	v := u.Type.Value
	switch {
	case v != nil && *v == Team:
		r.Type = Team
	case r.Type == Team:
		problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", "type"},
			Msg: "Customer type cannot be downgraded from 'team' to 'individual'.", Input: textNode((*string)(v))})
	}
}

// textNode is text as a problem echoes it, or null.
func textNode(s *string) *schema.Node {
	if s == nil {
		return nil
	}
	return schema.StringNode(*s)
}

// applyTaxID checks a tax id that was sent, or the stored one against a new
// address.
func (r *Row) applyTaxID(u *Update) error {
	switch {
	case u.TaxID.Set && u.TaxID.Value == nil:
		r.TaxID, r.TaxIDFormat = nil, nil
	case u.TaxID.Set:
		return r.setTaxID(strings.TrimSpace(*u.TaxID.Value))
	case u.BillingAddress.Set && r.TaxID != nil:
		return r.setTaxID(*r.TaxID)
	}
	return nil
}
