package feed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
)

// TestWholeReadsOneThing: what a thing was is put together from its own history,
// found by an index, however much happens to others.
func TestWholeReadsOneThing(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		product := ""
		for n := range 200 {
			r := f.Do("POST", "/v1/products/", f.AllToken, map[string]any{"name": fmt.Sprint("Product ", n), "prices": []any{map[string]any{"amount_type": "free"}}})
			if product = r.ID(); r.Status != 201 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
		}
		customer := f.Do("POST", "/v1/customers/", f.AllToken, map[string]any{"email": "anna@example.com"}).ID()
		f.Do("PATCH", "/v1/products/"+product, f.AllToken, map[string]any{"name": "Renamed"})
		f.Do("PATCH", "/v1/customers/"+customer, f.AllToken, map[string]any{"name": "Anna"})
		if r := f.Do("GET", "/v1/changes?full=true&type=product.updated", f.AllToken, nil); r.Path("items.0.data.name") != "Renamed" || r.Path("items.0.data.id") != product {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		f.Do("GET", "/v1/changes?full=true&type=customer.updated", f.AllToken, nil)
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error { return tx.Analyze(t.Context()) }); err != nil {
			t.Fatal(err)
		}
		var indexes []string
		for _, sql := range f.Statements() {
			if strings.Contains(sql, "subject_id = ?") && strings.Contains(sql, "FROM journal") {
				sql = strings.NewReplacer("organization_id = ?", "organization_id = '"+string(f.Org.ID)+"'", "subject_id = ?", "subject_id = '"+product+"'",
					"customer_id = ?", "customer_id = '"+customer+"'", "seq <= ?", "seq <= 1000").Replace(sql)
				indexes = append(indexes, indexOf(t, f, sql))
			}
		}
		slices.Sort(indexes)
		if want := []string{"journal_customer_key", "journal_subject"}; !slices.Equal(indexes, want) {
			t.Errorf("the histories are found by %q, want %q", indexes, want)
		}
	})
}

// indexOf is the index by which a statement finds its rows.
func indexOf(t *testing.T, f *floetest.Floe, sql string) string {
	t.Helper()
	explain, plan := "EXPLAIN QUERY PLAN ", ""
	if f.DB.Engine() == "postgres" {
		explain = "EXPLAIN "
		lines, err := db.All[string](t.Context(), f.DB, explain+sql)
		if err != nil {
			t.Fatal(err)
		}
		plan = strings.Join(lines, "\n")
	} else {
		steps, err := db.All[struct {
			ID, Parent, Notused int64
			Detail              string
		}](t.Context(), f.DB, explain+sql)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range steps {
			plan += s.Detail + "\n"
		}
	}
	for word := range strings.FieldsSeq(plan) {
		if strings.HasPrefix(word, "journal_") {
			return word
		}
	}
	return plan
}
