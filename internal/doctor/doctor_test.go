package doctor_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/demo"
	"floe/internal/doctor"
	"floe/internal/id"
	"floe/internal/server"
)

// breaks is, for each invariant, a change that only somebody with a shell on
// the database could make. What the schema refuses by an index has that index
// dropped first.
var breaks = map[string][]string{
	"customers.total":              {`UPDATE customer_totals SET live = live + 1`},
	"customers.email_unique":       {`DROP INDEX customers_email`, `UPDATE customers SET email_key = 'same'`},
	"customers.external_id_unique": {`DROP INDEX customers_external_id`, `UPDATE customers SET external_id = 'same'`},
	"customers.keys":               {`UPDATE customers SET deleted_at = created_at WHERE seq = (SELECT MAX(seq) FROM customers WHERE email_key IS NOT NULL)`},
	"customers.search_text":        {`UPDATE customers SET search = 'nobody'`},
	"customers.search_entries":     {`DELETE FROM customer_search_docsize WHERE id = (SELECT MAX(seq) FROM customers)`},
	"customers.search_finds":       {`UPDATE customers SET search = 'xyzzy plugh' WHERE seq = (SELECT MAX(seq) FROM customers)`},
	"customers.metadata_index":     {`DELETE FROM customer_metadata`},
	"customers.nothing_left":       {`UPDATE members SET deleted_at = NULL, email_key = CAST(id AS text)`},
	"customers.anonymized":         {`UPDATE customers SET anonymized_at = created_at`},
	"members.one_owner":            {`DROP INDEX members_owner`, `UPDATE members SET role = 'owner'`, `DROP INDEX members_email`, `UPDATE members SET email_key = 'same'`},
	"journal.no_gaps":              {`DELETE FROM journal WHERE customer_seq = 1`},
	"journal.heads":                {`UPDATE journal_heads SET seq = seq + 1`},
	"journal.of_customers":         {`UPDATE journal SET type = 'other' WHERE type = 'customer.created'`},
	"subscriptions.status":         {`UPDATE subscriptions SET status = 'canceled' WHERE status = 'active'`},
	"subscriptions.due":            {`UPDATE subscriptions SET due_at = NULL WHERE status = 'active'`},
	"subscriptions.metadata_index": {`DELETE FROM subscription_metadata`},
	"subscriptions.amount":         {`UPDATE subscriptions SET amount = amount + 1`},
	"subscriptions.entries":        {`DELETE FROM billing_entries WHERE order_id IS NULL`},
	"subscriptions.references":     {`UPDATE discount_redemptions SET subscription_id = organization_id`},
	"discounts.redemptions":        {`UPDATE discounts SET redemptions_count = redemptions_count + 1`},
	"orders.amounts":               {`UPDATE order_items SET amount = amount + 1`},
	"orders.metadata_index":        {`DELETE FROM order_metadata`},
	"orders.paid":                  {`UPDATE orders SET paid_amount = paid_amount + 1 WHERE status = 'paid'`},
	"orders.refunded":              {`UPDATE refunds SET amount = amount - 1`},
	"orders.numbers":               {`UPDATE orders SET invoice_number = NULL WHERE seq = (SELECT MAX(seq) FROM orders WHERE invoice_number IS NOT NULL)`},
	"orders.references":            {`UPDATE orders SET product_id = organization_id`},
	"payments.asked":               {`UPDATE orders SET charging_since = created_at`},
	"payments.methods":             {`UPDATE customers SET default_payment_method_id = id`},
	"balances.movements": {`INSERT INTO customer_balances (organization_id, customer_id, currency, amount)
			SELECT organization_id, id, 'xts', 7 FROM customers LIMIT 1`},
	"grants.row":               {`UPDATE benefit_grants SET revoked_at = granted_at`},
	"grants.reason":            {`DELETE FROM product_benefits`},
	"grants.entitled":          {`UPDATE benefit_grants SET granted_at = NULL, error = NULL`},
	"license_keys.grants":      {`UPDATE benefit_grants SET granted_at = NULL`},
	"license_keys.activations": {`UPDATE license_keys SET limit_activations = 0`},
	"webhooks.lanes":           {`UPDATE webhook_lanes SET pending = pending - 1`},
	"webhooks.queue":           {`DELETE FROM webhook_queue`},
	"webhooks.told":            {`UPDATE webhook_events SET previous_seq = previous_seq + 1`},
	"webhooks.deliveries":      {`UPDATE webhook_events SET succeeded = TRUE`},
	"keys.folded":              {`UPDATE discounts SET code_key = 'other' WHERE code IS NOT NULL`},
	"journal.order":            {`UPDATE journal SET seq = 1000000 + seq WHERE customer_seq = 2`},
	"journal.of_things":        {`DELETE FROM journal WHERE type = 'product.created'`},
	"clocks.known":             {`UPDATE customer_sessions SET clocked = TRUE`},
	"products.prices":          {`UPDATE product_prices SET price_amount = NULL WHERE amount_type = 'fixed'`},
	"orders.currency":          {`UPDATE order_payments SET currency = 'xts'`},
	"orders.dates":             {`UPDATE orders SET paid_at = NULL WHERE status = 'paid'`},
	"orders.entries":           {`UPDATE billing_entries SET amount = amount + 1 WHERE order_id IS NOT NULL`},
	"webhooks.endpoints":       {`UPDATE webhook_endpoints SET mask = 0`},
	"tokens.whose":             {`UPDATE tokens SET kind = 'other'`},
	"organizations.members":    {`DELETE FROM memberships`},
	"jobs.waited_for":          {`DELETE FROM jobs WHERE kind = 'billing.cycle'`},
	"organizations.one_owner":  {`DROP INDEX memberships_owner`, `UPDATE memberships SET role = 'owner'`},
}

