//go:build unix

package torture

import (
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/organization"
)

// A search index that lacks an entry, or has one too many, is found.
func TestSearchIndexIsCompared(t *testing.T) {
	t.Parallel()
	r := &run{config: Config{Dir: t.TempDir(), Engine: "sqlite"}, report: &Report{}}
	d, err := db.Open(t.Context(), r.database(false))
	if err == nil {
		err = d.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	org := organize(t, d)
	look := func(change, want string) {
		t.Helper()
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, change)
			return err
		})
		if err == nil {
			r.report.Problems = nil
			err = r.searchIndex(t.Context())
		}
		if got := strings.Join(r.report.Problems, "; "); err != nil || !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("after %s: %q, %v, want %q", change, got, err, want)
		}
	}
	look(`INSERT INTO customers (seq, id, organization_id, created_at, type, email_verified, metadata, search)
		VALUES (7, 'c', '`+org+`', '2026-01-01', 'team', 0, '{}', 'abcd')`, "in 2 entries")
	look(`INSERT INTO customer_search (rowid, search) VALUES (7, 'abcd')`, "")
	look(`INSERT OR REPLACE INTO customer_search (rowid, search) VALUES (7, 'abcx')`, "in 2 entries")
	look(`INSERT OR REPLACE INTO customer_search (rowid, search) VALUES (7, 'abcd')`, "")
	look(`INSERT INTO customer_search (rowid, search) VALUES (8, 'xyz')`, "in 1 entries")
	look(`DELETE FROM customer_search WHERE rowid = 8`, "")
}

func organize(t *testing.T, d *db.DB) string {
	t.Helper()
	in, err := organization.Draft("Searched", "searched")
	if err != nil {
		t.Fatal(err)
	}
	var o organization.Organization
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		o, err = organization.New(organization.Config{DB: d}).Create(t.Context(), tx, auth.NewSystem("test"), in)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(o.ID)
}
