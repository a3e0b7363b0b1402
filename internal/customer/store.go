package customer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/schema"
)

// Every SQL text about customers. The avatar of a team without an e-mail is
// its owner's, so the owner's address is read along, for those rows only.
const columns = `id, organization_id, created_at, modified_at, deleted_at, anonymized_at, type, email, email_verified, name,
	billing_name, COALESCE(external_id_long, external_id) AS external_id, billing_address, tax_id, tax_id_format, locale, metadata, default_payment_method_id, first_user_event_at,
	CASE WHEN email IS NULL THEN (
		SELECT m.email FROM members m
		WHERE m.organization_id = customers.organization_id AND m.customer_id = customers.id AND m.role = 'owner' AND m.deleted_at IS NULL
	) END AS owner_email`

// byID reads a live customer that the subject can see. That the customer is
// live is seen here and not asked of the database: PostgreSQL, before it has
// statistics, takes an index over live customers for a short way to one.
func byID(ctx context.Context, q db.Querier, orgs []id.ID, customer id.ID, lock string) (Row, error) {
	rows, err := db.Lookup[Row](ctx, q, selectWhere(orgs, "id", lock), append([]any{customer}, ids(orgs)...)...)
	if err != nil {
		return Row{}, err
	}
	return theOne(rows)
}

// byExternalID reads a live customer by the caller's own id for it; deleted
// ones have none. A user may see several; then it is not for us to choose.
func byExternalID(ctx context.Context, q db.Querier, orgs []id.ID, external, lock string) (Row, error) {
	rows, err := db.Lookup[Row](ctx, q, selectWhere(orgs, "external_id", " LIMIT 2"+lock), append([]any{indexText(external)}, ids(orgs)...)...)
	if err != nil {
		return Row{}, err
	}
	return theOne(rows)
}

// The texts for callers who see one organization, which are nearly all.
var selectOne = map[[2]string]string{}

func init() {
	for _, column := range []string{"id", "external_id"} {
		for _, rest := range []string{"", " LIMIT 2"} {
			selectOne[[2]string{column, rest}] = selectText(column, "organization_id = ?", rest)
		}
	}
}

func selectText(column, organizations, rest string) string {
	return `SELECT ` + columns + ` FROM customers WHERE ` + column + ` = ? AND ` + organizations + rest
}

func selectWhere(orgs []id.ID, column, rest string) string {
	if text := selectOne[[2]string{column, rest}]; text != "" && len(orgs) == 1 {
		return text
	}
	in, _ := db.InList("organization_id", orgs)
	return selectText(column, in, rest)
}

func ids(orgs []id.ID) []any {
	_, args := db.InList("organization_id", orgs)
	return args
}

// save writes the columns that have changed. The others are left out, because
// SQLite writes every index that holds a column which is set, even to itself.
func save(ctx context.Context, tx *db.Tx, was, r *Row) error {
	if err := reindexSearch(ctx, tx, was, r); err != nil {
		return err
	}
	set, args := changes(was, r)
	if len(set) == 0 {
		return nil
	}
	err := db.Later(ctx, tx, `UPDATE customers SET `+strings.Join(set, ", ")+` WHERE organization_id = ? AND id = ?`,
		append(args, r.OrganizationID, r.ID)...)
	if err != nil {
		return fmt.Errorf("save customer: %w", err)
	}
	return nil
}

// changes are the columns whose values differ and their new values.
func changes(was, r *Row) (set []string, args []any) {
	differ := func(old, value any, columns string, values ...any) {
		if !reflect.DeepEqual(old, value) {
			for column := range strings.FieldsSeq(columns) {
				set = append(set, column+" = ?")
			}
			args = append(append(args, value), values...)
		}
	}
	differ(was.ModifiedAt, r.ModifiedAt, "modified_at")
	differ(was.DeletedAt, r.DeletedAt, "deleted_at")
	differ(was.emailKey(), r.emailKey(), "email_key")
	differ(was.AnonymizedAt, r.AnonymizedAt, "anonymized_at")
	differ(was.Type, r.Type, "type")
	differ(was.Email, r.Email, "email")
	differ(was.EmailVerified, r.EmailVerified, "email_verified")
	differ(was.Name, r.Name, "name name_key", foldOrNull(r.Name))
	differ(was.BillingName, r.BillingName, "billing_name")
	if !reflect.DeepEqual(was.ExternalID, r.ExternalID) {
		set = append(set, "external_id = ?", "external_id_long = ?", "external_key = ?")
		args = append(args, indexed(r.ExternalID), ifLong(r.ExternalID), indexed(foldIfOther(r.ExternalID)))
	}
	differ(was.BillingAddress, r.BillingAddress, "billing_address")
	differ(was.TaxID, r.TaxID, "tax_id")
	differ(was.TaxIDFormat, r.TaxIDFormat, "tax_id_format")
	differ(was.Locale, r.Locale, "locale")
	differ(was.Metadata, r.Metadata, "metadata")
	differ(was.DefaultPaymentMethodID, r.DefaultPaymentMethodID, "default_payment_method_id")
	differ(was.search(), r.search(), "search")
	return set, args
}

