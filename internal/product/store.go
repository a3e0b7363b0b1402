package product

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
)

const columns = `id, organization_id, created_at, modified_at, deleted_at, name, description, visibility, recurring_interval,
	recurring_interval_count, meter_interval, meter_interval_count, trial_interval, trial_interval_count, is_recurring, is_archived, metadata`

const priceColumns = `p.id, p.organization_id, p.product_id, p.created_at, p.modified_at, p.source, p.amount_type, p.price_currency,
	p.tax_behavior, p.is_archived, p.legacy_interval, p.price_amount, p.minimum_amount, p.maximum_amount, p.preset_amount, p.unit_amount,
	p.cap_amount, p.meter_id, p.seat_tiers, p.unit_tiers,
	m.name AS meter_name, m.unit AS meter_unit, m.custom_label AS meter_custom_label, m.custom_multiplier AS meter_custom_multiplier`

const pricesFrom = ` FROM product_prices p LEFT JOIN meters m ON m.organization_id = p.organization_id AND m.id = p.meter_id`

// priceOrder is how a product's prices stand: what is certain first, then what
// is metered, then what depends on a number, the older before the newer.
const priceOrder = ` ORDER BY CASE p.amount_type WHEN 'fixed' THEN 0 WHEN 'custom' THEN 0 WHEN 'metered_unit' THEN 1 ELSE 2 END, p.created_at, p.seq`

// byID reads a live product that the subject can see.
func byID(ctx context.Context, q db.Querier, orgs []id.ID, product id.ID, lock string) (Row, error) {
	w := db.Where("id = ?", product).In("organization_id", orgs).And("deleted_at IS NULL")
	r, err := db.One[Row](ctx, q, `SELECT `+columns+` FROM products`+w.SQL()+lock, w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return r, fault.NotFound.New()
	}
	return r, err
}

// Load reads products with their prices and benefits, also those that have
// been deleted; all that is named, which must not be nothing. What does not
// exist in the organizations is not in the answer.
func Load(ctx context.Context, q db.Querier, orgs []id.ID, ids ...id.ID) (map[id.ID]Loaded, error) {
	return loadLocked(ctx, q, orgs, ids, "")
}

// Hold is Load for those who are about to own a product. Until the transaction
// ends nobody changes what it grants: who does so looks for its owners, and
// would miss one who is not there yet.
func Hold(ctx context.Context, tx *db.Tx, orgs []id.ID, ids ...id.ID) (map[id.ID]Loaded, error) {
	return loadLocked(ctx, tx, orgs, ids, ` ORDER BY id`+tx.ForShare())
}

