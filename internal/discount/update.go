package discount

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

type updateInput struct {
	ID   id.ID `path:"id" doc:"The discount ID."`
	Body Update
}

func (s *Service) update(ctx context.Context, sub auth.Subject, in updateInput) (out Discount, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := lock(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		out, err = s.Update(ctx, tx, sub, r, in.Body)
		return err
	})
	return out, raced(err, in.Body.Code.Value.text())
}

// Update applies a body to a discount. The event is recorded even when nothing
// changes, because clients rely on it.
func (s *Service) Update(ctx context.Context, tx *db.Tx, actor auth.Subject, r Row, u Update) (out Discount, err error) {
	before, err := recordOf(ctx, tx, r)
	if err != nil {
		return out, err
	}
	problems := &schema.Problems{Business: true}
	r.applyFixed(&u, problems)
	if err := r.applyCode(ctx, tx, &u, problems); err != nil {
		return out, err
	}
	r.applyWorth(&u, problems)
	if err := problems.Err(); err != nil {
		return out, err
	}
	if err := r.applyProducts(ctx, tx, &u); err != nil {
		return out, err
	}
	r.applyPlain(&u)
	if !u.empty() {
		now := tx.Now()
		r.ModifiedAt = &now
		if err := save(ctx, tx, &r); err != nil {
			return out, err
		}
	}
	after, err := recordOf(ctx, tx, r)
	if err != nil {
		return out, err
	}
	was, _ := journal.Changes(&before, &after)
	journal.Append(tx, actor, journal.Entry{Organization: r.OrganizationID, Type: "discount.updated", Subject: r.ID, Before: was, After: schema.JSON(&after)})
	return single(ctx, tx, r)
}

func (r *Row) applyPlain(u *Update) {
	if u.Metadata.Set {
		r.Metadata = json.RawMessage(u.Metadata.Value.Metadata())
	}
	u.Name.To(&r.Name)
	u.StartsAt.To(&r.StartsAt)
	u.EndsAt.To(&r.EndsAt)
	u.MaxRedemptions.To(&r.MaxRedemptions)
	u.MaxRedemptionsPerCustomer.To(&r.MaxRedemptionsPerCustomer)
}

// applyFixed refuses to change what never changes.
func (r *Row) applyFixed(u *Update, problems *schema.Problems) {
	if v := u.Duration.Value; v != nil && *v != r.Duration {
		refuse(problems, "duration", "Duration cannot be changed.", schema.StringNode(string(*v)))
	}
	if v := u.Type.Value; v != nil && *v != r.Type {
		refuse(problems, "type", "Type cannot be changed.", schema.StringNode(string(*v)))
	}
}

func refuse(problems *schema.Problems, field, msg string, input *schema.Node) {
	problems.Add(schema.Problem{Type: "value_error", Loc: []any{"body", field}, Msg: msg, Input: input})
}

func (r *Row) applyCode(ctx context.Context, tx *db.Tx, u *Update, problems *schema.Problems) error {
	if !u.Code.Set {
		return nil
	}
	r.Code = u.Code.Value.text()
	taken, err := codeTaken(ctx, tx, r)
	if taken {
		problems.List = append(problems.List, codeProblem(*r.Code).List...)
	}
	return err
}

const redeemedAlready = "This field cannot be changed because the discount has already been redeemed."

// applyWorth changes how much is taken off and for how long, until the
// discount has been used. Fields of the other type mean nothing.
func (r *Row) applyWorth(u *Update, problems *schema.Problems) {
	r.applyMonths(u, problems)
	if r.Type == Percentage {
		v := u.BasisPoints.Value
		switch {
		case v == nil || *v == *r.BasisPoints:
		case r.redeemed():
			refuse(problems, "basis_points", redeemedAlready, number(*v))
		default:
			r.BasisPoints = v
		}
		return
	}
	if v := u.Amounts.Value; v != nil {
		switch {
		case same(entriesOf(json.RawMessage(*v)), r.amounts()):
		case r.redeemed():
			n, _ := schema.Parse(*v)
			refuse(problems, "amounts", redeemedAlready, n)
		default:
			r.Amounts = json.RawMessage(*v)
		}
		return
	}
	r.applyAmount(u, problems)
}

// applyAmount is for old clients, which know one amount in one currency. It
// replaces all others.
func (r *Row) applyAmount(u *Update, problems *schema.Problems) {
	amount, currency := u.Amount.Value, u.Currency.Value
	if amount == nil && currency == nil {
		return
	}
	is := r.principal()
	next := is
	if amount != nil {
		next.amount, next.currency = *amount, r.DefaultCurrency
	}
	if currency != nil {
		next.currency = string(*currency)
	}
	if !r.redeemed() {
		r.Amounts = amountsOf(next)
		return
	}
	if next.amount != is.amount {
		refuse(problems, "amount", redeemedAlready, number(next.amount))
	}
	if currency != nil && next.currency != is.currency {
		refuse(problems, "currency", redeemedAlready, schema.StringNode(next.currency))
	}
}

func (r *Row) applyMonths(u *Update, problems *schema.Problems) {
	v := u.DurationInMonths.Value
	switch {
	case !u.DurationInMonths.Set:
	case r.Duration == Repeating && v == nil:
		refuse(problems, "duration_in_months", monthsMissing, nil)
	case r.Duration != Repeating && v != nil:
		refuse(problems, "duration_in_months", monthsSuperfluous, number(int64(*v)))
	case v == nil || *v == *r.DurationInMonths:
	case r.redeemed():
		refuse(problems, "duration_in_months", redeemedAlready, number(int64(*v)))
	default:
		r.DurationInMonths = v
	}
}

func number(v int64) *schema.Node {
	return &schema.Node{Kind: schema.Int, Text: strconv.FormatInt(v, 10)}
}

// same compares amounts whatever their order.
func same(a, b []entry) bool {
	byCurrency := func(list []entry) map[string]int64 {
		m := make(map[string]int64, len(list))
		for _, e := range list {
			m[e.currency] = e.amount
		}
		return m
	}
	return maps.Equal(byCurrency(a), byCurrency(b))
}

func (r *Row) applyProducts(ctx context.Context, tx *db.Tx, u *Update) error {
	if u.Products.Value == nil {
		return nil
	}
	products, err := knownProducts(ctx, tx, r.OrganizationID, u.Products.Value)
	if err != nil {
		return err
	}
	return setProducts(ctx, tx, r, products)
}
