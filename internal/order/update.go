package order

import (
	"context"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// Update is the body of a change: of who is billed.
type Update struct {
	BillingName    schema.Opt[*string]              `json:"billing_name" doc:"The name on the invoice."`
	BillingAddress schema.Opt[*schema.AddressInput] `json:"billing_address" doc:"Replaces the whole address, within the same country and state."`
}

// SchemaName is the name of the reference.
func (Update) SchemaName() string { return "OrderUpdate" }

// empty says whether the body names no field at all.
func (u *Update) empty() bool { return !u.BillingName.Set && !u.BillingAddress.Set }

type updateInput struct {
	ID   id.ID `path:"id" doc:"The order ID."`
	Body Update
}

// update changes the billing details of an order, whatever its status. An
// invoice that was made stays as it is until it is made again. The event is
// recorded even when nothing changes, because clients rely on it.
func (s *Service) update(ctx context.Context, sub auth.Subject, in updateInput) (out Order, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := s.Managed(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		was := r
		in.Body.BillingName.To(&r.BillingName)
		if err := r.applyAddress(&in.Body); err != nil {
			return err
		}
		if !in.Body.empty() {
			if err := save(ctx, tx, &r); err != nil {
				return err
			}
		}
		updated(tx, sub, &was, &r)
		out, err = s.Shown(ctx, tx, r)
		return err
	})
	return out, err
}

// Invoiced says that an invoice was made of an order, with the details that sum
// stands for. The order must be locked.
func (s *Service) Invoiced(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, sum string) error {
	was := *r
	r.InvoiceSum = &sum
	if err := save(ctx, tx, r); err != nil {
		return err
	}
	updated(tx, actor, &was, r)
	return nil
}

// applyAddress keeps an address within its country and state, where the taxes
// of the order were reckoned.
func (r *Row) applyAddress(u *Update) error {
	if !u.BillingAddress.Set {
		return nil
	}
	next := u.BillingAddress.Value
	if next == nil {
		r.BillingAddress = nil
		return nil
	}
	if len(r.BillingAddress) > 0 {
		if country := r.AddressPart("country"); country != string(next.Country) {
			return schema.ValueError("Country cannot be changed", schema.StringNode(string(next.Country)), "body", "billing_address", "country")
		}
		if r.AddressPart("state") != text(next.State) {
			return schema.ValueError("State cannot be changed", stateNode(next.State), "body", "billing_address", "state")
		}
	}
	r.BillingAddress = schema.JSON(next.Address())
	return nil
}

func stateNode(s *string) *schema.Node {
	if s == nil {
		return nil
	}
	return schema.StringNode(*s)
}
