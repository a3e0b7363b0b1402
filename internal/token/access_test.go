package token_test

import (
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/token"
)

// TestAccess: cases 14 to 19 and 23 of the checklist of organizations.
func TestAccess(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const customers, orders = "GET /v1/customers/", "GET /v1/orders/"
		const invalid, insufficient = `{"error": "invalid_token"}`, `{"error": "insufficient_scope"}`
		c := f.Customer(nil).ID()
		short := f.NewToken(token.Request{OrganizationID: f.Org.ID, ExpiresIn: time.Hour})
		gone := f.Token()
		finance := f.User(auth.Finance)
		session := f.Do("POST", "/v1/customer-sessions/", f.AllToken, map[string]any{"customer_id": c}).Text("token")
		f.RunAll(
			floetest.Scenario{Name: "14 before it expires", Do: customers, As: short, Status: 200},
			floetest.Scenario{Name: "15 other scopes", Do: customers, As: f.Token(auth.OrdersRead, auth.OrganizationsRead), Status: 403, Want: insufficient},
			floetest.Scenario{Name: "16 writing is reading", Do: customers, As: f.Token(auth.CustomersWrite), Status: 200, Want: map[string]any{"items": []any{map[string]any{"id": c}}}},
			floetest.Scenario{Name: "17 and not of orders", Do: orders, As: f.Token(auth.OrdersWrite), Status: 403, Want: insufficient},
			floetest.Scenario{Name: "18 finance lists", Do: customers, As: finance, Status: 200, Want: map[string]any{"items": []any{map[string]any{"id": c}}}},
			floetest.Scenario{Name: "18 finance patches", Do: "PATCH /v1/customers/" + c, As: finance, Body: `{}`, Status: 403,
				Want: `{"error": "NotPermitted", "detail": "You don't have permission to manage customers"}`, Events: []string{}},
			floetest.Scenario{Name: "19 a customer's session", Do: customers, As: session, Status: 401, Want: `{"error": "Unauthorized"}`},
			floetest.Scenario{Name: "23 before it is deleted", Do: customers, As: gone, Status: 200},
		)
		f.Clock.Advance(time.Hour)
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := f.Server.Tokens.Revoke(t.Context(), tx, system, gone)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		f.RunAll(
			floetest.Scenario{Name: "14 expired", Do: customers, As: short, Status: 401, Want: invalid},
			floetest.Scenario{Name: "23 deleted", Do: customers, As: gone, Status: 401, Want: invalid},
		)
	})
}