// shards is over how many rows an organization's total is spread, so that
// concurrent creates on PostgreSQL rarely wait for each other's commit.
const shards = 64

// count changes how many live customers an organization has, just before the
// commit and together with others who share it.
func count(tx *db.Tx, org id.ID, by int) { tx.Together("customer_totals", total{org, by}, addTotals) }

type total struct {
	organization id.ID
	by           int
}

func addTotals(ctx context.Context, tx *db.Tx, items []any) error {
	sums := map[id.ID]int{}
	for _, item := range items {
		sums[item.(total).organization] += item.(total).by
	}
	shard := 0
	if tx.ForUpdate() != "" {
		shard = int(tx.Now().UnixMicro() % shards)
	}
	for _, org := range slices.Sorted(maps.Keys(sums)) { // one order on every node: no deadlock
		err := db.Later(ctx, tx, `INSERT INTO customer_totals (organization_id, shard, live) VALUES (?, ?, ?)
			ON CONFLICT (organization_id, shard) DO UPDATE SET live = customer_totals.live + excluded.live`, org, shard, sums[org])
		if err != nil {
			return fmt.Errorf("count customers: %w", err)
		}
	}
	return nil
}

// countAll asks how many live customers the organizations have.
func countAll(reads *db.Reads, orgs []id.ID) func() int {
	w := db.Where("").In("organization_id", orgs)
	n := db.Ask[int64](reads, `SELECT CAST(COALESCE(SUM(live), 0) AS bigint) FROM customer_totals`+w.SQL(), w.Args()...)
	return func() (all int) {
		for _, sum := range *n {
			all += int(sum)
		}
		return all
	}
}

// taken answers the problems of an e-mail or external id that another live
// customer of the organization has.
func taken(ctx context.Context, q db.Querier, org id.ID, email, external *string, except id.ID) (*schema.Problems, error) {
	problems := &schema.Problems{}
	if email != nil {
		yes, err := exists(ctx, q, `SELECT 1 FROM customers WHERE organization_id = ? AND email_key = ? AND id <> ? LIMIT 1`,
			org, fold(*email), except)
		if err != nil {
			return nil, err
		}
		if yes {
			problems.Add(emailTaken(*email))
		}
	}
	if external != nil {
		yes, err := exists(ctx, q, `SELECT 1 FROM customers WHERE organization_id = ? AND external_id = ? AND id <> ? LIMIT 1`, org, indexText(*external), except)
		if err != nil {
			return nil, err
		}
		if yes {
			problems.Add(externalIDTaken(*external))
		}
	}
	return problems, nil
}

func exists(ctx context.Context, q db.Querier, sql string, args ...any) (bool, error) {
	_, err := db.One[int64](ctx, q, sql, args...)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func emailTaken(email string) schema.Problem {
	return schema.Problem{Type: "value_error", Loc: []any{"body", "email"},
		Msg: "A customer with this email address already exists.", Input: schema.StringNode(email)}
}

func externalIDTaken(external string) schema.Problem {
	return schema.Problem{Type: "value_error", Loc: []any{"body", "external_id"},
		Msg: "A customer with this external ID already exists.", Input: schema.StringNode(external)}
}

// raced turns a unique index that a concurrent request reached first into the
// problem that a check before would have found.
func raced(err error, email, external *string) error {
	var unique *db.UniqueError
	if !errors.As(err, &unique) {
		return err
	}
	problems := &schema.Problems{}
	switch {
	case unique.Constraint == "customers_email" && email != nil:
		problems.Add(emailTaken(*email))
	case unique.Constraint == "customers_external_id" && external != nil:
		problems.Add(externalIDTaken(*external))
	default:
		return err
	}
	return problems
}

// mayManage refuses those who can see a customer and are not to change it, or
// its members, or to let anybody into its portal.
func mayManage(sub *auth.Subject, r *Row) error {
	if !sub.May(r.OrganizationID, auth.CustomersManage) {
		return fault.NotPermitted.New(auth.CustomersManage.Denied())
	}
	return nil
}

// visible are the organizations whose customers the subject may see.
func visible(sub *auth.Subject, wanted ...id.ID) []id.ID {
	return sub.Organizations(auth.CustomersView, wanted...)
}
