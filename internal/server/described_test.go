package server_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
)

// TestManyDescribed: of thousands with some metadata, wherever they lie in the
// list, a page shows the right ones, and the total is theirs.
func TestManyDescribed(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		buyer := f.Customer(nil).ID()
		once, monthly := f.Product(map[string]any{"recurring_interval": nil}).ID(), f.Product(nil).ID()
		f.Do("POST", "/v1/orders/", f.AllToken, map[string]any{"customer_id": buyer, "product_id": once})
		f.Do("POST", "/v1/subscriptions/", f.AllToken, map[string]any{"customer_id": buyer, "product_id": monthly, "collection_method": "send_invoice"})
		for _, x := range []described{{f, t, "orders", "order", "created_at", "draft", "pending"}, {f, t, "subscriptions", "subscription", "started_at", "active", "canceled"}} {
			x.fill()
			analyze(t, f)
			for _, batch := range []string{"old", "new", "none"} {
				for _, query := range []string{"", "&limit=7&page=3", "&limit=100&page=15", "&status=" + x.status, "&status=" + x.other} {
					x.compare(batch, query, x.time)
					x.compare(batch, query, "-"+x.time)
					x.compare(batch, query, "-amount")
				}
			}
			begins := slices.ContainsFunc(f.Statements(), func(sql string) bool {
				return strings.Contains(sql, "FROM "+x.table) && strings.Contains(sql, x.time+" >= (SELECT")
			})
			if !begins {
				t.Errorf("no list of %s looked at its first rows first", x.table)
			}
		}
	})
}

// described are rows with metadata that lie together in a list.
type described struct {
	f                  *floetest.Floe
	t                  *testing.T
	table, owner, time string
	status, other      string
}

func (x described) fill() {
	x.t.Helper()
	change(x.t, x.f, `CREATE TABLE first_`+x.table+` AS SELECT * FROM `+x.table)
	at := func(day int) map[string]string {
		but := map[string]string{x.time: fmt.Sprintf("CAST('2026-05-%02dT00:00:00.000000Z' AS %s)", day, timeType(x.f)), "metadata": "'{}'"}
		if x.table == "orders" {
			but["invoice_number"] = "NULL"
		}
		return but
	}
	for day, many := range []int{1: 1500, 2: 1200, 3: 1100} {
		if many > 0 {
			multiply(x.t, x.f, x.table, many, at(day))
		}
	}
	for day, batch := range map[int]string{1: "old", 3: "new"} {
		change(x.t, x.f, fmt.Sprintf(`INSERT INTO %[2]s_metadata (organization_id, %[2]s_id, key, value)
			SELECT organization_id, id, 'batch', '%[3]s' FROM %[1]s WHERE %[4]s = %[5]s`, x.table, x.owner, batch, x.time, at(day)[x.time]))
	}
}

// compare asks for a page, and for the same rows in the plainest way.
func (x described) compare(batch, query, sorting string) {
	x.t.Helper()
	r := x.f.Do("GET", fmt.Sprintf("/v1/%s/?metadata[batch]=%s&sorting=%s%s", x.table, batch, sorting, query), x.f.AllToken, nil)
	limit, page := 10, 1
	_, _ = fmt.Sscanf(query, "&limit=%d&page=%d", &limit, &page)
	where, args := ` WHERE organization_id = ? AND id IN (SELECT `+x.owner+`_id FROM `+x.owner+`_metadata WHERE organization_id = ? AND value = ?)`,
		[]any{x.f.Org.ID, x.f.Org.ID, batch}
	if _, status, ok := strings.Cut(query, "status="); ok {
		where, args = where+` AND status = ?`, append(args, status)
	}
	column, down := strings.CutPrefix(sorting, "-")
	direction := " ASC"
	if down {
		direction = " DESC"
	}
	if column == "amount" { // it is the same of all
		column = x.time + " IS NULL"
	}
	all, err := db.All[string](x.t.Context(), x.f.DB, `SELECT CAST(id AS text) FROM `+x.table+where+` ORDER BY `+column+direction+`, id`+direction, args...)
	if err != nil {
		x.t.Fatal(err)
	}
	if n := fmt.Sprint(r.Path("pagination.total_count")); n != fmt.Sprint(len(all)) {
		x.t.Errorf("%s of %s, %s %s: %s in all, want %d", x.table, batch, sorting, query, n, len(all))
	}
	from := min((page-1)*limit, len(all))
	want := all[from:min(from+limit, len(all))]
	var got []string
	for _, i := range r.Path("items").([]any) {
		got = append(got, i.(map[string]any)["id"].(string))
	}
	if !slices.Equal(got, want) {
		x.t.Errorf("%s of %s, %s %s: %d rows, want %d, or others\n%s\n%s", x.table, batch, sorting, query, len(got), len(want), got, want)
	}
}

