package server_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/server"
)

// Whoever looks for what is due does not read what is not: SQLite's plans
// search an index, and PostgreSQL, which plans by what is there, fetches no
// more rows of thousands than of none.
func TestWhatIsNotDueIsNotRead(t *testing.T) {
	t.Parallel()
	const many = 2000
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f := floetest.New(t, private)
		clocked := fillNotDue(t, f, many)
		g := f.Beside(private)
		g.Processor()
		before := len(g.Statements())
		lookForDue(t, g, clocked)
		for _, sql := range g.Statements()[before:] {
			checkPlan(t, f, sql)
		}
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f := floetest.Postgres(t, private)
		filler := f.Beside(private)
		clocked := fillNotDue(t, filler, many)
		analyze(t, filler)
		before := end(t, f, filler)
		g := f.Beside(private)
		g.Processor()
		for range looks {
			lookForDue(t, g, clocked)
		}
		for table, n := range end(t, f, g) {
			n -= before[table]
			t.Logf("%s: %d rows", table, n)
			if n > few*looks {
				t.Errorf("%s: %d rows were read in %d looks for what is due, and none is", table, n, looks)
			}
			if n < looks && table == "subscriptions" { // when the first will be, at least
				t.Errorf("%s: %d rows were read in %d looks, so not all are counted", table, n, looks)
			}
		}
	})
}

const (
	// looks are so many that PostgreSQL plans for any parameters by then.
	looks = 8
	few   = 20
)

// clock is what the test clock shows.
func clock() time.Time { return floetest.Start.AddDate(0, 0, -20) }

