package product_test

import (
	"context"
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p := add(t, f, monthly(fixed10, `"description":"d","metadata":{"a":1}`)).ID()
		once := add(t, f, body(fixed10)).ID()
		do := func(name, id, body string, status int, want any) {
			t.Helper()
			events := []string{"product.updated"}
			if status != 200 {
				events = []string{}
			}
			f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/products/" + id, As: f.AllToken, Body: body, Status: status, Want: want, Events: events})
		}
		interval := refused(problem("value_error", `["body","recurring_interval"]`, "Recurring interval cannot be changed."))
		do("nothing", p, `{}`, 200, `{"modified_at":null,"name":"Gold plan"}`)
		do("everything plain", p, `{"name":" Silver ","description":"","visibility":"private","metadata":{"b":"x"}}`, 200,
			`{"name":"Silver","description":null,"visibility":"private","metadata":{"b":"x"},"prices":[{"price_amount":1000}]}`)
		do("null name", p, `{"name":null}`, 422, invalid(problem("string_type", `["body","name"]`, "Input should be a valid string")))
		do("null visibility", p, `{"visibility":null}`, 422, invalid(problem("enum", `["body","visibility"]`, "Input should be 'draft', 'private' or 'public'")))
		do("null archived", p, `{"is_archived":null}`, 422, invalid(problem("bool_type", `["body","is_archived"]`, "Input should be a valid boolean")))
		do("null metadata", p, `{"metadata":null}`, 422, `{"error":"RequestValidationError"}`)
		do("null lists", p, `{"prices":null,"medias":null,"attached_custom_fields":null,"description":null}`, 200, `{"prices":[{"price_amount":1000}]}`)
		do("empty lists", p, `{"medias":[],"attached_custom_fields":[]}`, 200, nil)
		do("81 unknown ones", p, `{"medias":["`+unknownID+`"],"attached_custom_fields":[{"custom_field_id":"`+unknownID+`","required":true}]}`, 422,
			refused(problem("value_error", `["body","medias",0]`, "File does not exist or is not yet uploaded."),
				problem("value_error", `["body","attached_custom_fields",0]`, "Custom field does not exist.")))
		do("what is not accepted is ignored", p, `{"meter_interval":"day","organization_id":"`+unknownID+`"}`, 200, `{"meter_interval":null,"organization_id":"`+string(f.Org.ID)+`"}`)
		do("86 another interval", p, `{"recurring_interval":"year"}`, 422, interval)
		do("86 the same interval without its count", p, `{"recurring_interval":"month"}`, 422, interval)
		do("86 the same interval, another count", p, `{"recurring_interval":"month","recurring_interval_count":2}`, 422, interval)
		do("86 another count alone", p, `{"recurring_interval_count":2}`, 422, interval)
		do("86 no interval", p, `{"recurring_interval":null}`, 422, interval)
		do("86 the same", p, `{"recurring_interval":"month","recurring_interval_count":1}`, 200, `{"recurring_interval":"month","recurring_interval_count":1}`)
		do("86 the same count", p, `{"recurring_interval_count":1}`, 200, nil)
		do("86 an interval for what is bought once", once, `{"recurring_interval":"month","recurring_interval_count":1}`, 422, interval)
		do("86 none for what is bought once", once, `{"recurring_interval":null}`, 200, nil)
		do("87 a trial for what is bought once", once, `{"trial_interval":"day","trial_interval_count":7}`, 422, refused(
			problem("value_error", `["body","trial_interval"]`, "Trial configuration is only supported on recurring products."),
			problem("value_error", `["body","trial_interval_count"]`, "Trial configuration is only supported on recurring products.")))
		do("trial", p, `{"trial_interval":"day","trial_interval_count":7}`, 200, `{"trial_interval":"day","trial_interval_count":7}`)
		do("half a trial", p, `{"trial_interval_count":7}`, 422, invalid(problem("missing", `["body"]`, "Both trial_interval and trial_interval_count must be set together.")))
		do("the trial stays", p, `{"name":"Gold"}`, 200, `{"trial_interval":"day","trial_interval_count":7}`)
		do("no trial", p, `{"trial_interval":null,"trial_interval_count":null}`, 200, `{"trial_interval":null,"trial_interval_count":null}`)
		do("88 archived", p, `{"is_archived":true}`, 200, `{"is_archived":true,"prices":[{"is_archived":false}]}`)
		f.Run(floetest.Scenario{Name: "88 still there", Do: "GET /v1/products/" + p, As: f.AllToken, Status: 200, Want: `{"is_archived":true}`})
		do("88 and back", p, `{"is_archived":false}`, 200, `{"is_archived":false}`)
	})
}

