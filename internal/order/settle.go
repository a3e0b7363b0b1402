package order

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/numbering"
	"floe/internal/payment"
	"floe/internal/product"
	"floe/internal/schema"
)

// PaymentStatus is what became of a payment.
type PaymentStatus string

// The statuses of payments. Only a processor's are under way.
const (
	Underway  PaymentStatus = "pending"
	Succeeded PaymentStatus = "succeeded"
	Failed    PaymentStatus = "failed"
	Returned  PaymentStatus = "refunded"
)

// Enum lists the statuses.
func (PaymentStatus) Enum() []string { return []string{"pending", "succeeded", "failed", "refunded"} }

// givenStatus is what somebody can record of a payment.
type givenStatus PaymentStatus

// Enum lists the statuses.
func (givenStatus) Enum() []string { return []string{"succeeded", "failed", "refunded"} }

// SchemaName says that the list is written in place.
func (givenStatus) SchemaName() string { return "" }

// SchemaName is not a name of the reference: its payments are a processor's.
func (PaymentStatus) SchemaName() string { return "OrderPaymentStatus" }

// Payment is what somebody says of money that moved outside.
type Payment struct {
	Status    PaymentStatus
	Amount    int64
	At        time.Time // the time of the transaction when zero
	Reference string    // the caller's name for it, which makes it one
	Note      *string
	Processor string // "manual" when empty
	// Hard says of a failed payment that trying again is of no use.
	Hard bool

	// Of a processor's payments.
	Method         *payment.Method
	Cause          payment.Trigger
	DeclineReason  string
	DeclineMessage string
	Surplus        bool // the order does not need it
}

// PaymentRow is a payment as it is stored and shown.
type PaymentRow struct {
	ID             id.ID         `json:"id" doc:"The ID of the record."`
	OrganizationID id.ID         `json:"-"`
	OrderID        id.ID         `json:"order_id" doc:"The order that was paid."`
	CreatedAt      time.Time     `json:"created_at" doc:"When it was recorded."`
	Status         PaymentStatus `json:"status" doc:"What became of it."`
	Amount         int64         `json:"amount" doc:"The amount, in the smallest unit of the currency, with taxes." example:"10000"`
	Currency       string        `json:"currency" doc:"The currency, which is the order's." example:"\"usd\""`
	PaidAt         time.Time     `json:"paid_at" doc:"When the money moved."`
	Processor      string        `json:"processor" doc:"Who moved it: manual is outside of this server."`
	Reference      string        `json:"reference" doc:"Your own name for the payment." example:"\"bank-2026-0042\""`
	Note           *string       `json:"note" doc:"A remark."`
	Surplus        bool          `json:"surplus" doc:"Whether the order did not need the money, which is then given back or put on the customer's balance; or that it had not, when the money is given back."`
}

// SchemaName is not a name of the reference: its payments are a processor's.
func (PaymentRow) SchemaName() string { return "OrderPayment" }

const paymentColumns = `id, organization_id, order_id, created_at, status, amount, currency, paid_at, processor, reference, note, surplus`

// PaymentsOf reads what was recorded for an order, oldest first.
func PaymentsOf(ctx context.Context, q db.Querier, r *Row) ([]PaymentRow, error) {
	list, err := db.All[PaymentRow](ctx, q, `SELECT `+paymentColumns+` FROM order_payments WHERE organization_id = ? AND order_id = ? ORDER BY seq`,
		r.OrganizationID, r.ID)
	if err != nil {
		return nil, fmt.Errorf("read the payments of an order: %w", err)
	}
	return list, nil
}

// Settle records a payment of an order. A payment whose reference is known
// changes nothing, and is refused when it says something else. When payments
// reach what is due the order is paid: order.updated, order.paid, and whoever
// waits for it is told. The customer must be locked; r becomes the order as it
// is afterwards.
func (s *Service) Settle(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, p Payment) error {
	_, _, err := s.record(ctx, tx, actor, r, p)
	return err
}