// BenchmarkDescribed asks for pages of 100,000 orders, or of as many as
// FLOE_BENCH_ORDERS says, by their metadata: of each page the quickest of five
// requests counts. It also says how long the migration takes that tells the
// index of metadata of so many orders.
func BenchmarkDescribed(b *testing.B) {
	many := 100_000
	if text := os.Getenv("FLOE_BENCH_ORDERS"); text != "" {
		if _, err := fmt.Sscan(text, &many); err != nil {
			b.Fatal(err)
		}
	}
	for engine, open := range map[string]func(testing.TB, ...floetest.Option) *floetest.Floe{"sqlite": floetest.New, "postgres": floetest.Postgres} {
		b.Run(engine, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				f := open(b)
				fillDescribed(b, f, many)
				for name, query := range map[string]string{
					"few":          "metadata[ref]=r",
					"oldest-2%":    "metadata[batch]=first",
					"third":        "metadata[source]=website",
					"third-status": "metadata[source]=website&status=draft",
					"third-amount": "metadata[source]=website&sorting=amount",
					"all-amount":   "sorting=amount",
				} {
					least := math.Inf(1)
					for range 5 {
						begun := time.Now()
						if r := f.Do("GET", "/v1/orders/?"+query, f.AllToken, nil); r.Status != 200 {
							b.Fatal(r.Status, r.Body)
						}
						least = min(least, float64(time.Since(begun).Microseconds())/1000)
					}
					b.ReportMetric(least, name+"-ms")
				}
				b.StartTimer()
			}
		})
	}
}

// fillDescribed makes copies of an order as a version without an index of their
// metadata would have left them, and migrates.
func fillDescribed(b *testing.B, f *floetest.Floe, many int) {
	p := f.Product(map[string]any{"recurring_interval": nil}).ID()
	f.Do("POST", "/v1/orders/", f.AllToken, map[string]any{"customer_id": f.Customer(nil).ID(), "product_id": p})
	change(b, f, `CREATE TABLE first_orders AS SELECT * FROM orders`)
	metadata := fmt.Sprintf(`CASE WHEN i <= %d THEN '{"source":"sales","batch":"first"}' WHEN i %% 3 = 0 THEN '{"source":"website"}'
		WHEN i %% %d = 1 THEN '{"source":"newsletter","ref":"r"}' ELSE '{}' END`, many/50, many/10)
	but := map[string]string{"invoice_number": "NULL", "metadata": metadata, "id": `printf('%08x-0000-4000-8000-000000000000', i)`,
		"created_at": `strftime('%Y-%m-%dT%H:%M:%S.000000Z', '2024-01-01', '+' || i || ' seconds')`}
	if f.DB.Engine() == "postgres" {
		but = map[string]string{"invoice_number": "NULL", "metadata": "CAST(" + metadata + " AS json)", "id": `CAST(lpad(to_hex(i), 8, '0') || '-0000-4000-8000-000000000000' AS uuid)`,
			"created_at": `timestamptz '2024-01-01 00:00:00Z' + i * interval '1 second'`}
	}
	multiply(b, f, "orders", many, but)
	change(b, f, `DROP TABLE IF EXISTS order_metadata`)
	change(b, f, `DELETE FROM goose_db_version WHERE version_id >= 30`)
	begun := time.Now()
	if err := f.DB.Migrate(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(time.Since(begun).Seconds(), "migration-s")
	if err := f.DB.Write(b.Context(), func(tx *db.Tx) error { return tx.Analyze(b.Context()) }); err != nil {
		b.Fatal(err)
	}
}
