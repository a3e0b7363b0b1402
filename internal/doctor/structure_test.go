package doctor_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/doctor"
)

var update = flag.Bool("update", false, "write down what the migrations make")

// TestStructure: the lists of what a database is made of are what the
// migrations make.
func TestStructure(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		t.Parallel()
		d := open()
		list, err := doctor.Things(t.Context(), d, d.Engine())
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i := range list {
			b.WriteString(list[i].String() + "\n")
		}
		path := "schema/" + d.Engine() + ".txt"
		if *update {
			if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
		kept, err := os.ReadFile(path)
		if err != nil || string(kept) != b.String() {
			t.Errorf("%s is not what the migrations make (%v); go test ./internal/doctor -run TestStructure -update writes it", path, err)
		}
	})
}

// TestStructureBroken: what somebody has dropped or changed is found, and what
// they have added is not.
func TestStructureBroken(t *testing.T) {
	t.Parallel()
	cases := map[string][]struct {
		do    string
		found string // a part of what is said; nothing is found when empty
	}{
		"sqlite": {
			{`CREATE INDEX mine ON customers (name)`, ""},
			{`DROP INDEX orders_subscription`, "index orders_subscription is not there"},
			{`DROP INDEX customers_email; CREATE INDEX customers_email ON customers (organization_id, email_key)`, "index customers_email is "},
			{`ALTER TABLE orders ADD COLUMN mine text`, ""},
			{`ALTER TABLE benefits RENAME COLUMN description TO mine`, "column benefits.description is not there"},
			{`DROP TABLE balance_movements; CREATE TABLE balance_movements (seq INTEGER PRIMARY KEY, organization_id uuid NOT NULL)`,
				"constraint balance_movements: FOREIGN KEY organization_id , order_id REFERENCES orders organization_id , id is not there"},
			{`DROP TABLE jobs`, "table jobs is not there"},
		},
		"postgres": {
			{`CREATE INDEX mine ON customers (name)`, ""},
			{`ALTER TABLE orders ADD COLUMN mine text`, ""},
			{`DROP INDEX orders_subscription`, "index orders_subscription is not there"},
			{`DROP INDEX customers_email; CREATE INDEX customers_email ON customers (organization_id, email_key)`, "index customers_email is "},
			{`UPDATE pg_index SET indisvalid = FALSE WHERE indexrelid = CAST('customers_external_id' AS regclass)`, "index customers_external_id is not valid"},
			{`ALTER TABLE members DROP CONSTRAINT members_organization_id_customer_id_fkey`, "constraint members.members_organization_id_customer_id_fkey is not there"},
			{`ALTER TABLE refunds DROP CONSTRAINT refunds_organization_id_order_id_fkey;
				ALTER TABLE refunds ADD CONSTRAINT refunds_organization_id_order_id_fkey
				FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id) NOT VALID`,
				"constraint refunds.refunds_organization_id_order_id_fkey is not valid"},
			{`ALTER TABLE orders ALTER COLUMN currency DROP NOT NULL`, "column orders.currency is text; it was made as: text NOT NULL"},
			{`DROP TABLE jobs CASCADE`, "column jobs."},
		},
	}
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		t.Parallel()
		d := open()
		for _, c := range cases[d.Engine()] {
			before := structure(t, d)
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				for text := range strings.SplitSeq(c.do, ";") {
					if _, err := db.Exec(t.Context(), tx, text); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatalf("%s: %v", c.do, err)
			}
			after := structure(t, d)
			if c.found == "" && len(after) != len(before) || c.found != "" && !strings.Contains(strings.Join(after, "\n"), c.found) {
				t.Errorf("%s: found %q", c.do, after)
			}
		}
	})
}

// structure is what the doctor finds of it.
func structure(t *testing.T, d *db.DB) (found []string) {
	t.Helper()
	for _, c := range doctor.Examine(t.Context(), doctor.Config{DB: d}).Checks {
		if c.Name != "structure" {
			continue
		}
		if c.Status == doctor.Unknown || (c.Status == doctor.Broken) != (len(c.Found) > 0) {
			t.Errorf("%s %s", c.Status, c.Detail)
		}
		for _, f := range c.Found {
			found = append(found, f.ID+" "+f.Detail)
		}
	}
	return found
}