// TestInvariants: on a database in which everything happens that can, none is
// broken; and each is found when somebody breaks it.
func TestInvariants(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		t.Parallel()
		d := open()
		fill(t, d)
		r := doctor.Examine(t.Context(), doctor.Config{DB: open(func(c *db.Config) { c.ReadOnly = true }), Whole: true})
		for _, c := range r.Checks {
			if c.Status != doctor.OK && c.Name != "sync" { // the tests' PostgreSQL does not sync
				t.Errorf("%s: %s %s %v", c.Name, c.Status, c.Detail, c.Found)
			}
		}
		for i := range doctor.Invariants {
			inv := &doctor.Invariants[i]
			if inv.Engine == "" || inv.Engine == d.Engine() {
				breakOne(t, d, inv)
			}
		}
	})
}

var errUndo = errors.New("undo")

// breakOne breaks an invariant, looks, and takes it back.
func breakOne(t *testing.T, d *db.DB, inv *doctor.Invariant) {
	t.Helper()
	if len(breaks[inv.Name]) == 0 {
		t.Errorf("%s is broken nowhere", inv.Name)
		return
	}
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		for _, text := range breaks[inv.Name] {
			n, err := db.Exec(t.Context(), tx, text)
			if err != nil {
				return err
			}
			if n == 0 && !strings.HasPrefix(text, "DROP") {
				t.Errorf("%s: nothing is there to break: %s", inv.Name, text)
			}
		}
		found, err := inv.Broken(t.Context(), tx, 3)
		if err == nil && len(found) == 0 {
			t.Errorf("%s is broken, and not found", inv.Name)
		}
		for _, f := range found {
			if f.ID == "" || f.Detail == "" {
				t.Errorf("%s: does not say what it found: %+v", inv.Name, f)
			}
		}
		if err != nil {
			return err
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		t.Errorf("%s: %v", inv.Name, err)
	}
}

