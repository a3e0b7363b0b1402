package floetest_test

import (
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
)

func TestInstance(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		r := f.Run(floetest.Scenario{
			Name: "create", Do: "POST /v1/customers/", As: f.AllToken,
			Body:   map[string]any{"email": "Jane@Example.com", "name": "Jane"},
			Status: 201, Want: map[string]any{"name": "Jane", "id": floetest.Any, "organization_id": f.Org.ID},
			Events: []string{"member.created", "customer.created"},
		})
		f.RunAll(
			floetest.Scenario{
				Name: "get", Do: "GET /v1/customers/" + r.ID(), As: f.User(auth.Plain), Status: 200,
				Want: `{"email": "Jane@example.com"}`, Events: []string{},
			},
			floetest.Scenario{
				Name: "list", Do: "GET /v1/customers", As: f.Token(auth.CustomersRead), Status: 200,
				Want: `{"items": [{"name": "Jane"}], "pagination": {"total_count": 1, "max_page": 1}}`,
			},
			floetest.Scenario{
				Name: "foreign", Do: "GET /v1/customers/" + r.ID(), As: f.Organization("Other").Token, Status: 404,
				Want: `{"error": "ResourceNotFound"}`,
			},
			floetest.Scenario{Name: "scope", Do: "POST /v1/customers/", As: f.Token(auth.CustomersRead), Body: "{}", Status: 403},
			floetest.Scenario{Name: "nobody", Do: "GET /v1/customers/", Status: 401},
		)
	})
}

// TestTenantTables: every table whose rows name an organization is under the
// rule, or there is a reason why not.
func TestTenantTables(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	tables, err := db.All[string](t.Context(), f.DB, `SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND c.name = 'organization_id'`)
	if err != nil || len(tables) < 40 {
		t.Fatalf("%d tables: %v", len(tables), err)
	}
	for _, table := range tables {
		if floetest.TenantTable(table) == (floetest.Shared[table] != "") {
			t.Errorf("%s must be under the rule of tenants, or shared for a reason", table)
		}
	}
}

func TestTenanted(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]bool{
		"SELECT id FROM customers WHERE id = ?":                                     false,
		"SELECT id FROM customers":                                                  false,
		"SELECT organization_id FROM customers WHERE id = ?":                        false,
		"SELECT id FROM customers WHERE FALSE":                                      true,
		"SELECT id FROM customers c WHERE c.organization_id = ?":                    true,
		"SELECT o.id FROM organizations o JOIN members m ON m.x = o.x WHERE o.y= ?": false,
		"SELECT id FROM organizations WHERE id = ?":                                 true,
		"INSERT INTO members (id, organization_id) VALUES (?, ?)":                   true,
		"INSERT INTO members (id) VALUES (?)":                                       false,
		"UPDATE members SET name = ? WHERE id = ?":                                  false,
		"DELETE FROM customer_sessions WHERE expires_at < ?":                        true,
		"DELETE FROM customer_sessions WHERE id = ?":                                false,
		"UPDATE webhook_targets SET failures = 0 WHERE id = ?":                      false,
		"SELECT lane FROM webhook_lanes WHERE target_id = ?":                        false,
		"UPDATE webhook_lanes SET due_at = ? WHERE target_id = ?":                   false,
		"DELETE FROM webhook_queue WHERE event_id = ?":                              false,
		"SELECT status FROM webhook_replays WHERE id = ?":                           false,
		"SELECT now FROM test_clocks":                                               false,
		"SELECT s.id FROM customer_sessions s WHERE s.hash = ? AND s.expires_at>?":  true,
	} {
		if got := floetest.Tenanted(sql); got != want {
			t.Errorf("%v for %s", got, sql)
		}
	}
}
