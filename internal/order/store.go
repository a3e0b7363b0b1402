package order

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/listing"
)

// Every SQL text about orders and their items.
const columns = `id, organization_id, customer_id, product_id, subscription_id, discount_id, checkout_id, created_at, modified_at, status, reason,
	currency, subtotal_amount, discount_amount, net_amount, tax_amount, applied_balance_amount, paid_amount, refunded_amount,
	refunded_tax_amount, description, billing_name, billing_address, tax_id, tax_id_format, invoice_number, issued_at, invoice_sum, receipt_number, seats,
	due_at, paid_at, next_payment_attempt_at, check_at, attempts, charging_since, clocked, metadata, custom_field_data`

// Find reads an order for the server itself.
func Find(ctx context.Context, q db.Querier, org, order id.ID) (Row, error) {
	return byID(ctx, q, []id.ID{org}, order, "")
}

// byID reads an order of one of the organizations; lock ends the SELECT.
func byID(ctx context.Context, q db.Querier, orgs []id.ID, order id.ID, lock string) (Row, error) {
	w := db.Where("id = ?", order).In("organization_id", orgs)
	r, err := db.One[Row](ctx, q, `SELECT `+columns+` FROM orders`+w.SQL()+lock, w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return r, fault.NotFound.New()
	}
	if err != nil {
		return r, fmt.Errorf("read an order: %w", err)
	}
	return r, nil
}

// numbered is the order that an invoice number stands for.
func numbered(ctx context.Context, q db.Querier, org id.ID, number string) (id.ID, error) {
	order, err := db.One[id.ID](ctx, q, `SELECT id FROM orders WHERE organization_id = ? AND invoice_number = ?`, org, number)
	if errors.Is(err, db.ErrNoRows) {
		return order, fault.NotFound.New()
	}
	if err != nil {
		return order, fmt.Errorf("look for an invoice number: %w", err)
	}
	return order, nil
}

// byIDs reads orders of an organization, and locks them.
func byIDs(ctx context.Context, tx *db.Tx, org id.ID, ids []id.ID) (map[id.ID]Row, error) {
	w := db.Where("organization_id = ?", org).In("id", ids)
	list, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM orders`+w.SQL()+` ORDER BY seq`+tx.ForUpdate(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read orders: %w", err)
	}
	out := make(map[id.ID]Row, len(list))
	for _, r := range list {
		out[r.ID] = r
	}
	return out, nil
}

func insert(ctx context.Context, tx *db.Tx, rows []Row) error {
	all := make([]*Row, len(rows))
	for i := range rows {
		all[i] = &rows[i]
	}
	if err := write(ctx, tx, all, ""); err != nil {
		return fmt.Errorf("insert orders: %w", err)
	}
	var entries []any
	for _, r := range all {
		entries = described.Entries(entries, r.OrganizationID, r.ID, r.Metadata)
	}
	return described.Insert(ctx, tx, entries)
}

// described says where filters look for the metadata of orders, which is what
// they were made with.
var described = listing.Described{Table: "orders", Metadata: "order_metadata", Owner: "order_id", Longest: listing.LongestText}

// changing are the columns that change after the insert.
var changing = []string{
	"modified_at", "status", "applied_balance_amount", "paid_amount", "refunded_amount", "refunded_tax_amount", "billing_name",
	"billing_address", "invoice_number", "issued_at", "invoice_sum", "receipt_number", "due_at", "paid_at", "next_payment_attempt_at",
	"check_at", "attempts", "charging_since",
}

// saveTail makes an insert of orders that are there an update of them, in one
// statement for many.
var saveTail = func() string {
	sets := make([]string, len(changing))
	for i, c := range changing {
		sets[i] = c + " = excluded." + c
	}
	return ` ON CONFLICT (organization_id, id) DO UPDATE SET ` + strings.Join(sets, ", ")
}()

// save writes what can change of an order.
func save(ctx context.Context, tx *db.Tx, r *Row) error {
	now := tx.Now()
	r.ModifiedAt = &now
	return saveAll(ctx, tx, []*Row{r})
}

// saveAll writes what can change of orders.
func saveAll(ctx context.Context, tx *db.Tx, rows []*Row) error {
	if err := write(ctx, tx, rows, saveTail); err != nil {
		return fmt.Errorf("save orders: %w", err)
	}
	return nil
}

func write(ctx context.Context, tx *db.Tx, rows []*Row, tail string) error {
	var args []any
	for _, r := range rows {
		args = append(args, r.ID, r.OrganizationID, r.CustomerID, r.ProductID, r.SubscriptionID, r.DiscountID, r.CheckoutID, r.CreatedAt,
			r.ModifiedAt, string(r.Status), string(r.Reason), r.Currency, r.SubtotalAmount, r.DiscountAmount, r.NetAmount, r.TaxAmount,
			r.AppliedBalanceAmount, r.PaidAmount, r.RefundedAmount, r.RefundedTaxAmount, r.Description, r.BillingName, r.BillingAddress,
			r.TaxID, r.TaxIDFormat, r.InvoiceNumber, r.IssuedAt, r.InvoiceSum, r.ReceiptNumber, r.Seats, r.DueAt, r.PaidAt, r.NextPaymentAttemptAt,
			r.CheckAt, r.Attempts, r.ChargingSince, r.Clocked, r.Metadata, r.CustomFieldData)
	}
	if err := db.Insert(ctx, tx, db.Into{Table: "orders", Columns: columns, Tail: tail}, args); err != nil {
		return err
	}
	return nil
}

const itemColumns = `id, organization_id, order_id, created_at, modified_at, label, amount, tax_amount, proration, product_price_id`

func insertItems(ctx context.Context, tx *db.Tx, items []Item) error {
	var args []any
	for i := range items {
		t := &items[i]
		args = append(args, t.ID, t.OrganizationID, t.OrderID, t.CreatedAt, t.ModifiedAt, t.Label, t.Amount, t.TaxAmount, t.Proration, t.ProductPriceID)
	}
	if err := db.Insert(ctx, tx, db.Into{Table: "order_items", Columns: itemColumns}, args); err != nil {
		return fmt.Errorf("insert order items: %w", err)
	}
	return nil
}

// ItemsOf reads the items of an order.
func ItemsOf(ctx context.Context, q db.Querier, r *Row) ([]Item, error) {
	items, err := itemsOf(ctx, q, *r)
	return items[r.ID], err
}

// itemsOf reads the items of orders, in their order.
func itemsOf(ctx context.Context, q db.Querier, rows ...Row) (map[id.ID][]Item, error) {
	out := make(map[id.ID][]Item, len(rows))
	if len(rows) == 0 {
		return out, nil
	}
	orgs, ids := keysOf(rows)
	w := db.Where("").In("organization_id", orgs).In("order_id", ids)
	items, err := db.All[Item](ctx, q, `SELECT `+itemColumns+` FROM order_items`+w.SQL()+` ORDER BY seq`, w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read order items: %w", err)
	}
	for _, t := range items {
		out[t.OrderID] = append(out[t.OrderID], t)
	}
	return out, nil
}

// keysOf are the organizations and the ids of orders, each once.
func keysOf(rows []Row) (orgs, ids []id.ID) {
	seen := map[id.ID]bool{}
	for i := range rows {
		if !seen[rows[i].OrganizationID] {
			seen[rows[i].OrganizationID] = true
			orgs = append(orgs, rows[i].OrganizationID)
		}
		ids = append(ids, rows[i].ID)
	}
	return orgs, ids
}