// fill makes a database with everything in it, webhooks that wait included, and
// answers a token.
func fill(t *testing.T, d *db.DB) string {
	t.Helper()
	ctx := t.Context()
	u, org, end := begin(t, d)
	defer end()
	var founder id.ID
	actor := auth.NewSystem("test")
	err := d.Write(ctx, func(tx *db.Tx) error {
		for _, address := range []string{"jane@example.com", "joe@example.com"} {
			one, err := u.s.Organizations.CreateUser(ctx, tx, actor, address, "")
			if err != nil {
				return err
			}
			if _, err := u.s.Organizations.Join(ctx, tx, actor, one, org, ""); err != nil {
				return err
			}
			founder = one.ID
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := demo.Fill(ctx, d, u.s, demo.Config{Organization: org, Seed: 1, Now: time.Now(), Count: 150}, nil); err != nil {
		t.Fatal(err)
	}
	u.customers()
	u.payments(org)
	u.keys()
	u.clock()
	u.webhooks()
	u.jobs()
	u.founds(founder)
	return u.token
}

// begin is a server with an organization, and what closes it.
func begin(t *testing.T, d *db.DB) (u *user, org id.ID, end func()) {
	t.Helper()
	s, err := server.New(t.Context(), server.Config{DB: d, AllowPrivateWebhooks: true})
	if err != nil {
		t.Fatal(err)
	}
	u = &user{t: t, d: d, s: s}
	org = u.organization("Acme", "acme")
	u.token = u.tokenOf(org)
	return u, org, func() { // it writes down when tokens were used
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestReleased: rules do not take what came after for what came before when
// time goes back, as it does with the end of a test clock.
func TestReleased(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		t.Parallel()
		d := open()
		u, org, end := begin(t, d)
		defer end()
		u.released(org)
		u.jobs()
		for _, c := range doctor.Examine(t.Context(), doctor.Config{DB: d, Whole: true}).Checks {
			if c.Status != doctor.OK && c.Name != "clock" && c.Name != "sync" {
				t.Errorf("%s: %s %s %v", c.Name, c.Status, c.Detail, c.Found)
			}
		}
	})
}

// TestInterrupted: a report ends with what was being looked at when somebody
// had enough.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		t.Parallel()
		ctx, end := context.WithCancel(t.Context())
		r := doctor.Examine(ctx, doctor.Config{DB: open(), Progress: func(done, _ int, _ *doctor.Check) {
			if done == 5 {
				end()
			}
		}})
		if r.Count(doctor.Unknown) != 1 || r.Checks[len(r.Checks)-1].Status != doctor.Unknown {
			t.Errorf("%d checks, the worst %s", len(r.Checks), r.Worst())
		}
	})
}

// TestCopy: a file that was copied anew, as for a backup, is well. Only its log
// is not on yet.
func TestCopy(t *testing.T) {
	t.Parallel()
	from, to := inFile(t), inFile(t)
	d := from.open(t)
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	fill(t, d)
	from.exec(t, `VACUUM INTO ?`, filepath.Join(to.config.DataDir, db.FileName))
	to.config.ReadOnly = true
	for _, c := range doctor.Examine(t.Context(), doctor.Config{DB: to.open(t), Whole: true}).Checks {
		want := doctor.OK
		if c.Name == "journal mode" {
			want = doctor.Warning
		}
		if c.Status != want && c.Name != "sync" && c.Name != "space" {
			t.Errorf("%s: %s, want %s: %s %v", c.Name, c.Status, want, c.Detail, c.Found)
		}
	}
}

// TestDamaged: of a file with a page that is none nothing else is said, and not
// that it could not be looked at.
func TestDamaged(t *testing.T) {
	t.Parallel()
	u := inFile(t)
	if err := u.open(t).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dbtest.EmptyDataDir(t), db.FileName)
	u.exec(t, `VACUUM INTO ?`, path)
	var page int64
	if err := u.pool.QueryRowContext(t.Context(), `SELECT rootpage FROM sqlite_schema WHERE name = 'journal_organization'`).Scan(&page); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte(strings.Repeat("Z", 4096)), (page-1)*4096)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Config{DataDir: filepath.Dir(path), ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	r := doctor.Examine(t.Context(), doctor.Config{DB: d})
	if last := r.Checks[len(r.Checks)-1]; r.Worst() != doctor.Broken || last.Name != "file" {
		t.Errorf("%s, and the last was %s: %s", r.Worst(), last.Name, last.Detail)
	}
}

// TestDocs: the documentation's table is the list.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n| Rule | |")
	table, _, _ = strings.Cut(table, "\n\n")
	rows := strings.Count(table, "\n| `")
	for _, inv := range doctor.Invariants {
		if !strings.Contains(string(text), "\n| `"+inv.Name+"` | "+inv.Says) {
			t.Errorf("docs/reliability.md has no row for %s: %s", inv.Name, inv.Says)
		}
	}
	if rows != len(doctor.Invariants) {
		t.Errorf("docs/reliability.md has %d rows for %d invariants", rows, len(doctor.Invariants))
	}
}
