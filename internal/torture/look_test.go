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

// TestCounts: the total of a search is a lower bound from a thousand on, and no
// other total is.
func TestCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		search       bool
		shown, there int
		want         bool
	}{
		{false, 7, 7, true}, {true, 7, 7, true}, {true, 1000, 1000, true}, {true, 1000, 1007, true},
		{false, 1000, 1007, false}, {true, 6, 7, false}, {true, 8, 7, false}, {true, 999, 1007, false}, {true, 1008, 1007, false},
	} {
		if counts(c.search, c.shown, c.there) != c.want {
			t.Errorf("%+v", c)
		}
	}
}
