package crash_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
)

// row is a customer as it lies in the database.
type row struct {
	ID         string
	Email      *string
	ExternalID *string
	Name       *string
	DeletedAt  *time.Time
	Metadata   json.RawMessage
	Owners     int // live members
	Indexed    int // entries of metadata that filters look at
	Head       int // last number of its journal, kept once it has changed
	Entries    int
	Last       int // highest number in it
	Created    int
}

const rows = `SELECT c.id, c.email, c.external_id, c.name, c.deleted_at, c.metadata,
		(SELECT COUNT(*) FROM members m WHERE m.organization_id = c.organization_id AND m.customer_id = c.id AND m.deleted_at IS NULL) AS owners,
		(SELECT COUNT(*) FROM customer_metadata k WHERE k.organization_id = c.organization_id AND k.customer_id = c.id) AS indexed,
		COALESCE((SELECT h.seq FROM journal_heads h WHERE h.organization_id = c.organization_id AND h.customer_id = c.id), 0) AS head,
		(SELECT COUNT(*) FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id) AS entries,
		COALESCE((SELECT MAX(j.customer_seq) FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id), 0) AS last,
		(SELECT COUNT(*) FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id AND j.type = 'customer.created') AS created
	FROM customers c`

// look compares all that is there with all that was promised.
func look(t *testing.T, s *server, config db.Config, list []*client) {
	t.Helper()
	d, err := db.Open(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	found, err := db.All[row](t.Context(), d, rows)
	if err != nil {
		t.Fatal(err)
	}
	live, byID, byExternal := 0, map[string]*row{}, map[string]*row{}
	for i := range found {
		r := &found[i]
		byID[r.ID] = r
		if r.DeletedAt == nil {
			live++
			byExternal[*r.ExternalID] = r
		}
		whole(t, r)
	}
	for _, c := range list {
		for _, wrong := range c.wrong {
			t.Error(wrong)
		}
		c.wrong = nil
		c.compare(t, byID, byExternal)
	}
	total(t, s, d, live)
	intact(t, d)
}

// whole finds customers that are there by half.
func whole(t *testing.T, r *row) {
	t.Helper()
	var metadata map[string]any
	if err := json.Unmarshal(r.Metadata, &metadata); err != nil {
		t.Errorf("%s: metadata %s", r.ID, r.Metadata)
	}
	owners, indexed := 1, len(metadata)
	if r.DeletedAt != nil {
		owners, indexed = 0, 0
	}
	if r.Owners != owners || r.Indexed != indexed {
		t.Errorf("%s: %d members, want %d; %d entries of metadata are indexed, want %d", r.ID, r.Owners, owners, r.Indexed, indexed)
	}
	if r.Created != 1 || r.Entries != r.Last || r.Head != 0 && r.Entries != r.Head {
		t.Errorf("%s: the journal has %d entries, the last is %d, the head %d; created %d times", r.ID, r.Entries, r.Last, r.Head, r.Created)
	}
}

// compare holds each customer against what is known of it, and takes what is
// there for the truth from now on.
func (c *client) compare(t *testing.T, byID, byExternal map[string]*row) {
	t.Helper()
	for _, x := range c.customers {
		r := byID[x.id]
		if x.id == "" { // its creation was not answered
			if r = byExternal[x.external]; r != nil {
				x.id = r.ID
			}
		}
		mismatch := x.state.differs(x, r)
		if mismatch != "" && x.doubt != nil {
			if also := x.doubt.differs(x, r); also != "" {
				fail(t, x, "neither as it was (%s) nor as it was asked for (%s)", mismatch, also)
			}
			x.state, mismatch = *x.doubt, ""
		}
		if mismatch != "" {
			fail(t, x, "%s", mismatch)
		}
		x.doubt = nil
	}
}

// differs says how a row is not as a state has it.
func (s state) differs(x *customer, r *row) string {
	switch {
	case s.version == 0 && r == nil:
		return ""
	case s.version == 0 || r == nil:
		return fmt.Sprintf("version %d, there: %v", s.version, r != nil)
	case s.deleted != (r.DeletedAt != nil):
		return fmt.Sprintf("deleted: %v, in fact %v", s.deleted, r.DeletedAt != nil)
	case s.anonymous:
		if !strings.HasSuffix(*r.Email, "@anonymized.invalid") || *r.Name == name(s.version) {
			return "not anonymised: " + *r.Email
		}
		return ""
	case *r.Email != x.email || *r.Name != name(s.version):
		return fmt.Sprintf("is %s, %s; want version %d", *r.Email, *r.Name, s.version)
	}
	var metadata struct{ Version int }
	if err := json.Unmarshal(r.Metadata, &metadata); err != nil || metadata.Version != s.version {
		return fmt.Sprintf("metadata %s, want version %d", r.Metadata, s.version)
	}
	return ""
}

func total(t *testing.T, s *server, d *db.DB, live int) {
	t.Helper()
	kept, err := db.One[int64](t.Context(), d, `SELECT CAST(COALESCE(SUM(live), 0) AS bigint) FROM customer_totals`)
	if err != nil || int(kept) != live {
		t.Errorf("the total is %d, %v; there are %d", kept, err, live)
	}
	for _, query := range []string{"", "query=client-&", "query=example.com&", "query=me&"} { // kept, by index, and counted
		status, answer, err := s.do(t.Context(), "GET", "/v1/customers/?"+query+"limit=1", nil)
		var list struct {
			Pagination struct {
				Total int `json:"total_count"`
			}
		}
		if err == nil {
			err = json.Unmarshal(answer, &list)
		}
		if status != 200 || err != nil || list.Pagination.Total != live {
			t.Errorf("%s finds %d (%d, %v); there are %d", query, list.Pagination.Total, status, err, live)
		}
	}
}

// intact lets SQLite look at its own files, and at the search index.
func intact(t *testing.T, d *db.DB) {
	t.Helper()
	if d.Engine() != "sqlite" {
		return
	}
	for _, check := range []string{`PRAGMA integrity_check`, `SELECT "table" FROM pragma_foreign_key_check`} {
		answers, err := db.All[string](t.Context(), d, check)
		if err != nil || len(answers) > 1 || len(answers) == 1 && answers[0] != "ok" {
			t.Errorf("%s: %v, %v", check, answers, err)
		}
	}
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, `INSERT INTO customer_search (customer_search, rank) VALUES ('integrity-check', 1)`)
		return err
	})
	if err != nil {
		t.Errorf("the search index does not agree with the customers: %v", err)
	}
}
