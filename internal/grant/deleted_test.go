package grant_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/grant"
	"floe/internal/id"
)

func TestBenefitDeleted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c, a, b := f.Customer(nil).ID(), subscription(), subscription()
		m, x := f.credit(4), f.Benefit(nil).ID()
		f.sync(c, a, true, []string{m, x}, created, created)
		f.sync(c, b, true, []string{m}, created)
		f.Run(floetest.Scenario{Name: "51", Do: "DELETE /v1/benefits/" + m, As: f.AllToken, Status: 204, Events: []string{"benefit.updated", revoked, revoked}})
		for _, p := range f.stored(m) {
			if !strings.Contains(p, `"last_credited_units":-4,`) {
				t.Errorf("51 taken back whatever else there is: %s", p)
			}
		}
		if r := f.one(x); !r.IsGranted {
			t.Errorf("51 other benefits stay: %+v", r)
		}
		f.RunAll(
			floetest.Scenario{Name: "65 still listed", Do: "GET /v1/benefit-grants/?customer_id=" + c, As: f.AllToken, Status: 200,
				Want: fields{"items": []any{
					fields{"is_revoked": true, "benefit": fields{"id": m, "is_deleted": true}},
					fields{"is_granted": true},
					fields{"is_revoked": true, "benefit": fields{"id": m, "is_deleted": true}},
				}}},
			floetest.Scenario{Name: "its own list is gone", Do: "GET /v1/benefits/" + m + "/grants", As: f.AllToken, Status: 404, Want: notFound},
		)
		f.sync(c, a, true, []string{m, x}) // what is deleted is not given
	})
}

func TestCustomerDeleted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c := f.Customer(fields{"external_id": "ext"}).ID()
		k, m := f.Benefit(fields{"type": "license_keys"}).ID(), f.credit(2)
		src := subscription()
		f.sync(c, src, true, []string{k, m}, created, created)
		f.sync(c, order(), true, []string{k}, created)
		f.Run(floetest.Scenario{Name: "customers 96 state", Do: "GET /v1/customers/" + c + "/state", As: f.AllToken, Status: 200,
			Want: fields{"granted_benefits": []any{
				fields{"benefit_id": k, "benefit_type": "license_keys", "benefit_metadata": fields{}},
				fields{"benefit_id": m, "properties": fields{}},
				fields{"benefit_id": k},
			}}})
		f.RunAll(
			floetest.Scenario{Name: "66 by external id", Do: "GET /v1/benefit-grants/?external_customer_id=ext", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":3,"max_page":1}}`},
			floetest.Scenario{Name: "58, customers 83 delete", Do: "DELETE /v1/customers/" + c + "?anonymize=true", As: f.AllToken, Status: 204,
				Events: []string{"member.deleted", revoked, revoked, revoked, "customer.deleted"}},
			floetest.Scenario{Name: "no longer by external id", Do: "GET /v1/benefit-grants/?external_customer_id=ext", As: f.AllToken, Status: 200, Want: `{"items":[]}`},
			floetest.Scenario{Name: "still by id", Do: "GET /v1/benefit-grants/?customer_id=" + c + "&is_granted=false", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":3,"max_page":1}}`},
			floetest.Scenario{Name: "keys are revoked", Do: "GET /v1/license-keys/?status=revoked", As: f.AllToken, Status: 200,
				Want: fields{"items": []any{fields{"customer_id": c}, fields{"customer_id": c}}}},
		)
		err := f.task(grant.Task{Source: src, Benefits: ids([]string{k}), Entitled: true}, c)
		if !errors.Is(err, grant.ErrDeletedCustomer) {
			t.Errorf("58 %v", err)
		}
		f.sync(c, src, false, []string{k}) // nothing left, and no refusal
	})
}

// The license keys of somebody who was erased stay revoked, also one that was
// given back while nothing granted it: what devices are called could not be
// erased again.
func TestKeysOfErased(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		devices := fields{"activations": fields{"limit": 5, "enable_customer_admin": true}}
		k, _, c := f.key(devices, order())
		back, gone, _ := f.key(devices, order())
		f.Run(floetest.Scenario{Do: "DELETE /v1/benefits/" + gone, As: f.AllToken, Status: 204})
		f.Run(floetest.Scenario{Do: "PATCH " + keys + back.ID(), As: f.AllToken, Body: `{"status":"granted"}`, Status: 200, Want: `{"status":"granted"}`})
		for _, who := range []string{c, back.Text("customer_id")} {
			f.Run(floetest.Scenario{Do: "DELETE /v1/customers/" + who + "?anonymize=true", As: f.AllToken, Status: 204})
		}
		for _, key := range []*floetest.Response{k, back} {
			for _, status := range []string{"granted", "disabled"} {
				f.Run(floetest.Scenario{Name: status, Do: "PATCH " + keys + key.ID(), As: f.AllToken, Body: fields{"status": status}, Status: 422,
					Want: fields{"detail": []any{fields{"loc": []any{"body", "status"}, "msg": "The customer was anonymised; their license keys stay revoked."}}}})
			}
			f.RunAll(
				floetest.Scenario{Name: "the rest can be changed", Do: "PATCH " + keys + key.ID(), As: f.AllToken, Body: `{"status":"revoked","usage":3}`, Status: 200,
					Want: `{"status":"revoked","usage":3}`},
				floetest.Scenario{Name: "not activated", Do: "POST " + keys + "activate", As: f.AllToken, Body: f.ask(key, "label", "x"), Status: 403},
			)
		}
		f.Sound("customers.")
	})
}

// Taking everything from a customer with a thousand grants takes a bounded
// number of statements.
func TestRevokeAllInBulk(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		const n = 1000
		c := f.Customer(nil).ID()
		k, x := f.Benefit(fields{"type": "license_keys"}).ID(), f.Benefit(nil).ID()
		f.write(func(ctx context.Context, tx *db.Tx) error {
			row, err := f.Server.Customers.Lock(ctx, tx, f.Org.ID, id.ID(c))
			if err != nil {
				return err
			}
			tasks := make([]grant.Task, n/2)
			for i := range tasks {
				tasks[i] = grant.Task{Customer: row, Source: subscription(), Benefits: ids([]string{k, x}), Entitled: true}
			}
			return f.Server.Grants.SyncAll(ctx, tx, system, f.Org.ID, tasks)
		})
		before, seq := f.DB.Stats().Queries, f.LastSeq()
		f.write(func(ctx context.Context, tx *db.Tx) error {
			return f.Server.Grants.RevokeAll(ctx, tx, system, f.Org.ID, id.ID(c))
		})
		statements := f.DB.Stats().Queries - before
		if events := f.EventsSince(seq); len(events) != n {
			t.Errorf("%d events, want %d", len(events), n)
		}
		// A few for the grants and keys, one for 256 entries of the journal.
		if most := int64(20); statements > most {
			t.Errorf("%d statements, want at most %d", statements, most)
		}
		f.Run(floetest.Scenario{Do: "GET /v1/benefit-grants/?is_granted=true", As: f.AllToken, Status: 200, Want: `{"items":[]}`})
		f.Run(floetest.Scenario{Do: "GET /v1/license-keys/?status=granted", As: f.AllToken, Status: 200, Want: `{"items":[]}`})
	})
}