// lookForDue does everything that the server does by itself.
func lookForDue(t *testing.T, f *floetest.Floe, clocked id.ID) {
	t.Helper()
	f.RunDue()
	if n := f.Drain(); n != 0 {
		t.Fatalf("%d jobs or webhooks were due", n)
	}
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		if n, err := f.Server.Customers.PurgeSessions(t.Context(), tx); n != 0 || err != nil {
			t.Errorf("%d sessions had ended, %v", n, err)
		}
		if err := f.Server.PaymentEvents.Forget(t.Context(), tx); err != nil {
			return err
		}
		return f.Server.Webhooks.Archive(t.Context(), tx, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Server.TestClocks.Advance(t.Context(), clocked, clock(), nil); err != nil {
		t.Fatal(err)
	}
	// What a processor was to do that is not configured any more makes nobody look at once again.
	for name, run := range map[string]func(context.Context, int) (int, time.Time, error){
		"charges": f.Server.Charges.Run, "refunds": f.Server.Refunds.Run, "payment methods": f.Server.Payments.RunDetach,
	} {
		if n, next, err := run(t.Context(), 10); n != 0 || err != nil || !next.After(f.Clock.Now()) {
			t.Errorf("%s: %d were due and the next are at %s, %v", name, n, next, err)
		}
	}
}

// looked are the tables that hold what can become due.
var looked = []string{"subscriptions", "orders", "jobs", "customer_sessions", "webhook_events", "webhook_queue", "webhook_lanes", "webhook_deliveries",
	"charges", "refund_requests", "order_payments", "payment_methods", "processor_events"}

func checkPlan(t *testing.T, f *floetest.Floe, sql string) {
	t.Helper()
	sql = strings.TrimSuffix(sql, floetest.AllOrganizations)
	if !strings.HasPrefix(sql, "SELECT") && !strings.HasPrefix(sql, "UPDATE") && !strings.HasPrefix(sql, "DELETE") {
		return
	}
	steps, err := db.All[struct {
		ID, Parent, Notused int64
		Detail              string
	}](t.Context(), f.DB, "EXPLAIN QUERY PLAN "+sql+floetest.AllOrganizations, make([]any, strings.Count(sql, "?"))...)
	if err != nil {
		t.Errorf("%v\n%s", err, sql)
	}
	for _, s := range steps {
		for _, table := range looked {
			if strings.HasPrefix(s.Detail, "SCAN "+table) {
				t.Errorf("%s\n%s", s.Detail, sql)
			}
		}
	}
}

// fillNotDue makes all that could be due and is not, many times, and answers a
// token of an organization with a test clock.
func fillNotDue(t *testing.T, f *floetest.Floe, many int) (clocked id.ID) {
	t.Helper()
	other := f.Organization("Clocked")
	do := func(method, path, token string, body map[string]any) *floetest.Response {
		t.Helper()
		r := f.Do(method, path, token, body)
		if r.Status >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, r.Status, r.Body)
		}
		return r
	}
	do("POST", "/v1/test-clock", other.Token, map[string]any{"now": clock()})
	for _, token := range []string{f.AllToken, other.Token} {
		do("POST", "/v1/webhooks/endpoints", token, map[string]any{"url": "http://127.0.0.1:1/", "format": "raw", "events": []string{"customer.created"}})
		c := do("POST", "/v1/customers/", token, map[string]any{"email": "c@example.com"}).ID()
		do("POST", "/v1/customer-sessions/", token, map[string]any{"customer_id": c}) // by the wall clock, the clocked one expired long ago
		p := do("POST", "/v1/products/", token, map[string]any{"name": "Plan", "recurring_interval": "month",
			"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": 1000}}}).ID()
		do("POST", "/v1/subscriptions/", token, map[string]any{"product_id": p, "customer_id": c, "collection_method": "send_invoice"})
	}
	f.Drain() // the webhooks do not arrive and are to be sent again
	change(t, f, `INSERT INTO jobs (id, kind, args, run_at, created_at) VALUES (?, 'none', '{}', ?, ?)`, id.New(), f.Clock.Now().Add(time.Hour), f.Clock.Now())
	fillProcessor(t, f)
	for _, table := range looked {
		change(t, f, `CREATE TABLE first_`+table+` AS SELECT * FROM `+table)
	}
	at := func(d time.Duration) string {
		return "'" + f.Clock.Now().Add(d).UTC().Format("2006-01-02T15:04:05.000000Z") + "'"
	}
	multiply(t, f, "subscriptions", many, nil)
	multiply(t, f, "subscriptions", many, map[string]string{"due_at": "NULL", "status": "'canceled'"})
	multiply(t, f, "orders", many, map[string]string{"invoice_number": "NULL"})
	multiply(t, f, "orders", many, map[string]string{"invoice_number": "NULL", "check_at": "NULL", "status": "'paid'"})
	multiply(t, f, "jobs", many, nil)
	multiply(t, f, "jobs", many, map[string]string{"run_at": at(-time.Minute), "leased_until": at(time.Minute)})
	multiply(t, f, "customer_sessions", many, nil)
	multiply(t, f, "webhook_events", many, nil)
	multiply(t, f, "webhook_events", many, map[string]string{"payload": "NULL", "created_at": at(-time.Hour * 24 * 365)})
	multiply(t, f, "webhook_lanes", many, nil)
	multiply(t, f, "webhook_lanes", many, map[string]string{"pending": "0", "last_seq": "5", "due_at": at(-time.Hour * 24)})
	multiply(t, f, "webhook_queue", many, nil)
	multiply(t, f, "webhook_deliveries", many, nil)
	multiply(t, f, "charges", many, map[string]string{"order_id": newID(f)})
	multiply(t, f, "charges", many, map[string]string{"order_id": newID(f), "processor": "'gone'", "check_at": at(-time.Hour)})
	multiply(t, f, "order_payments", many, map[string]string{"reference": newText(f)})
	multiply(t, f, "order_payments", many, map[string]string{"reference": newText(f), "processor": "'gone'"})
	change(t, f, `INSERT INTO refund_requests (organization_id, order_id, payment_id, id, created_at, check_at, reason, amount, tax_amount, revoke_benefits, metadata, processor)
		SELECT organization_id, order_id, id, id, created_at, CASE WHEN processor = 'gone' THEN CAST(`+at(-time.Hour)+` AS `+timeType(f)+`) ELSE CAST(`+at(time.Hour)+` AS `+timeType(f)+`) END,
			'other', 1, 0, FALSE, '{}', processor FROM order_payments WHERE reference <> 'first'`)
	multiply(t, f, "payment_methods", many, map[string]string{"reference": newText(f)})
	multiply(t, f, "payment_methods", many, map[string]string{"reference": newText(f), "processor": "'gone'", "detach_at": at(-time.Hour)})
	multiply(t, f, "payment_methods", many, map[string]string{"reference": newText(f), "detach_at": "NULL"})
	multiply(t, f, "processor_events", many, map[string]string{"event": newText(f)})
	return other.ID
}

