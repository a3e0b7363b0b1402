package discount_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/discount"
	"floe/internal/floetest"
	"floe/internal/id"
)

const (
	create    = "POST /v1/discounts/"
	notFound  = `{"error":"ResourceNotFound","detail":"Not found"}`
	unknownID = "00000000-0000-4000-8000-000000000000"
)

// invalid is a 422 of the schema with exactly these entries.
func invalid(entries ...string) string {
	return `{"error":"RequestValidationError","detail":[` + strings.Join(entries, ",") + `]}`
}

// refused is a 422 of a business rule with exactly these entries.
func refused(entries ...string) string {
	return `{"error":"PolarRequestValidationError","detail":[` + strings.Join(entries, ",") + `]}`
}

// problem is an entry of a 422, without its input.
func problem(typ, loc, msg string) string {
	m, err := json.Marshal(msg)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"type":%q,"loc":%s,"msg":%s}`, typ, loc, m)
}

func percent(fields string) string {
	return `{"type":"percentage","name":"Off","basis_points":2550,"duration":"forever"` + fields + `}`
}

func fixed(fields string) string {
	return `{"type":"fixed","name":"Off","duration":"once"` + fields + `}`
}

func TestCreate(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p := f.Product(map[string]any{"metadata": map[string]any{"k": "v"}})
		foreign := f.Do("POST", "/v1/products/", f.Organization("Other").Token, `{"name":"Foreign","prices":[{"amount_type":"fixed","price_amount":0}]}`).ID()
		do := func(name, body string, status int, want any) {
			t.Helper()
			events := []string{"discount.created"}
			if status != 201 {
				events = []string{}
			}
			r := f.Run(floetest.Scenario{Name: name, Do: create, As: f.AllToken, Body: body, Status: status, Want: want, Events: events})
			if status == 201 && r.Status == 201 {
				if got := f.Do("GET", "/v1/discounts/"+r.ID(), f.AllToken, nil); got.Body != r.Body {
					t.Errorf("%s: read back:\n%s\ncreated:\n%s", name, got.Body, r.Body)
				}
			}
		}
		lacks := func(name, body string, keys ...string) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: create, As: f.AllToken, Body: body, Status: 201, Check: func(t testing.TB, r *floetest.Response) {
				for _, k := range keys {
					if strings.Contains(r.Body, `"`+k+`":`) {
						t.Errorf("it has %s: %s", k, r.Body)
					}
				}
			}})
		}
		wrong := func(variant, msg string) string {
			return invalid(problem("value_error", `["body","`+variant+`"]`, "Value error, "+msg))
		}
		do("percentage", percent(``), 201, `{"name":"Off","type":"percentage","duration":"forever","basis_points":2550,"code":null,"starts_at":null,"ends_at":null,
			"max_redemptions":null,"max_redemptions_per_customer":null,"redemptions_count":0,"metadata":{},"products":[],"modified_at":null,"organization_id":"`+string(f.Org.ID)+`"}`)
		lacks("what percentages lack", percent(``), "amount", "currency", "amounts", "duration_in_months")
		lacks("what amounts lack", fixed(`,"amount":100`), "basis_points", "duration_in_months")
		do("amount", fixed(`,"amount":100`), 201, `{"type":"fixed","amount":100,"currency":"usd","amounts":{"usd":100}}`)
		do("amount in euros", fixed(`,"amount":0,"currency":"eur"`), 201, `{"amount":0,"currency":"eur","amounts":{"eur":0}}`)
		do("amounts", fixed(`,"amounts":{"eur":900,"usd":1000}`), 201, `{"amount":1000,"currency":"usd","amounts":{"usd":1000,"eur":900}}`)
		do("amounts without the default currency", fixed(`,"amounts":{"jpy":90,"eur":900}`), 201, `{"amount":90,"currency":"jpy"}`)
		do("repeating", percent(`,"duration":"repeating","duration_in_months":3`), 201, `{"duration":"repeating","duration_in_months":3}`)
		do("repeating amount", fixed(`,"duration":"repeating","duration_in_months":999,"amount":5`), 201, `{"duration":"repeating","duration_in_months":999}`)
		do("all else", percent(`,"code":" Summer25 ","starts_at":"2026-05-01T00:00:00Z","ends_at":"2026-06-01T00:00:00+02:00","max_redemptions":5,"max_redemptions_per_customer":1,"metadata":{"a":true}`), 201,
			`{"code":"Summer25","starts_at":"2026-05-01T00:00:00Z","ends_at":"2026-05-31T22:00:00Z","max_redemptions":5,"max_redemptions_per_customer":1,"metadata":{"a":true}}`)
		do("products", percent(`,"products":["`+p.ID()+`","`+p.ID()+`"]`), 201, `{"products":[{"id":"`+p.ID()+`","metadata":{"k":"v"},"is_recurring":true,"recurring_interval":"month"}]}`)
		do("no products", percent(`,"products":null`), 201, `{"products":[]}`)
		do("empty products", percent(`,"products":[]`), 201, `{"products":[]}`)
		do("unknown products", percent(`,"products":["`+p.ID()+`","`+unknownID+`","`+foreign+`"]`), 422, refused(problem("value_error", `["body","products",1]`, "Product not found.")))
		do("a foreign product", percent(`,"products":["`+foreign+`"]`), 422, refused(problem("value_error", `["body","products",0]`, "Product not found.")))
		do("blank code", percent(`,"code":"  "`), 201, `{"code":null}`)
		do("code with a dash", percent(`,"code":"a-b"`), 422, invalid(problem("value_error", `["body","percentage","code"]`, "Value error, Code must contain only alphanumeric characters.")))
		do("short code", percent(`,"code":"ab"`), 422, invalid(problem("value_error", `["body","percentage","code"]`, "Value error, Code must be between 3 and 256 characters long.")))
		do("long code", percent(`,"code":"`+strings.Repeat("a", 257)+`"`), 422, invalid(problem("value_error", `["body","percentage","code"]`, "Value error, Code must be between 3 and 256 characters long.")))
		do("code taken", fixed(`,"amount":1,"code":"sUMMER25"`), 422, refused(problem("value_error", `["body","code"]`, "Discount with this code already exists.")))
		do("no type", `{"name":"x"}`, 422, invalid(problem("union_tag_not_found", `["body"]`, "Unable to extract tag using discriminator 'type'")))
		do("unknown type", `{"type":"gift"}`, 422, invalid(problem("union_tag_invalid", `["body"]`,
			"Input tag 'gift' found using 'type' does not match any of the expected tags: 'fixed', 'percentage'")))
		for _, body := range []string{`[]`, `7`, `"fixed"`} {
			do("not an object: "+body, body, 422, invalid(problem("model_attributes_type", `["body"]`, "Input should be a valid dictionary or object to extract fields from")))
		}
		do("nothing else", `{"type":"percentage"}`, 422, invalid(problem("missing", `["body","percentage","name"]`, "Field required"),
			problem("missing", `["body","percentage","duration"]`, "Field required"), problem("missing", `["body","percentage","basis_points"]`, "Field required")))
		do("empty name", percent(`,"name":""`), 422, invalid(problem("string_too_short", `["body","percentage","name"]`, "String should have at least 1 character")))
		do("both amounts", fixed(`,"amount":1,"amounts":{"usd":1}`), 422, wrong("fixed", "Cannot specify both `amount` and `amounts`."))
		do("no amount", fixed(``), 422, wrong("fixed", "Must specify either `amount` or `amounts`."))
		do("no amounts", fixed(`,"amounts":{}`), 422, invalid(problem("too_short", `["body","fixed","amounts"]`, "Dictionary should have at least 1 item after validation, not 0")))
		do("a negative amount", fixed(`,"amount":-1`), 422, invalid(problem("greater_than_equal", `["body","fixed","amount"]`, "Input should be greater than or equal to 0")))
		do("a huge amount", fixed(`,"amounts":{"usd":1000000000000}`), 422,
			invalid(problem("less_than_equal", `["body","fixed","amounts","usd"]`, "Input should be less than or equal to 999999999999")))
		f.Run(floetest.Scenario{Name: "unknown currency", Do: create, As: f.AllToken, Body: fixed(`,"amounts":{"xxx":1}`), Status: 422, Check: func(t testing.TB, r *floetest.Response) {
			if r.Text("detail.0.type") != "enum" {
				t.Error(r.Body)
			}
		}})
		do("no basis points", percent(`,"basis_points":0`), 422, invalid(problem("greater_than_equal", `["body","percentage","basis_points"]`, "Input should be greater than or equal to 1")))
		do("more than all", percent(`,"basis_points":10001`), 422, invalid(problem("less_than_equal", `["body","percentage","basis_points"]`, "Input should be less than or equal to 10000")))
		do("months missing", percent(`,"duration":"repeating"`), 422, wrong("percentage", "`duration_in_months` is required when `duration` is `repeating`."))
		do("months superfluous", percent(`,"duration_in_months":2`), 422, wrong("percentage", "`duration_in_months` must be omitted when `duration` is not `repeating`."))
		do("too many months", percent(`,"duration":"repeating","duration_in_months":1000`), 422,
			invalid(problem("less_than_equal", `["body","percentage","duration_in_months"]`, "Input should be less than or equal to 999")))
		do("dates", fixed(`,"amount":1,"starts_at":"2026-06-01T00:00:00Z","ends_at":"2026-06-01T00:00:00Z"`), 422, wrong("fixed", "starts_at must be before ends_at"))
		do("no redemptions", percent(`,"max_redemptions":0`), 422, invalid(problem("greater_than_equal", `["body","percentage","max_redemptions"]`, "Input should be greater than or equal to 1")))
		do("organization", percent(`,"organization_id":"`+string(f.Org.ID)+`"`), 422,
			refused(problem("organization_token", `["body","organization_id"]`, "Setting organization_id is disallowed when using an organization token.")))
	})
}

func TestAccessAndList(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		foreign := f.Do("POST", "/v1/discounts/", other.Token, percent(`,"code":"SAME"`)).ID()
		ids := map[string]string{}
		for _, d := range []struct{ name, fields string }{
			{"first", `"name":"beta","code":"SAME","ends_at":"2027-01-01T00:00:00Z"`}, {"second", `"name":"Alpha 5%"`}, {"third", `"name":"gamma","code":"ÄHNLICH","ends_at":"2026-12-01T00:00:00Z"`},
		} {
			ids[f.Do("POST", "/v1/discounts/", f.AllToken, `{"type":"percentage","basis_points":1,"duration":"once",`+d.fields+`}`).ID()] = d.name
		}
		var first string
		for i, n := range ids {
			if n == "first" {
				first = i
			}
		}
		finance := f.User(auth.Finance)
		const denied = `{"error":"NotPermitted","detail":"You don't have permission to manage products"}`
		f.RunAll(
			floetest.Scenario{Name: "foreign", Do: "GET /v1/discounts/" + foreign, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "change a foreign one", Do: "PATCH /v1/discounts/" + foreign, As: f.AllToken, Body: `{}`, Status: 404, Want: notFound},
			floetest.Scenario{Name: "delete a foreign one", Do: "DELETE /v1/discounts/" + foreign, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "scope to read", Do: "GET /v1/discounts/", As: f.Token(auth.ProductsRead), Status: 403},
			floetest.Scenario{Name: "scope to write", Do: create, As: f.Token(auth.DiscountsRead), Body: percent(``), Status: 403},
			floetest.Scenario{Name: "read with the scope to write", Do: "GET /v1/discounts/" + first, As: f.Token(auth.DiscountsWrite), Status: 200},
			floetest.Scenario{Name: "role", Do: "PATCH /v1/discounts/" + first, As: finance, Body: `{}`, Status: 403, Want: denied},
			floetest.Scenario{Name: "role to delete", Do: "DELETE /v1/discounts/" + first, As: finance, Status: 403, Want: denied},
			floetest.Scenario{Name: "role to create", Do: create, As: finance, Body: percent(`,"organization_id":"` + string(f.Org.ID) + `"`), Status: 403, Want: denied},
			floetest.Scenario{Name: "both organizations", Do: "GET /v1/discounts/", As: f.User(auth.Plain, f.Org, other), Status: 200, Want: `{"pagination":{"total_count":4}}`},
			floetest.Scenario{Name: "one of them", Do: "GET /v1/discounts/?organization_id=" + string(other.ID), As: f.User(auth.Plain, f.Org, other), Status: 200,
				Want: `{"items":[{"id":"` + foreign + `"}]}`},
			floetest.Scenario{Name: "nobody", Do: "GET /v1/discounts/", Status: 401},
		)
		for _, c := range []struct{ query, want string }{
			{"", "third second first"}, {"sorting=created_at", "first second third"}, {"sorting=name", "second first third"}, {"sorting=-name", "third first second"},
			{"sorting=code", "first third second"}, {"sorting=-code", "second third first"}, {"sorting=ends_at", "third first second"}, {"sorting=-ends_at", "second first third"},
			{"sorting=redemptions_count&sorting=created_at", "first second third"}, {"query=same", "first"}, {"query=ALPHA", "second"}, {"query=%C3%A4hn", "third"},
			{"query=%25", "second"}, {"query=x", ""},
		} {
			f.Run(floetest.Scenario{Name: "list " + c.query, Do: "GET /v1/discounts/?" + c.query, As: f.AllToken, Status: 200, Check: func(t testing.TB, r *floetest.Response) {
				var got []string
				for _, item := range r.Path("items").([]any) {
					got = append(got, ids[item.(map[string]any)["id"].(string)])
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("%v, want %s", got, c.want)
				}
			}})
		}
		f.RunAll(
			floetest.Scenario{Name: "delete", Do: "DELETE /v1/discounts/" + first, As: f.AllToken, Status: 204, Events: []string{"discount.deleted"}},
			floetest.Scenario{Name: "gone", Do: "GET /v1/discounts/" + first, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "twice", Do: "DELETE /v1/discounts/" + first, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "not listed", Do: "GET /v1/discounts/", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":2}}`},
			floetest.Scenario{Name: "its code is free", Do: create, As: f.AllToken, Body: percent(`,"code":"same"`), Status: 201},
		)
		if r, err := discount.Find(t.Context(), f.DB, f.Org.ID, id.ID(first)); err != nil || r.DeletedAt == nil {
			t.Errorf("those who have it still find it: %v", err)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p := f.Product(nil).ID()
		off := f.Discount(map[string]any{"code": "PERCENT", "products": []string{p}}).ID()
		amount := f.Discount(map[string]any{"type": "fixed", "code": "AMOUNT", "duration": "repeating", "duration_in_months": 3, "amounts": map[string]any{"usd": 100, "eur": 90}}).ID()
		do := func(name, id, body string, status int, want any) {
			t.Helper()
			events := []string{"discount.updated"}
			if status != 200 {
				events = []string{}
			}
			f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/discounts/" + id, As: f.AllToken, Body: body, Status: status, Want: want, Events: events})
		}
		wrong := func(field, msg string) string { return problem("value_error", `["body","`+field+`"]`, msg) }
		const redeemed = "This field cannot be changed because the discount has already been redeemed."
		do("nothing", off, `{}`, 200, `{"modified_at":null,"products":[{"id":"`+p+`"}]}`)
		do("plain", off, `{"name":"New","metadata":{"a":1},"max_redemptions":7,"max_redemptions_per_customer":2,"starts_at":"2026-01-01T00:00:00Z"}`, 200,
			`{"name":"New","metadata":{"a":1},"max_redemptions":7,"max_redemptions_per_customer":2,"starts_at":"2026-01-01T00:00:00Z"}`)
		do("cleared", off, `{"max_redemptions":null,"max_redemptions_per_customer":null,"starts_at":null,"code":null}`, 200,
			`{"max_redemptions":null,"max_redemptions_per_customer":null,"starts_at":null,"code":null}`)
		do("null name", off, `{"name":null}`, 422, invalid(problem("string_type", `["body","name"]`, "Input should be a valid string")))
		do("the same duration and type", off, `{"duration":"forever","type":"percentage"}`, 200, nil)
		do("others", off, `{"duration":"once","type":"fixed"}`, 422, refused(wrong("duration", "Duration cannot be changed."), wrong("type", "Type cannot be changed.")))
		do("a taken code", off, `{"code":"amount"}`, 422, refused(wrong("code", "Discount with this code already exists.")))
		do("one's own code", amount, `{"code":"Amount"}`, 200, `{"code":"Amount"}`)
		do("a bad code", amount, `{"code":"no!"}`, 422, invalid(problem("value_error", `["body","code"]`, "Value error, Code must contain only alphanumeric characters.")))
		do("basis points", off, `{"basis_points":5000}`, 200, `{"basis_points":5000}`)
		do("fields of the other type", off, `{"amount":5,"currency":"eur","amounts":null}`, 200, `{"basis_points":5000}`)
		do("the other way round", amount, `{"basis_points":5}`, 200, `{"amounts":{"usd":100,"eur":90}}`)
		do("amounts", amount, `{"amounts":{"usd":200,"jpy":80}}`, 200, `{"amount":200,"currency":"usd","amounts":{"usd":200,"jpy":80}}`)
		do("amount and currency", amount, `{"amount":50,"currency":"eur"}`, 200, `{"amount":50,"currency":"eur","amounts":{"eur":50}}`)
		do("amount alone", amount, `{"amount":0}`, 200, `{"amount":0,"currency":"usd","amounts":{"usd":0}}`)
		do("both", amount, `{"amount":1,"amounts":{"usd":1}}`, 422, invalid(problem("value_error", `["body"]`, "Value error, Cannot specify both `amount` and `amounts`.")))
		do("months", amount, `{"duration_in_months":6}`, 200, `{"duration_in_months":6}`)
		do("no months", amount, `{"duration_in_months":null}`, 422, refused(wrong("duration_in_months", "`duration_in_months` is required when `duration` is `repeating`.")))
		do("months for ever", off, `{"duration_in_months":6}`, 422, refused(wrong("duration_in_months", "`duration_in_months` must be omitted when `duration` is not `repeating`.")))
		do("products stay", off, `{"products":null}`, 200, `{"products":[{"id":"`+p+`"}]}`)
		do("unknown products", off, `{"products":["`+unknownID+`"]}`, 422, refused(problem("value_error", `["body","products",0]`, "Product not found.")))
		do("every product", off, `{"products":[]}`, 200, `{"products":[]}`)
		do("dates", off, `{"starts_at":"2026-06-02T00:00:00Z","ends_at":"2026-06-01T00:00:00Z"}`, 422, invalid(problem("value_error", `["body"]`, "Value error, starts_at must be before ends_at")))

		for _, d := range []string{off, amount} {
			redeem(t, f, d)
		}
		do("redeemed", off, `{"basis_points":1}`, 422, refused(wrong("basis_points", redeemed)))
		do("redeemed, the same", off, `{"basis_points":5000,"name":"Still"}`, 200, `{"name":"Still","redemptions_count":1}`)
		do("redeemed, several", amount, `{"amount":5,"currency":"eur","duration_in_months":7}`, 422,
			refused(wrong("duration_in_months", redeemed), wrong("amount", redeemed), wrong("currency", redeemed)))
		do("redeemed, amounts", amount, `{"amounts":{"usd":1}}`, 422, refused(wrong("amounts", redeemed)))
		do("redeemed, all the same", amount, `{"amounts":{"usd":0},"duration_in_months":6}`, 200, `{"redemptions_count":1}`)
		do("redeemed, the same amount", amount, `{"amount":0,"currency":"usd"}`, 200, nil)
		do("a limit below the count is fine", amount, `{"max_redemptions":1}`, 200, `{"max_redemptions":1,"redemptions_count":1}`)
	})
}

