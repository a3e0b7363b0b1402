package grant_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/grant"
	"floe/internal/id"
)

func TestBenefitChanged(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		b := f.Benefit(fields{"type": "license_keys", "properties": fields{"limit_usage": 5}}).ID()
		other := f.Benefit(fields{"type": "license_keys", "properties": fields{}}).ID()
		customers := []string{f.Customer(nil).ID(), f.Customer(nil).ID(), f.Customer(nil).ID()}
		sources := []grant.Source{subscription(), order(), subscription()}
		for i, c := range customers {
			f.sync(c, sources[i], true, []string{b, other}, created, created)
		}
		f.sync(customers[2], sources[2], false, nil, revoked, revoked)
		patch := func(name, properties string, want ...string) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/benefits/" + b, As: f.AllToken, Status: 200,
				Body: `{"type":"license_keys","properties":` + properties + `}`, Events: append([]string{"benefit.updated"}, want...)})
		}
		patch("47 only the prefix", `{"limit_usage":5,"prefix":"X"}`)
		patch("47 48 the limit", `{"limit_usage":7,"prefix":"X"}`, updated, updated)
		patch("47 the same again", `{"limit_usage":7,"prefix":"X"}`)
		patch("expiry", `{"limit_usage":7,"expires":{"ttl":1,"timeframe":"month"}}`, updated, updated)
		var keys struct {
			Items []struct {
				LimitUsage *int    `json:"limit_usage"`
				ExpiresAt  *string `json:"expires_at"`
				Status     string
			}
		}
		if err := json.Unmarshal([]byte(f.Do("GET", "/v1/license-keys/?benefit_id="+b, f.AllToken, nil).Body), &keys); err != nil {
			t.Fatal(err)
		}
		if k := keys.Items; *k[0].LimitUsage != 7 || k[0].ExpiresAt != nil || *k[1].LimitUsage != 7 || k[1].ExpiresAt == nil || *k[2].LimitUsage != 5 || k[2].Status != "revoked" {
			t.Errorf("the keys: %+v", k)
		}
		custom := f.Benefit(nil).ID()
		f.sync(customers[0], sources[0], true, []string{b, other, custom}, created)
		f.Run(floetest.Scenario{Name: "47 never for notes", Do: "PATCH /v1/benefits/" + custom, As: f.AllToken, Status: 200,
			Body: `{"type":"custom","properties":{"note":"new"}}`, Events: []string{"benefit.updated"}})
	})
}

func TestCycle(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c, src := f.Customer(nil).ID(), subscription()
		x, y, m := f.Benefit(nil).ID(), f.Benefit(fields{"type": "license_keys"}).ID(), f.credit(3)
		f.sync(c, src, true, []string{x, y, m}, created, created, created)
		f.sync(c, src, true, []string{y, m}, revoked)
		before, credit := f.one(y), f.stored(m)[0]
		f.events(func(ctx context.Context, tx *db.Tx) error {
			return f.Server.Grants.Cycle(ctx, tx, system, f.Org.ID, src.SubscriptionID)
		}, cycled, cycled) // 50
		after := f.one(y)
		if *after.GrantedAt != *before.GrantedAt || after.Properties["display_key"] != before.Properties["display_key"] {
			t.Errorf("49 %+v, before %+v", after, before)
		}
		if p := f.stored(m)[0]; p == credit || !strings.Contains(p, `"last_credited_units":3,`) {
			t.Errorf("49 the credit: %s, before %s", p, credit)
		}
		if r := f.one(x); !r.IsRevoked {
			t.Errorf("48 %+v", r)
		}
		f.events(func(ctx context.Context, tx *db.Tx) error {
			return f.Server.Grants.Cycle(ctx, tx, system, f.Org.ID, id.New())
		})
	})
}

// holders is who holds a product in a test.
type holders struct{ list []grant.SourceState }

func (h *holders) OfProduct(context.Context, *db.Tx, id.ID, id.ID) ([]grant.SourceState, error) {
	return h.list, nil
}

func (h *holders) OfCustomer(context.Context, *db.Tx, id.ID, id.ID) ([]grant.SourceState, error) {
	return h.list, nil
}

func TestResync(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		h := &holders{}
		f.Server.Grants.Sources = h
		active, ended, gone := f.Customer(nil).ID(), f.Customer(nil).ID(), f.Customer(nil).ID()
		p := f.Product(nil).ID()
		x, y, z := f.Benefit(nil).ID(), f.Benefit(nil).ID(), f.Benefit(nil).ID()
		h.list = []grant.SourceState{
			{Source: subscription(), Customer: id.ID(active), Entitled: true},
			{Source: order(), Customer: id.ID(active), Entitled: true},
			{Source: subscription(), Customer: id.ID(ended)},
			{Source: order(), Customer: id.ID(gone), Entitled: true},
		}
		f.Run(floetest.Scenario{Do: "DELETE /v1/customers/" + gone, As: f.AllToken, Status: 204})
		attach := func(name string, list []string, want ...string) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "POST /v1/products/" + p + "/benefits", As: f.AllToken, Body: fields{"benefits": list}, Status: 200, Events: want})
		}
		attach("61 62 attach", []string{x, y}, "product.updated", created, created, created, created)
		attach("61 reorder", []string{y, x}, "product.updated")
		attach("61 detach and attach", []string{z, x}, "product.updated", revoked, revoked, created, created)
		if n := len(f.grants(z)); n != 2 {
			t.Errorf("62 %d grants, want two", n)
		}
	})
}