func loadLocked(ctx context.Context, q db.Querier, orgs, ids []id.ID, lock string) (map[id.ID]Loaded, error) {
	if len(ids) == 0 || len(orgs) == 0 {
		return map[id.ID]Loaded{}, nil
	}
	w := db.Where("").In("organization_id", orgs).In("id", ids)
	rows, err := db.All[Row](ctx, q, `SELECT `+columns+` FROM products`+w.SQL()+lock, w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read products: %w", err)
	}
	list, err := load(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	out := make(map[id.ID]Loaded, len(list))
	for _, l := range list {
		out[l.ID] = l
	}
	return out, nil
}

// load reads what hangs off products, in two statements however many there are.
func load(ctx context.Context, q db.Querier, rows []Row) ([]Loaded, error) {
	out := make([]Loaded, len(rows))
	at := make(map[id.ID]*Loaded, len(rows))
	ids := make([]id.ID, len(rows))
	var orgs []id.ID
	for i, r := range rows {
		out[i] = Loaded{Row: r, Prices: []Price{}, BenefitIDs: []id.ID{}}
		at[r.ID], ids[i] = &out[i], r.ID
		if len(orgs) == 0 || orgs[len(orgs)-1] != r.OrganizationID {
			orgs = append(orgs, r.OrganizationID)
		}
	}
	if len(rows) == 0 {
		return out, nil
	}
	w := db.Where("").In("p.organization_id", orgs).In("p.product_id", ids).And("NOT p.is_archived").And("p.source = 'catalog'")
	prices, err := db.All[Price](ctx, q, `SELECT `+priceColumns+pricesFrom+w.SQL()+priceOrder, w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read prices: %w", err)
	}
	for _, p := range prices {
		l := at[p.ProductID]
		l.Prices = append(l.Prices, p)
	}
	w = db.Where("").In("organization_id", orgs).In("product_id", ids)
	links, err := db.All[link](ctx, q, `SELECT product_id, benefit_id FROM product_benefits`+w.SQL()+` ORDER BY product_id, position`, w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read the benefits of products: %w", err)
	}
	for _, b := range links {
		l := at[b.ProductID]
		l.BenefitIDs = append(l.BenefitIDs, b.BenefitID)
	}
	return out, nil
}

// AllIn says whether each product that an organization offers has prices in a
// currency.
func AllIn(ctx context.Context, tx *db.Tx, org id.ID, currency organization.Currency) (bool, error) {
	without, err := db.Exists(ctx, tx, `SELECT 1 FROM products o WHERE o.organization_id = ? AND o.deleted_at IS NULL AND NOT o.is_archived
			AND NOT EXISTS (SELECT 1 FROM product_prices p WHERE p.organization_id = o.organization_id AND p.product_id = o.id
				AND NOT p.is_archived AND p.source = 'catalog' AND p.price_currency = ?)
		LIMIT 1`, org, string(currency))
	return err == nil && !without, err
}

type link struct {
	ProductID id.ID
	BenefitID id.ID
}

// Rows reads products without what hangs off them, also those that have been
// deleted. What does not exist in the organizations is not in the answer.
func Rows(ctx context.Context, q db.Querier, orgs []id.ID, ids []id.ID) (map[id.ID]Row, error) {
	out := make(map[id.ID]Row, len(ids))
	if len(orgs) == 0 {
		return out, nil
	}
	for some := range db.Batches(ids) {
		w := db.Where("").In("organization_id", orgs).In("id", some)
		rows, err := db.All[Row](ctx, q, `SELECT `+columns+` FROM products`+w.SQL(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("read products: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = r
		}
	}
	return out, nil
}

// Live reads products of an organization that are not deleted, and keeps them
// from being deleted before the transaction ends: for what is about to refer
// to them.
func Live(ctx context.Context, tx *db.Tx, org id.ID, ids []id.ID) (map[id.ID]Row, error) {
	out := make(map[id.ID]Row, len(ids))
	for some := range db.Batches(ids) {
		w := db.Where("organization_id = ? AND deleted_at IS NULL", org).In("id", some)
		rows, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM products`+w.SQL()+` ORDER BY id`+tx.ForShare(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("read live products: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = r
		}
	}
	return out, nil
}

// PricesByID reads prices of an organization, also those that are archived.
func PricesByID(ctx context.Context, q db.Querier, org id.ID, ids []id.ID) (map[id.ID]Price, error) {
	out := make(map[id.ID]Price, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	w := db.Where("p.organization_id = ?", org).In("p.id", ids)
	list, err := db.All[Price](ctx, q, `SELECT `+priceColumns+pricesFrom+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read prices: %w", err)
	}
	for _, p := range list {
		out[p.ID] = p
	}
	return out, nil
}

func meters(ctx context.Context, q db.Querier, org id.ID, ids []id.ID) (map[id.ID]Meter, error) {
	out := make(map[id.ID]Meter, len(ids))
	for some := range db.Batches(ids) {
		w := db.Where("organization_id = ?", org).In("id", some)
		list, err := db.All[Meter](ctx, q, `SELECT id, name, unit, custom_label, custom_multiplier FROM meters`+w.SQL(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("read meters: %w", err)
		}
		for _, m := range list {
			out[m.ID] = m
		}
	}
	return out, nil
}

func insert(ctx context.Context, tx *db.Tx, l *Loaded) error {
	rank, sort := l.sorting()
	r := &l.Row
	err := db.Insert(ctx, tx, db.Into{Table: "products", Columns: columns + `, name_key, price_rank, price_sort`}, []any{
		r.ID, r.OrganizationID, r.CreatedAt, r.ModifiedAt, r.DeletedAt, r.Name, r.Description, r.Visibility, r.RecurringInterval,
		r.RecurringIntervalCount, r.MeterInterval, r.MeterIntervalCount, r.TrialInterval, r.TrialIntervalCount, r.IsRecurring, r.IsArchived,
		r.Metadata, fold(r.Name), rank, sort})
	if err != nil {
		return fmt.Errorf("insert a product: %w", err)
	}
	return nil
}

// save writes every column that can change.
func save(ctx context.Context, tx *db.Tx, l *Loaded) error {
	rank, sort := l.sorting()
	r := &l.Row
	_, err := db.Exec(ctx, tx, `UPDATE products
		SET modified_at = ?, deleted_at = ?, name = ?, name_key = ?, description = ?, visibility = ?, recurring_interval = ?,
			recurring_interval_count = ?, trial_interval = ?, trial_interval_count = ?, is_recurring = ?, is_archived = ?, metadata = ?,
			price_rank = ?, price_sort = ?
		WHERE organization_id = ? AND id = ?`,
		r.ModifiedAt, r.DeletedAt, r.Name, fold(r.Name), r.Description, r.Visibility, r.RecurringInterval,
		r.RecurringIntervalCount, r.TrialInterval, r.TrialIntervalCount, r.IsRecurring, r.IsArchived, r.Metadata,
		rank, sort, r.OrganizationID, r.ID)
	if err != nil {
		return fmt.Errorf("save a product: %w", err)
	}
	return nil
}

// sorting is what lists sort by: the rank of the kind of the first price that
// has one, and its amount.
func (l *Loaded) sorting() (rank, amount *int64) {
	ranks := map[AmountType]int64{Custom: 1, Fixed: 2}
	for _, p := range l.Prices {
		if n, ok := ranks[p.AmountType]; ok {
			if p.AmountType == Custom {
				return &n, p.MinimumAmount
			}
			return &n, p.PriceAmount
		}
	}
	return nil, nil
}

func insertPrices(ctx context.Context, tx *db.Tx, prices []Price) error {
	var args []any
	for i := range prices {
		p := &prices[i]
		args = append(args, p.ID, p.OrganizationID, p.ProductID, p.CreatedAt, p.ModifiedAt, p.Source, p.AmountType, p.Currency,
			p.TaxBehavior, p.IsArchived, p.LegacyInterval, p.PriceAmount, p.MinimumAmount, p.MaximumAmount, p.PresetAmount, p.UnitAmount,
			p.CapAmount, p.MeterID, p.SeatTiers, p.UnitTiers)
	}
	err := db.Insert(ctx, tx, db.Into{Table: "product_prices", Columns: `id, organization_id, product_id, created_at, modified_at, source,
		amount_type, price_currency, tax_behavior, is_archived, legacy_interval, price_amount, minimum_amount, maximum_amount, preset_amount,
		unit_amount, cap_amount, meter_id, seat_tiers, unit_tiers`}, args)
	if err != nil {
		return fmt.Errorf("insert prices: %w", err)
	}
	return nil
}

func archivePrices(ctx context.Context, tx *db.Tx, org id.ID, ids []id.ID) error {
	if len(ids) == 0 {
		return nil
	}
	w := db.Where("organization_id = ?", org).In("id", ids)
	args := append([]any{tx.Now()}, w.Args()...)
	if _, err := db.Exec(ctx, tx, `UPDATE product_prices SET is_archived = TRUE, modified_at = ?`+w.SQL(), args...); err != nil {
		return fmt.Errorf("archive prices: %w", err)
	}
	return nil
}

// setBenefits replaces a product's list of benefits.
func setBenefits(ctx context.Context, tx *db.Tx, r *Row, benefits []id.ID) error {
	if _, err := db.Exec(ctx, tx, `DELETE FROM product_benefits WHERE organization_id = ? AND product_id = ?`, r.OrganizationID, r.ID); err != nil {
		return fmt.Errorf("detach benefits: %w", err)
	}
	var args []any
	for i := range benefits {
		args = append(args, r.OrganizationID, r.ID, benefits[i], i)
	}
	err := db.Insert(ctx, tx, db.Into{Table: "product_benefits", Columns: "organization_id, product_id, benefit_id, position"}, args)
	if err != nil {
		return fmt.Errorf("attach benefits: %w", err)
	}
	return nil
}

// fold is how text is compared without regard to case, on both engines alike.
func fold(s string) string { return strings.ToLower(s) }

// visible are the organizations whose products the subject may see.
func visible(sub *auth.Subject, wanted ...id.ID) []id.ID {
	return sub.Organizations(auth.ProductsView, wanted...)
}