func TestUpdatePrices(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		r := add(t, f, monthly(fixed10))
		p, old := r.ID(), r.Text("prices.0.id")
		priceText := r.Body[strings.Index(r.Body, `"prices":[`)+len(`"prices":[`):]
		priceText = priceText[:strings.Index(priceText, "]")]
		meter := string(f.Meter(f.Org, "calls"))
		other := add(t, f, monthly(fixed10)).Text("prices.0.id")
		do := func(name, prices string, status int, want any) *floetest.Response {
			t.Helper()
			return f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/products/" + p, As: f.AllToken, Body: `{"prices":[` + prices + `]}`, Status: status, Want: want})
		}
		missing := func(i string) string {
			return problem("value_error", `["body","prices",`+i+`]`, "Price does not exist.")
		}
		none := problem("too_short", `["body","prices"]`, "At least one price is required.")
		home := problem("value_error", `["body","prices"]`, "The organization's default presentment currency must be present in the prices.")
		do("85 sent back as it is", strings.Replace(priceText, `"price_amount":1000`, `"price_amount":7`, 1), 200, `{"prices":[`+priceText+`]}`)
		r = do("85 another one", `{"amount_type":"fixed","price_amount":2000},{"amount_type":"metered_unit","unit_amount":1,"meter_id":"`+meter+`"}`, 200,
			`{"prices":[{"amount_type":"fixed","price_amount":2000},{"amount_type":"metered_unit"}]}`)
		if r.Text("prices.0.id") == old {
			t.Error("a new price has the id of the old one")
		}
		now := `{"id":"` + r.Text("prices.0.id") + `"}`
		archived, err := db.One[bool](t.Context(), f.DB, `SELECT is_archived FROM product_prices WHERE organization_id = ? AND id = ?`, f.Org.ID, old)
		if err != nil || !archived {
			t.Errorf("the old price is archived: %v %v", archived, err)
		}
		do("the archived one cannot come back", now+`,{"id":"`+old+`"}`, 422, refused(missing("1")))
		do("nor can another product's", now+`,{"id":"`+other+`"}`, 422, refused(missing("1")))
		do("only unknown ones", `{"id":"`+unknownID+`"}`, 422, refused(missing("0"), none, home))
		do("none", ``, 422, refused(none, home))
		do("no uuid, but a new price", `{"id":"new","amount_type":"custom"}`, 200, `{"prices":[{"amount_type":"custom"}]}`)
		f.Run(floetest.Scenario{Name: "neither", Do: "PATCH /v1/products/" + p, As: f.AllToken, Body: `{"prices":[{"amount_type":"fixed"}]}`, Status: 422, Want: invalid(
			problem("missing", `["body","prices",0,"ExistingProductPrice","id"]`, "Field required"),
			problem("missing", `["body","prices",0,"tagged-union[ProductPriceFixedCreate,ProductPriceCustomCreate,ProductPriceSeatBasedCreate,ProductPriceMeteredUnitCreate]","fixed","price_amount"]`,
				"Field required"))})
		r = f.Do("GET", "/v1/products/"+p, f.AllToken, nil)
		f.Run(floetest.Scenario{Name: "a refused change changes nothing", Do: "PATCH /v1/products/" + p, As: f.AllToken, Status: 422, Events: []string{},
			Body: `{"name":"Other name","prices":[` + fixed10 + `],"medias":["` + unknownID + `"]}`})
		if got := f.Do("GET", "/v1/products/"+p, f.AllToken, nil); got.Body != r.Body {
			t.Errorf("it was\n%s\nand is\n%s", r.Body, got.Body)
		}
		once := add(t, f, body(fixed10)).ID()
		f.Run(floetest.Scenario{Name: "metered, bought once", Do: "PATCH /v1/products/" + once, As: f.AllToken, Status: 422,
			Body: `{"prices":[` + fixed10 + `,{"amount_type":"metered_unit","unit_amount":1,"meter_id":"` + meter + `"}]}`,
			Want: refused(problem("value_error", `["body","prices",1]`, "Metered pricing is not supported on one-time products."))})
	})
}

// Subscriptions of old have their interval at the prices, and may get one of
// their own.
func TestLegacy(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p := add(t, f, body(fixed10)).ID()
		err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, `UPDATE product_prices SET legacy_interval = 'year' WHERE organization_id = ? AND product_id = ?`, f.Org.ID, p)
			if err != nil {
				return err
			}
			_, err = db.Exec(t.Context(), tx, `UPDATE products SET is_recurring = TRUE WHERE organization_id = ? AND id = ?`, f.Org.ID, p)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		do := "PATCH /v1/products/" + p
		r := f.Run(floetest.Scenario{Name: "shown", Do: "GET /v1/products/" + p, As: f.AllToken, Status: 200,
			Want: `{"is_recurring":true,"recurring_interval":null,"prices":[{"amount_type":"fixed","type":"recurring","recurring_interval":"year","legacy":true}]}`})
		f.RunAll(
			floetest.Scenario{Name: "a trial is fine", Do: do, As: f.AllToken, Body: `{"trial_interval":"day","trial_interval_count":1}`, Status: 200},
			floetest.Scenario{Name: "an interval, once", Do: do, As: f.AllToken, Body: `{"recurring_interval":"month"}`, Status: 200,
				Want: `{"recurring_interval":"month","recurring_interval_count":1,"prices":[{"legacy":true}]}`},
			floetest.Scenario{Name: "not twice", Do: do, As: f.AllToken, Body: `{"recurring_interval":"year","recurring_interval_count":1}`, Status: 422},
			floetest.Scenario{Name: "the old price stays", Do: do, As: f.AllToken, Body: `{"prices":[{"id":"` + r.Text("prices.0.id") + `"}]}`, Status: 200},
		)
	})
}

