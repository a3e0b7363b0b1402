package server_test

import (
	"net/http"
	"strings"
	"testing"

	"floe/internal/floetest"
)

// TestExportsInPieces: exports that are read in pieces have each row once, also
// where a piece ends among rows of the same time.
func TestExportsInPieces(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const many = 1100 // more than two pieces
		c, p := f.Customer(nil).ID(), f.Product(nil).ID()
		if r := f.Do("POST", "/v1/subscriptions/", f.AllToken, obj{"product_id": p, "customer_id": c, "collection_method": "send_invoice"}); r.Status != http.StatusCreated {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		for _, table := range []string{"orders", "subscriptions"} {
			change(t, f, `CREATE TABLE first_`+table+` AS SELECT * FROM `+table)
			but := map[string]string{"invoice_number": "NULL"}
			multiply(t, f, table, many, but)
			r := f.Do("GET", "/v1/"+table+"/export", f.AllToken, nil)
			if rows := strings.Count(r.Body, "\r\n") - 1; rows != many+1 {
				t.Errorf("%d %s are exported, want %d", rows, table, many+1)
			}
		}
	})
}
