package floetest

import (
	"strings"

	"floe/internal/db"
	"floe/internal/doctor"
)

// Sound holds the database against the invariants whose names begin so, or
// against all.
func (f *Floe) Sound(names ...string) {
	f.t.Helper()
	for _, x := range doctor.Invariants {
		if x.Engine != "" && x.Engine != f.DB.Engine() || !begins(x.Name, names) {
			continue
		}
		found, err := db.All[struct{ OrganizationID, ID, Detail string }](f.t.Context(), f.DB, x.Query+AllOrganizations)
		if err != nil {
			f.t.Fatalf("%s: %v", x.Name, err)
		}
		for _, v := range found {
			f.t.Errorf("%s: %s %s", x.Name, v.ID, v.Detail)
		}
	}
}

func begins(name string, with []string) bool {
	for _, w := range with {
		if strings.HasPrefix(name, w) {
			return true
		}
	}
	return len(with) == 0
}