func TestBenefits(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		p := add(t, f, monthly(fixed10)).ID()
		a, b, c, locked := f.Benefit(nil).ID(), f.Benefit(nil).ID(), f.Benefit(nil).ID(), f.Benefit(nil).ID()
		foreign := f.Do("POST", "/v1/benefits/", other.Token, `{"type":"custom","description":"Foreign","properties":{"note":null}}`).ID()
		deleted := f.Benefit(nil).ID()
		f.Do("DELETE", "/v1/benefits/"+deleted, f.AllToken, nil)
		user := f.User("owner", f.Org, other)
		do := func(name, as string, list []string, status int, want any) {
			t.Helper()
			events := []string{"product.updated"}
			if status != 200 {
				events = []string{}
			}
			f.Run(floetest.Scenario{Name: name, Do: "POST /v1/products/" + p + "/benefits", As: as, Body: map[string]any{"benefits": list}, Status: status, Want: want, Events: events})
		}
		ids := func(list ...string) string {
			var parts []string
			for _, l := range list {
				parts = append(parts, `{"id":"`+l+`"}`)
			}
			return `{"benefits":[` + strings.Join(parts, ",") + `]}`
		}
		wrong := func(msg string, loc string) string {
			return refused(problem("value_error", `["body","benefits"`+loc+`]`, msg))
		}
		selectable := func(on bool) {
			t.Helper()
			err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := db.Exec(t.Context(), tx, `UPDATE benefits SET selectable = ? WHERE organization_id = ? AND id = ?`, on, f.Org.ID, locked)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		do("89 attach", f.AllToken, []string{a, b}, 200, ids(a, b))
		do("89 replace", f.AllToken, []string{b, c}, 200, ids(b, c))
		do("89 reorder", f.AllToken, []string{c, b}, 200, ids(c, b))
		do("the same", f.AllToken, []string{c, b}, 200, ids(c, b))
		do("twice counts once", f.AllToken, []string{a, c, a}, 200, ids(a, c))
		do("unknown", f.AllToken, []string{a, unknownID, foreign}, 422, wrong("Benefit does not exist.", `,1`))
		do("deleted", f.AllToken, []string{deleted}, 422, wrong("Benefit does not exist.", `,0`))
		do("foreign, not visible", f.AllToken, []string{foreign}, 422, wrong("Benefit does not exist.", `,0`))
		do("foreign, visible", user, []string{a, foreign}, 422, wrong("Benefit must be on the same organization as the product.", `,1`))
		selectable(false)
		do("90 not selectable", f.AllToken, []string{a, locked}, 422, wrong("Benefit is not selectable.", `,1`))
		selectable(true)
		do("90 attached while it was", f.AllToken, []string{a, locked}, 200, ids(a, locked))
		selectable(false)
		do("90 kept in place", f.AllToken, []string{locked, c}, 200, ids(locked, c))
		do("90 not removable", f.AllToken, []string{c}, 422, wrong("Benefit is not selectable.", ``))
		f.Do("DELETE", "/v1/benefits/"+c, f.AllToken, nil)
		f.Run(floetest.Scenario{Name: "a deleted benefit is off the product", Do: "GET /v1/products/" + p, As: f.AllToken, Status: 200, Want: ids(locked)})
	})
}

// resyncs counts how often grants were looked at.
type resyncs struct{ n int }

func (r *resyncs) Resync(context.Context, *db.Tx, auth.Subject, id.ID, id.ID) error {
	r.n++
	return nil
}

func (*resyncs) LockOwners(context.Context, *db.Tx, id.ID, id.ID, *benefit.Holders) error { return nil }

// 89: grants are looked at when something was added or removed, and then only.
func TestResync(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	p := f.Product(nil).ID()
	a, b := f.Benefit(nil).ID(), f.Benefit(nil).ID()
	count := &resyncs{}
	f.Server.Products.Grants = count
	for _, c := range []struct {
		benefits string
		want     int
	}{
		{`"` + a + `"`, 1}, {`"` + a + `","` + b + `"`, 2}, {`"` + b + `","` + a + `"`, 2}, {`"` + b + `","` + a + `","` + b + `"`, 2}, {`"` + b + `"`, 3}, {``, 4}, {``, 4},
	} {
		f.Run(floetest.Scenario{Do: "POST /v1/products/" + p + "/benefits", As: f.AllToken, Body: `{"benefits":[` + c.benefits + `]}`, Status: 200})
		if count.n != c.want {
			t.Errorf("after %s: %d times, want %d", c.benefits, count.n, c.want)
		}
	}
}