func redeem(t *testing.T, f *floetest.Floe, d string) {
	t.Helper()
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error { return discount.Redeem(t.Context(), tx, f.Org.ID, id.ID(d), id.New()) })
	if err != nil {
		t.Fatal(err)
	}
}

func TestRedeemable(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p, q := id.ID(f.Product(nil).ID()), id.ID(f.Product(nil).ID())
		now := f.Clock.Now()
		at := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339Nano) }
		deleted := f.Discount(nil).ID()
		f.Do("DELETE", "/v1/discounts/"+deleted, f.AllToken, nil)
		foreign := f.Do("POST", "/v1/discounts/", f.Organization("Other").Token, percent(``)).ID()
		used := f.Discount(map[string]any{"max_redemptions": 1}).ID()
		redeem(t, f, used)
		once := f.Discount(map[string]any{"max_redemptions": 2}).ID()
		redeem(t, f, once)
		euros := map[string]any{"type": "fixed", "basis_points": nil, "amounts": map[string]any{"eur": 100}}
		for _, c := range []struct {
			name, discount string
			product        id.ID
			currency       string
			want           bool
		}{
			{"plain", f.Discount(nil).ID(), p, "usd", true},
			{"deleted", deleted, p, "usd", false},
			{"foreign", foreign, p, "usd", false},
			{"unknown", unknownID, p, "usd", false},
			{"its product", f.Discount(map[string]any{"products": []any{q, p}}).ID(), p, "usd", true},
			{"another product", f.Discount(map[string]any{"products": []any{q}}).ID(), p, "usd", false},
			{"its currency", f.Discount(euros).ID(), p, "eur", true},
			{"another currency", f.Discount(euros).ID(), p, "usd", false},
			{"not yet", f.Discount(map[string]any{"starts_at": at(time.Hour)}).ID(), p, "usd", false},
			{"no longer", f.Discount(map[string]any{"ends_at": at(-time.Hour)}).ID(), p, "usd", false},
			{"in between", f.Discount(map[string]any{"starts_at": at(-time.Hour), "ends_at": at(time.Hour)}).ID(), p, "usd", true},
			{"used up", used, p, "usd", false},
			{"not used up", once, p, "usd", true},
		} {
			err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
				r, ok, err := discount.Redeemable(t.Context(), tx, f.Org.ID, id.ID(c.discount), c.product, c.currency)
				if ok != c.want || ok && r.ID != id.ID(c.discount) {
					t.Errorf("%s: %v", c.name, ok)
				}
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
		}
	})
}

