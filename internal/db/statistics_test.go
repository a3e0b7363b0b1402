package db_test

import (
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// Every index over rows of organizations is told of, so that none is left out
// of a plan because nothing is known about it.
func TestStatistics(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	type index struct {
		Name string
		Stat *string
	}
	list, err := db.All[index](t.Context(), d, `SELECT i.name, s.stat FROM sqlite_schema t JOIN pragma_index_list(t.name) i
		LEFT JOIN sqlite_stat1 s ON s.tbl = t.name AND s.idx = i.name
		WHERE t.type = 'table' AND (SELECT name FROM pragma_index_info(i.name) WHERE seqno = 0) = 'organization_id'`)
	if err != nil || len(list) < 50 {
		t.Fatalf("%d indexes: %v", len(list), err)
	}
	for _, i := range list {
		if i.Stat == nil {
			t.Errorf("%s: the migration that makes it has no @statistics@", i.Name)
		} else if n := len(strings.Fields(*i.Stat)); n < 3 || !strings.HasPrefix(*i.Stat, "100000000 ") {
			t.Errorf("%s: %s", i.Name, *i.Stat)
		}
	}
}