// multiply adds copies of the rows of a table that the first have made, with
// ids of their own.
func multiply(t testing.TB, f *floetest.Floe, table string, many int, but map[string]string) {
	t.Helper()
	list := `SELECT name FROM pragma_table_info('` + table + `') WHERE name <> 'seq' ORDER BY cid`
	if f.DB.Engine() == "postgres" {
		list = `SELECT column_name::text FROM information_schema.columns WHERE table_name = '` + table + `' AND column_name <> 'seq' ORDER BY ordinal_position`
	}
	columns, err := db.All[string](t.Context(), f.DB, list)
	if err != nil {
		t.Fatal(err)
	}
	values := make([]string, len(columns))
	for i, c := range columns {
		switch text, ok := but[c]; {
		case ok:
			values[i] = text
		case c == "id", c == "lane":
			values[i] = newID(f)
		default:
			values[i] = c
		}
	}
	change(t, f, fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
		INSERT INTO %s (%s) SELECT %s FROM first_%s CROSS JOIN n`, many, table, strings.Join(columns, ", "), strings.Join(values, ", "), table))
}

// timeType is the type that times are written in.
func timeType(f *floetest.Floe) string {
	if f.DB.Engine() == "postgres" {
		return "timestamptz"
	}
	return "text"
}

// newID is an expression for an id.
func newID(f *floetest.Floe) string {
	if f.DB.Engine() == "postgres" {
		return `gen_random_uuid()`
	}
	return `lower(printf('%s-%s-4%s-8%s-%s', hex(randomblob(4)), hex(randomblob(2)), substr(hex(randomblob(2)), 2), substr(hex(randomblob(2)), 2), hex(randomblob(6))))`
}

// newText is an expression for a text that nothing else has.
func newText(f *floetest.Floe) string { return "CAST(" + newID(f) + " AS text)" }

// fillProcessor makes what waits for a processor, to be asked for in an hour.
func fillProcessor(t *testing.T, f *floetest.Floe) {
	t.Helper()
	soon, now := f.Clock.Now().Add(time.Hour), f.Clock.Now()
	from := ` FROM orders WHERE organization_id = ?`
	change(t, f, `INSERT INTO charges (organization_id, order_id, customer_id, purpose, idempotency_key, method, amount, currency, cause, description, created_at, processor, check_at)
		SELECT organization_id, id, customer_id, 'cycle', 'key', 'card', 1, 'usd', 'cycle', '', created_at, 'stripe', ?`+from, soon, f.Org.ID)
	change(t, f, `INSERT INTO order_payments (organization_id, order_id, id, created_at, status, amount, currency, paid_at, processor, reference)
		SELECT organization_id, id, id, created_at, 'succeeded', 1, 'usd', created_at, 'stripe', 'first'`+from, f.Org.ID)
	change(t, f, `INSERT INTO refund_requests (organization_id, order_id, payment_id, id, created_at, check_at, reason, amount, tax_amount, revoke_benefits, metadata, processor)
		SELECT organization_id, id, id, id, created_at, ?, 'other', 1, 0, FALSE, '{}', 'stripe'`+from, soon, f.Org.ID)
	change(t, f, `INSERT INTO payment_methods (id, organization_id, customer_id, created_at, detach_at, processor, reference, type)
		SELECT id, organization_id, customer_id, created_at, ?, 'stripe', 'first', 'card'`+from, soon, f.Org.ID)
	change(t, f, `INSERT INTO processor_events (organization_id, processor, event, type, created_at) VALUES (?, 'stripe', 'first', 'none', ?)`, f.Org.ID, now)
}

func change(t testing.TB, f *floetest.Floe, text string, args ...any) {
	t.Helper()
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, text+floetest.AllOrganizations, args...)
		return err
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
}

func analyze(t *testing.T, f *floetest.Floe) {
	t.Helper()
	if err := f.DB.Write(t.Context(), func(tx *db.Tx) error { return tx.Analyze(t.Context()) }); err != nil {
		t.Fatal(err)
	}
}

// end closes an instance on the same database as another, and answers how many
// rows have been read by then: connections say so when they end, which they do a
// little later.
func end(t *testing.T, f, other *floetest.Floe) (read map[string]int64) {
	t.Helper()
	if err := errors.Join(other.Server.Close(), other.DB.Close()); err != nil {
		t.Fatal(err)
	}
	for {
		before := rowsRead(t, f)
		time.Sleep(300 * time.Millisecond)
		if read = rowsRead(t, f); maps.Equal(before, read) {
			return read
		}
	}
}

// rowsRead is how many rows PostgreSQL has read of each table, in any way.
func rowsRead(t *testing.T, f *floetest.Floe) map[string]int64 {
	t.Helper()
	list, err := db.All[struct {
		Name string
		Rows int64
	}](t.Context(), f.DB, `SELECT relname::text AS name, CAST(seq_tup_read + GREATEST(COALESCE(idx_tup_fetch, 0),
			COALESCE((SELECT SUM(idx_tup_read) FROM pg_stat_user_indexes i WHERE i.relid = t.relid), 0)) AS bigint) AS rows
		FROM pg_stat_user_tables t`)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, r := range list {
		if slices.Contains(looked, r.Name) {
			out[r.Name] = r.Rows
		}
	}
	return out
}

// private lets webhooks go where nobody listens.
func private(c *server.Config) { c.AllowPrivateWebhooks = true }