// However many want the last use, one gets it.
func TestRedeemRace(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		d, p := id.ID(f.Discount(map[string]any{"max_redemptions": 3}).ID()), id.ID(f.Product(nil).ID())
		var wg sync.WaitGroup
		got := make([]bool, 16)
		for i := range got {
			wg.Go(func() {
				ctx := context.WithoutCancel(t.Context())
				err := f.DB.Write(ctx, func(tx *db.Tx) error {
					_, ok, err := discount.Redeemable(ctx, tx, f.Org.ID, d, p, "usd")
					if got[i] = ok; err != nil || !ok {
						return err
					}
					time.Sleep(50 * time.Millisecond) // in which others look, if they can
					return discount.Redeem(ctx, tx, f.Org.ID, d, id.New())
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		n := 0
		for _, ok := range got {
			if ok {
				n++
			}
		}
		if r, err := discount.Find(t.Context(), f.DB, f.Org.ID, d); err != nil || r.RedemptionsCount != 3 || n != 3 {
			t.Errorf("%d of 16 got it, %d are counted, %v", n, r.RedemptionsCount, err)
		}
	})
}

// However many ask at once for a code, one gets it.
func TestCodeRace(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		var wg sync.WaitGroup
		status := make([]int, 16)
		for i := range status {
			wg.Go(func() { status[i] = f.Do("POST", "/v1/discounts/", f.AllToken, percent(`,"code":"RACE"`)).Status })
		}
		wg.Wait()
		slices.Sort(status)
		if status[0] != 201 || status[1] != 422 || status[15] != 422 {
			t.Errorf("got %v", status)
		}
	})
}

func months(n int) *int { return &n }

func points(n int64) *int64 { return &n }

func TestAmount(t *testing.T) {
	t.Parallel()
	off := func(bp int64) discount.Row { return discount.Row{Type: discount.Percentage, BasisPoints: &bp} }
	fix := func(amounts string) discount.Row {
		return discount.Row{Type: discount.Fixed, Amounts: json.RawMessage(amounts)}
	}
	for _, c := range []struct {
		row      discount.Row
		base     int64
		currency string
		want     int64
	}{
		{off(2550), 1000, "usd", 255}, {off(1), 5000, "usd", 1}, {off(1), 4999, "usd", 0}, {off(5000), 1, "usd", 1}, {off(10000), 99, "jpy", 99},
		{off(3333), 1000000000000, "lak", 333300000000}, {off(1000), 0, "usd", 0},
		{fix(`{"usd":500,"eur":400}`), 1000, "usd", 500}, {fix(`{"usd":500,"eur":400}`), 1000, "eur", 400}, {fix(`{"usd":500}`), 300, "usd", 300},
		{fix(`{"usd":500}`), 1000, "gbp", 0}, {fix(`{"usd":999999999999}`), 0, "usd", 0}, {fix(`{"usd":5}`), -10, "usd", 0},
	} {
		if got := c.row.Amount(c.base, c.currency); got != c.want {
			t.Errorf("%s of %d %s: %d, want %d", c.row.Type, c.base, c.currency, got, c.want)
		}
	}
	if got := fix(`{"usd":9000}`).Shares([]int64{10000, 20000}, "usd"); !slices.Equal(got, []int64{3000, 6000}) {
		t.Errorf("shares of an amount: %v", got)
	}
	if got := fix(`{"usd":100}`).Shares([]int64{1, 1, 1}, "usd"); !slices.Equal(got, []int64{1, 1, 1}) {
		t.Errorf("shares of more than there is: %v", got)
	}
	if got := off(5000).Shares([]int64{1, 3}, "usd"); !slices.Equal(got, []int64{1, 2}) {
		t.Errorf("shares of a percentage: %v", got)
	}
}

func TestExpiredAt(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	once, forever := discount.Row{Duration: discount.Once}, discount.Row{Duration: discount.Forever}
	repeating := func(n int) discount.Row {
		return discount.Row{Duration: discount.Repeating, DurationInMonths: months(n), BasisPoints: points(1)}
	}
	for _, c := range []struct {
		row              discount.Row
		applied, periods string
		anchor           int
		want             bool
	}{
		{once, "2026-01-31", "2026-01-31", 31, false}, {once, "2026-01-31", "2026-02-28", 31, true},
		{forever, "2026-01-31", "2036-01-31", 31, false},
		{repeating(1), "2026-01-31", "2026-01-31", 31, false}, {repeating(1), "2026-01-31", "2026-02-07", 31, true},
		{repeating(3), "2026-01-31", "2026-03-31", 31, false}, {repeating(3), "2026-01-31", "2026-04-30", 31, true},
		{repeating(12), "2026-01-31", "2026-12-31", 31, false}, {repeating(12), "2026-01-31", "2027-01-31", 31, true},
		{repeating(24), "2026-01-31", "2027-01-31", 31, false}, {repeating(24), "2026-01-31", "2028-01-31", 31, true},
		{repeating(3), "2026-02-28", "2026-04-30", 31, false}, {repeating(3), "2026-02-28", "2026-05-31", 31, true},
		{repeating(3), "2026-02-28", "2026-04-30", 28, true}, {repeating(3), "2026-02-28", "2026-04-30", 0, true},
		{repeating(37), "2025-02-28", "2028-02-29", 29, false}, {repeating(1), "2026-02-27", "2026-02-28", 31, true},
	} {
		if got := c.row.ExpiredAt(at(c.applied), at(c.periods), c.anchor); got != c.want {
			t.Errorf("%s since %s in a period from %s, anchor %d: %v", c.row.Duration, c.applied, c.periods, c.anchor, got)
		}
	}
}

// TestVeryManyProducts: a body may name more than a statement takes.
func TestVeryManyProducts(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p, products := f.Product(nil).ID(), make([]string, 40_000)
		for i := range products {
			products[i] = p
		}
		body := map[string]any{"type": "percentage", "name": "Off", "basis_points": 1000, "duration": "once", "products": products}
		f.Run(floetest.Scenario{Do: create, As: f.AllToken, Body: body, Status: 201, Want: map[string]any{"products": []any{map[string]any{"id": p}}}})
		for i := range products {
			products[i] = string(id.New())
		}
		f.Run(floetest.Scenario{Do: create, As: f.AllToken, Body: body, Status: 422,
			Want: refused(problem("value_error", `["body","products",0]`, "Product not found."))})
	})
}
