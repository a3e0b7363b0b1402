package db_test

import (
	"errors"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// A search is planned for what is searched: PostgreSQL keeps no plan of it that
// would have to do for any text.
func TestSearchesArePlannedEachTime(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			return errors.Join(insert(t.Context(), tx, "one"), insert(t.Context(), tx, "two"))
		})
		if err != nil {
			t.Fatal(err)
		}
		err = d.Read(t.Context(), func(q db.Querier) error {
			for _, text := range []string{"%n%", "%", "%o", "t%", "two", "%x%", "%w%"} {
				if _, err := db.All[string](t.Context(), q, `SELECT name FROM things WHERE name LIKE ? ESCAPE '\' ORDER BY name`, text); err != nil {
					return err
				}
				if _, err := db.All[string](t.Context(), q, `SELECT name FROM things WHERE name = ?`, text); err != nil {
					return err
				}
			}
			found, err := db.All[string](t.Context(), q, `SELECT name FROM things WHERE name LIKE ? ESCAPE '\' ORDER BY name`, "%o%")
			if len(found) != 2 {
				t.Errorf("found %q", found)
			}
			if err != nil || d.Engine() != "postgres" {
				return err
			}
			kept, err := db.All[string](t.Context(), q, `SELECT CASE WHEN statement LIKE '%ESCAPE%' THEN 'search' ELSE 'other' END AS kind FROM pg_prepared_statements
				WHERE statement LIKE '%FROM things%' AND statement NOT LIKE '%pg_prepared%'`)
			if len(kept) != 1 || kept[0] != "other" {
				t.Errorf("kept are the plans of %q", kept)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