// record is Settle that also answers the payment, and whether it was known.
func (s *Service) record(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, p Payment) (out PaymentRow, known bool, err error) {
	fresh, err := byID(ctx, tx, []id.ID{r.OrganizationID}, r.ID, tx.ForUpdate())
	if err != nil {
		return out, false, err
	}
	*r = fresh
	if p.Note, err = s.Remark(ctx, tx, r, p.Note); err != nil {
		return out, false, err
	}
	out, err = db.One[PaymentRow](ctx, tx, `SELECT `+paymentColumns+` FROM order_payments WHERE organization_id = ? AND order_id = ? AND reference = ?`,
		r.OrganizationID, r.ID, p.Reference)
	switch {
	case err == nil:
		return out, true, out.same(&p)
	case !errors.Is(err, db.ErrNoRows):
		return out, false, fmt.Errorf("look for a payment: %w", err)
	}
	if err := r.takes(&p); err != nil {
		return out, false, err
	}
	unneeded := p.Status == Returned && r.Status == Void && r.PaidAmount > 0
	p.Surplus = p.Surplus || unneeded
	out, err = insertPayment(ctx, tx, r, &p)
	if err != nil {
		return out, false, err
	}
	switch {
	case p.Status == Succeeded:
		err = s.received(ctx, tx, actor, r, out.Amount)
	case p.Status == Failed:
		err = s.failed(ctx, tx, actor, r, p.Hard)
	case unneeded:
		err = s.returnedCredit(ctx, tx, r, out.Amount)
	default:
		err = s.Refunds.Recorded(ctx, tx, actor, r, out)
	}
	if err == nil && (unneeded || r.Status == Pending && (p.Status == Succeeded || r.SubscriptionID == nil)) {
		r.noted(tx, actor, out)
	}
	return out, false, err
}

// noted tells the journal who recorded a payment of which nothing else tells,
// since the order waits on as before. What somebody remarked, maybe on a person,
// stays with the payment.
func (r *Row) noted(tx *db.Tx, actor auth.Subject, p PaymentRow) {
	p.Note = nil
	journal.Append(tx, actor, r.entry("order.payment_recorded", nil, schema.JSON(&p)))
}

// Erase removes the remarks on what a customer has paid, and who was to be
// billed for drafts: these are no part of the books yet.
func (s *Service) Erase(ctx context.Context, tx *db.Tx, org, customerID id.ID) error {
	err := db.Later(ctx, tx, `UPDATE order_payments SET note = NULL WHERE organization_id = ? AND note IS NOT NULL
		AND order_id IN (SELECT id FROM orders WHERE organization_id = ? AND customer_id = ?)`, org, org, customerID)
	if err != nil {
		return fmt.Errorf("erase remarks on payments: %w", err)
	}
	err = db.Later(ctx, tx, `UPDATE orders SET billing_name = NULL, billing_address = NULL
		WHERE organization_id = ? AND customer_id = ? AND status = 'draft'`, org, customerID)
	if err != nil {
		return fmt.Errorf("erase who was to be billed: %w", err)
	}
	return nil
}

// Remark is what is kept of a remark on an order: nothing when its customer has
// been erased, which nobody can be again. The order must be locked.
func (s *Service) Remark(ctx context.Context, tx *db.Tx, r *Row, text *string) (*string, error) {
	if text == nil {
		return nil, nil
	}
	c, err := s.Customers.Lock(ctx, tx, r.OrganizationID, r.CustomerID)
	if err != nil || c.AnonymizedAt != nil {
		return nil, err
	}
	return text, nil
}

// same refuses another payment under a reference that is taken.
func (p *PaymentRow) same(other *Payment) error {
	if p.Status == other.Status && p.Amount == other.Amount && (other.At.IsZero() || p.PaidAt.Equal(other.At)) &&
		(other.Note == nil || p.Note != nil && *p.Note == *other.Note) {
		return nil
	}
	return fault.PaymentReferenceTaken.New(fmt.Sprintf("Another payment of this order has the reference %q.", p.Reference))
}

// takes says whether an order can have a payment: one that succeeded or failed
// while it is pending, one that was returned when it is paid.
func (r *Row) takes(p *Payment) error {
	if p.Status == Returned {
		return nil // refunds say what is wrong
	}
	if r.Status != Pending {
		return fault.OrderNotAwaitingPayment.New(fmt.Sprintf("Order %s is not awaiting a payment (current status: %s).", r.ID, r.Status))
	}
	if r.ChargingSince != nil {
		return fault.PaymentAlreadyInProgress.New(fmt.Sprintf("Payment for order %s is already in progress", r.ID))
	}
	if p.Status == Succeeded && p.Amount > r.OpenAmount() {
		return schema.ValueError("The payment exceeds what is due.", schema.IntNode(p.Amount), "body", "amount")
	}
	return nil
}

func insertPayment(ctx context.Context, tx *db.Tx, r *Row, p *Payment) (PaymentRow, error) {
	row := PaymentRow{ID: tx.NewID(tx.Now()), OrganizationID: r.OrganizationID, OrderID: r.ID, CreatedAt: tx.Now(), Status: p.Status,
		Amount: p.Amount, Currency: r.Currency, PaidAt: p.At, Processor: p.Processor, Reference: p.Reference, Note: p.Note, Surplus: p.Surplus}
	if row.PaidAt.IsZero() {
		row.PaidAt = tx.Now()
	}
	if row.Processor == "" {
		row.Processor = payment.ManualName
	}
	if row.Reference == "" { // a refusal that the processor has no name for
		row.Reference = string(row.ID)
	}
	var method *string
	var metadata json.RawMessage
	if p.Method != nil {
		method = &p.Method.Type
		if p.Method.Card != nil {
			metadata = schema.JSON(p.Method.Card)
		}
	}
	_, err := db.Exec(ctx, tx, `INSERT INTO order_payments (`+paymentColumns+`, customer_id, method, method_metadata, cause, decline_reason, decline_message)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		row.ID, row.OrganizationID, row.OrderID, row.CreatedAt, string(row.Status), row.Amount, row.Currency, row.PaidAt, row.Processor,
		row.Reference, row.Note, row.Surplus, r.CustomerID, method, metadata, orNil(string(p.Cause)), orNil(p.DeclineReason), orNil(p.DeclineMessage))
	if err != nil {
		return row, fmt.Errorf("record a payment: %w", err)
	}
	return row, nil
}

// received counts money that came in.
func (s *Service) received(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, amount int64) error {
	was := *r
	r.PaidAmount += amount
	if r.PaidAmount < r.DueAmount() {
		return save(ctx, tx, r)
	}
	return s.paid(ctx, tx, actor, &was, r)
}

// returnedCredit counts money that was given back of an order that was given up. It
// had become credit, of which so much must still be there.
func (s *Service) returnedCredit(ctx context.Context, tx *db.Tx, r *Row, amount int64) error {
	open, err := openAccounts(ctx, tx, []account{r.account()})
	if err != nil {
		return err
	}
	most := min(r.PaidAmount, open.amounts[r.account()])
	if amount > most {
		return schema.ValueError(fmt.Sprintf("Of what was paid of this order %d is left as credit.", max(0, most)),
			schema.IntNode(amount), "body", "amount")
	}
	open.move(r, tx.Now(), -amount)
	if err := open.close(ctx, tx); err != nil {
		return err
	}
	r.PaidAmount -= amount
	return save(ctx, tx, r)
}

// paid makes an order paid. Its subscription hears of it first, because what
// follows from a recovery is told before the order.
func (s *Service) paid(ctx context.Context, tx *db.Tx, actor auth.Subject, was, r *Row) error {
	now := tx.Now()
	r.to(Paid)
	r.PaidAt, r.NextPaymentAttemptAt, r.CheckAt, r.ChargingSince = &now, nil, nil, nil
	if r.PaidAmount > 0 {
		receipt, err := numbering.Receipt(ctx, tx, numbering.Customer{Organization: r.OrganizationID, ID: r.CustomerID})
		if err != nil {
			return err
		}
		r.ReceiptNumber = &receipt
	}
	if err := save(ctx, tx, r); err != nil {
		return err
	}
	if r.SubscriptionID != nil {
		if err := s.Subscriptions.OrderPaid(ctx, tx, actor, *r); err != nil {
			return fmt.Errorf("tell a subscription that it was paid: %w", err)
		}
	}
	items, err := itemsOf(ctx, tx, *r)
	if err != nil {
		return err
	}
	updated(tx, actor, was, r)
	after := r.base(items[r.ID])
	journal.Append(tx, actor, r.entry("order.paid", nil, schema.JSON(&after)))
	if r.SubscriptionID == nil {
		return s.grants(ctx, tx, actor, r, true)
	}
	return nil
}

// grants gives, or takes back, what a product that was bought once grants. Who
// bought seats hands them out; and nobody is granted anything after they have
// gone.
func (s *Service) grants(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, entitled bool) error {
	if r.ProductID == nil || r.Seats != nil {
		return nil
	}
	c, err := s.Customers.Lock(ctx, tx, r.OrganizationID, r.CustomerID)
	if err != nil || c.DeletedAt != nil && entitled {
		return err
	}
	products, err := product.Hold(ctx, tx, []id.ID{r.OrganizationID}, *r.ProductID)
	if err != nil {
		return err
	}
	benefits := products[*r.ProductID].BenefitIDs
	if entitled && len(benefits) == 0 { // what is taken back may be what somebody has given by hand
		return nil
	}
	return s.Grants.Sync(ctx, tx, actor, c, grant.Source{OrderID: r.ID}, benefits, entitled)
}
