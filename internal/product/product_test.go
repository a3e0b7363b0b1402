package product_test

import (
	"fmt"
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/product"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		do := func(name, body string, status int, want any, events ...string) {
			t.Helper()
			s := floetest.Scenario{Name: name, Do: create, As: f.AllToken, Body: body, Status: status, Want: want}
			if events != nil {
				s.Events = events
			}
			f.Run(s)
		}
		do("77 short name", strings.Replace(monthly(fixed10), "Gold plan", "ab", 1), 422, invalid(
			`{"type":"too_short","loc":["body","recurring","name"],"msg":"Value should have at least 3 items after validation, not 2","input":"ab",
			"ctx":{"field_type":"Value","min_length":3,"actual_length":2}}`))
		do("77 empty name", strings.Replace(body(fixed10), "Gold plan", " ", 1), 422,
			invalid(problem("too_short", `["body","one_time","name"]`, "Value should have at least 3 items after validation, not 0")))
		do("77 long name", strings.Replace(body(fixed10), "Gold plan", strings.Repeat("n", 65), 1), 422,
			invalid(problem("too_long", `["body","one_time","name"]`, "Value should have at most 64 items after validation, not 65")))
		do("77 no prices", body(``), 422, invalid(problem("too_short", `["body","one_time","prices"]`, "List should have at least 1 item after validation, not 0")))
		do("77 two fixed prices", body(fixed10+`,`+fixed10), 422, refused(problem("value_error", `["body","prices"]`, "Only one fixed price is allowed.")), []string{}...)
		do("78 one-time fixed", body(fixed10), 201, `{"name":"Gold plan","description":null,"visibility":"public","recurring_interval":null,"recurring_interval_count":null,
			"meter_interval":null,"meter_interval_count":null,"trial_interval":null,"trial_interval_count":null,"is_recurring":false,"is_archived":false,"metadata":{},
			"modified_at":null,"benefits":[],"medias":[],"attached_custom_fields":[],
			"prices":[{"amount_type":"fixed","price_amount":1000,"price_currency":"usd","tax_behavior":null,"is_archived":false,"source":"catalog","modified_at":null}]}`,
			"product.created")
		do("78 one-time custom", body(`{"amount_type":"custom"}`), 201,
			`{"prices":[{"amount_type":"custom","minimum_amount":50,"maximum_amount":null,"preset_amount":null}]}`, "product.created")
		for _, interval := range []string{"day", "week", "month", "year"} {
			do("78 every "+interval, body(fixed10, `"recurring_interval":"`+interval+`"`), 201,
				`{"recurring_interval":"`+interval+`","recurring_interval_count":1,"is_recurring":true}`)
		}
		do("78 every 3 months", monthly(fixed10, `"recurring_interval_count":3`), 201, `{"recurring_interval":"month","recurring_interval_count":3}`)
		do("79 free", monthly(`{"amount_type":"free","price_currency":"usd","tax_behavior":"inclusive","price_amount":7}`), 201,
			`{"prices":[{"amount_type":"fixed","price_amount":0,"price_currency":"usd","tax_behavior":"inclusive"}]}`)
		do("81 media and custom field", body(fixed10, `"medias":["`+unknownID+`"],"attached_custom_fields":[{"custom_field_id":"`+unknownID+`","required":true}]`), 422,
			refused(problem("value_error", `["body","medias",0]`, "File does not exist or is not yet uploaded."),
				problem("value_error", `["body","attached_custom_fields",0]`, "Custom field does not exist.")))
		do("91 nothing", body(`{"amount_type":"fixed","price_amount":0}`), 201, nil)
		do("91 below the minimum", body(`{"amount_type":"fixed","price_amount":49}`), 422, invalid(
			problem("minimum_price", `["body","one_time","prices",0,"fixed","price_amount"]`, "Amount must be at least $0.50 or 0 for free pricing")))
		do("91 the minimum", body(`{"amount_type":"fixed","price_amount":50}`), 201, nil)
		do("above the maximum", body(`{"amount_type":"fixed","price_amount":100000000}`), 422, invalid(
			problem("maximum_price", `["body","one_time","prices",0,"fixed","price_amount"]`, "Amount must be at most $999,999.99")))
		do("negative", body(`{"amount_type":"fixed","price_amount":-1}`), 422, invalid(
			problem("greater_than_equal", `["body","one_time","prices",0,"fixed","price_amount"]`, "Input should be greater than or equal to 0")))
		do("yen below the minimum", body(fixed10+`,{"amount_type":"fixed","price_currency":"jpy","price_amount":79}`), 422, invalid(
			problem("minimum_price", `["body","one_time","prices",1,"fixed","price_amount"]`, "Amount must be at least ¥80 or 0 for free pricing")))
		do("custom bounds", body(`{"amount_type":"custom","minimum_amount":1,"preset_amount":2,"maximum_amount":3}`), 422, invalid(
			problem("minimum_price", `["body","one_time","prices",0,"custom","minimum_amount"]`, "Amount must be at least $0.50 or 0 for free pricing"),
			problem("minimum_price", `["body","one_time","prices",0,"custom","maximum_amount"]`, "Amount must be at least $0.50 or 0 for free pricing"),
			problem("minimum_price", `["body","one_time","prices",0,"custom","preset_amount"]`, "Amount must be at least $0.50 or 0 for free pricing")))
		do("no kind", body(`{"price_amount":1000}`), 422, invalid(
			problem("union_tag_not_found", `["body","one_time","prices",0]`, "Unable to extract tag using discriminator 'amount_type'")))
		do("unknown kind", monthly(`{"amount_type":"metered_tiers"}`), 422, invalid(problem("union_tag_invalid", `["body","recurring","prices",0]`,
			"Input tag 'metered_tiers' found using 'amount_type' does not match any of the expected tags: 'fixed', 'custom', 'seat_based', 'metered_unit', 'unit_based'")))
		f.Run(floetest.Scenario{Name: "unknown currency", Do: create, As: f.AllToken, Body: body(`{"amount_type":"fixed","price_amount":1,"price_currency":"xxx"}`), Status: 422,
			Check: func(t testing.TB, r *floetest.Response) {
				if r.Text("detail.0.type") != "enum" || !strings.HasPrefix(r.Text("detail.0.msg"), "Input should be 'aed', 'all', ") {
					t.Errorf("got %s", r.Body)
				}
			}})
		do("an interval count without an interval", body(fixed10, `"recurring_interval_count":2`), 422,
			invalid(problem("none_required", `["body","one_time","recurring_interval_count"]`, "Input should be None")))
		do("a trial on what is bought once is ignored", body(fixed10, `"recurring_interval":null,"trial_interval":"day"`), 201, `{"trial_interval":null}`)
		do("trial", monthly(fixed10, `"trial_interval":"day","trial_interval_count":14`), 201, `{"trial_interval":"day","trial_interval_count":14}`)
		do("half a trial", monthly(fixed10, `"trial_interval":"day"`), 422,
			invalid(problem("missing", `["body","recurring"]`, "Both trial_interval and trial_interval_count must be set together.")))
		do("texts", monthly(fixed10, `"description":" x ","metadata":{"a":1},"visibility":"draft"`), 201, `{"description":"x","metadata":{"a":1},"visibility":"draft"}`)
		do("blank description", monthly(fixed10, `"description":" "`), 201, `{"description":null}`)
		do("metadata null", monthly(fixed10, `"metadata":null`), 422, invalid(problem("dict_type", `["body","recurring","metadata"]`, "Input should be a valid dictionary")))
	})
}

func TestAccess(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		p := add(t, f, monthly(fixed10)).ID()
		foreign := f.Do("POST", "/v1/products/", other.Token, monthly(fixed10)).ID()
		user := f.User(auth.Owner)
		finance := f.User(auth.Finance)
		const denied = `{"error":"NotPermitted","detail":"You don't have permission to manage products"}`
		f.RunAll(
			floetest.Scenario{Name: "75 only one's own", Do: "GET /v1/products/", As: f.AllToken, Status: 200, Want: `{"items":[{"id":"` + p + `"}],"pagination":{"total_count":1,"max_page":1}}`},
			floetest.Scenario{Name: "75 of both", Do: "GET /v1/products/", As: f.User(auth.Plain, f.Org, other), Status: 200, Want: `{"pagination":{"total_count":2}}`},
			floetest.Scenario{Name: "75 of one of them", Do: "GET /v1/products/?organization_id=" + string(other.ID), As: f.User(auth.Plain, f.Org, other), Status: 200,
				Want: `{"items":[{"id":"` + foreign + `"}]}`},
			floetest.Scenario{Name: "75 of a foreign one", Do: "GET /v1/products/?organization_id=" + string(other.ID), As: f.AllToken, Status: 200, Want: `{"items":[]}`},
			floetest.Scenario{Name: "80 organization token", Do: create, As: f.AllToken, Body: monthly(fixed10, `"organization_id":"`+string(f.Org.ID)+`"`), Status: 422,
				Want: refused(problem("organization_token", `["body","organization_id"]`, "Setting organization_id is disallowed when using an organization token."))},
			floetest.Scenario{Name: "80 user token without", Do: create, As: user, Body: monthly(fixed10), Status: 422,
				Want: refused(problem("missing", `["body","organization_id"]`, "organization_id is required."))},
			floetest.Scenario{Name: "80 user token with", Do: create, As: user, Body: monthly(fixed10, `"organization_id":"`+string(f.Org.ID)+`"`), Status: 201},
			floetest.Scenario{Name: "80 foreign", Do: create, As: user, Body: monthly(fixed10, `"organization_id":"`+string(other.ID)+`"`), Status: 422,
				Want: refused(problem("value_error", `["body","organization_id"]`, "Organization not found."))},
			floetest.Scenario{Name: "scope to read", Do: "GET /v1/products/", As: f.Token(auth.CustomersRead), Status: 403, Want: `{"error":"insufficient_scope"}`},
			floetest.Scenario{Name: "scope to write", Do: create, As: f.Token(auth.ProductsRead), Body: monthly(fixed10), Status: 403},
			floetest.Scenario{Name: "read with the scope to write", Do: "GET /v1/products/" + p, As: f.Token(auth.ProductsWrite), Status: 200},
			floetest.Scenario{Name: "role", Do: create, As: finance, Body: monthly(fixed10, `"organization_id":"`+string(f.Org.ID)+`"`), Status: 403, Want: denied},
			floetest.Scenario{Name: "role to change", Do: "PATCH /v1/products/" + p, As: finance, Body: `{}`, Status: 403, Want: denied, Events: []string{}},
			floetest.Scenario{Name: "role for benefits", Do: "POST /v1/products/" + p + "/benefits", As: finance, Body: `{"benefits":[]}`, Status: 403, Want: denied},
			floetest.Scenario{Name: "role to delete", Do: "DELETE /v1/products/" + p, As: finance, Status: 403, Want: denied},
			floetest.Scenario{Name: "role to read", Do: "GET /v1/products/" + p, As: finance, Status: 200},
			floetest.Scenario{Name: "foreign product", Do: "GET /v1/products/" + foreign, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "change a foreign product", Do: "PATCH /v1/products/" + foreign, As: f.AllToken, Body: `{}`, Status: 404, Want: notFound},
			floetest.Scenario{Name: "delete a foreign product", Do: "DELETE /v1/products/" + foreign, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "benefits of a foreign product", Do: "POST /v1/products/" + foreign + "/benefits", As: f.AllToken, Body: `{"benefits":[]}`, Status: 404, Want: notFound},
			floetest.Scenario{Name: "unknown", Do: "GET /v1/products/" + unknownID, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "nobody", Do: "GET /v1/products/", Status: 401},
		)
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		named := func(name, body string) string {
			t.Helper()
			return add(t, f, strings.Replace(body, "Gold plan", name, 1)).ID()
		}
		meter := f.Meter(f.Org, "calls")
		once := named("Once only", body(`{"amount_type":"fixed","price_amount":500}`, `"metadata":{"tier":"low","n":7,"flag":true}`))
		sub := named("subscription", monthly(fixed10, `"visibility":"private","metadata":{"tier":"high"}`))
		custom := named("ÄRGER 100%", monthly(`{"amount_type":"custom","minimum_amount":0}`, `"visibility":"draft"`))
		seats := named("by Seats", monthly(`{"amount_type":"seat_based","seat_tiers":{"tiers":[{"min_seats":1,"price_per_seat":100}]}}`))
		metered := named("metered", monthly(`{"amount_type":"metered_unit","meter_id":"`+string(meter)+`","unit_amount":1}`))
		archived := named("archived", monthly(`{"amount_type":"fixed","price_amount":50}`))
		f.Do("PATCH", "/v1/products/"+archived, f.AllToken, `{"is_archived":true}`)
		b := f.Benefit(nil).ID()
		f.Do("POST", "/v1/products/"+sub+"/benefits", f.AllToken, `{"benefits":["`+b+`"]}`)
		names := map[string]string{once: "once", sub: "sub", custom: "custom", seats: "seats", metered: "metered", archived: "archived"}
		for _, c := range []struct{ name, query, want string }{
			{"76 all, newest first", "", "archived metered seats custom sub once"},
			{"76 recurring", "is_recurring=true", "archived metered seats custom sub"},
			{"76 bought once", "is_recurring=false", "once"},
			{"76 archived", "is_archived=true", "archived"},
			{"76 not archived", "is_archived=false", "metered seats custom sub once"},
			{"76 benefit", "benefit_id=" + b, "sub"},
			{"76 unknown benefit", "benefit_id=" + unknownID, ""},
			{"ids", "id=" + once + "&id=" + sub, "sub once"},
			{"a part of the name", "query=UBSCRIP", "sub"},
			{"whatever its case", "query=%C3%A4rger", "custom"},
			{"no pattern", "query=0%25", "custom"},
			{"nor that", "query=_", ""},
			{"visibility", "visibility=draft&visibility=private", "custom sub"},
			{"metadata", "metadata[tier]=high", "sub"},
			{"one of several", "metadata[tier]=high&metadata[tier]=low", "sub once"},
			{"all keys", "metadata[tier]=low&metadata[n]=7&metadata[flag]=true", "once"},
			{"not all keys", "metadata[tier]=high&metadata[n]=7", ""},
			{"oldest first", "sorting=created_at", "once sub custom seats metered archived"},
			{"by name", "sorting=name", "archived seats metered once sub custom"},
			{"by name downwards", "sorting=-name", "custom sub once metered seats archived"},
			{"by amount, nulls last", "sorting=price_amount&sorting=created_at", "custom archived once sub seats metered"},
			{"by amount downwards, nulls first", "sorting=-price_amount&sorting=created_at", "seats metered sub once archived custom"},
			{"by kind", "sorting=price_amount_type&sorting=created_at", "custom once sub archived seats metered"},
			{"by kind downwards", "sorting=-price_amount_type&sorting=created_at", "seats metered once sub archived custom"},
			{"a page", "sorting=created_at&limit=2&page=2", "custom seats"},
		} {
			f.Run(floetest.Scenario{Name: c.name, Do: "GET /v1/products/?" + c.query, As: f.AllToken, Status: 200, Check: func(t testing.TB, r *floetest.Response) {
				var got []string
				for _, item := range r.Path("items").([]any) {
					got = append(got, names[item.(map[string]any)["id"].(string)])
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("%s: %v, want %s", c.query, got, c.want)
				}
			}})
		}
		f.Run(floetest.Scenario{Name: "unknown criterion", Do: "GET /v1/products/?sorting=size", As: f.AllToken, Status: 422, Want: `{"error":"RequestValidationError"}`})
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p := f.Product(nil).ID()
		used := f.Product(nil).ID()
		d := f.Discount(map[string]any{"products": []string{used}}).ID()
		f.RunAll(
			floetest.Scenario{Name: "used by a discount", Do: "DELETE /v1/products/" + used, As: f.AllToken, Status: 409, Want: `{"error":"ProductNotDeletable"}`, Events: []string{}},
			floetest.Scenario{Name: "delete", Do: "DELETE /v1/products/" + p, As: f.AllToken, Status: 204, Events: []string{"product.deleted"}},
			floetest.Scenario{Name: "gone", Do: "GET /v1/products/" + p, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "twice", Do: "DELETE /v1/products/" + p, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "not listed", Do: "GET /v1/products/", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":1}}`},
			floetest.Scenario{Name: "the discount is deleted", Do: "DELETE /v1/discounts/" + d, As: f.AllToken, Status: 204},
			floetest.Scenario{Name: "then it can be", Do: "DELETE /v1/products/" + used, As: f.AllToken, Status: 204},
		)
	})
}

// 92 and the rest of the arithmetic of tiers.
func TestAmount(t *testing.T) {
	t.Parallel()
	ten, twenty := int64(10), int64(20)
	seats := func(mode product.TierMode, last *int64) product.Price {
		return product.Price{AmountType: product.SeatBased, SeatTiers: &product.SeatTiers{Mode: mode,
			Tiers: []product.SeatTier{{MinSeats: 1, MaxSeats: &ten, PricePerSeat: 1000}, {MinSeats: 11, MaxSeats: last, PricePerSeat: 800}}}}
	}
	units := product.Price{AmountType: product.UnitBased, UnitTiers: &product.UnitTiers{Mode: product.Graduated,
		Tiers: []product.UnitTier{{Bound: &ten, UnitAmount: 5}, {UnitAmount: 0}}}}
	amount, zero := int64(700), int64(0)
	fixed := product.Price{AmountType: product.Fixed, PriceAmount: &amount}
	free := product.Price{AmountType: product.Fixed, PriceAmount: &zero}
	custom := product.Price{AmountType: product.Custom, MinimumAmount: &zero}
	metered := product.Price{AmountType: product.MeteredUnit}
	nothing := product.Price{AmountType: product.SeatBased, SeatTiers: &product.SeatTiers{Mode: product.Volume, Tiers: []product.SeatTier{{MinSeats: 1}}}}
	for _, c := range []struct {
		name     string
		price    product.Price
		quantity int64
		want     string
		free     bool
	}{
		{"92 graduated", seats(product.Graduated, nil), 15, "14000", false},
		{"92 volume", seats(product.Volume, nil), 15, "12000", false},
		{"the end of a tier", seats(product.Volume, nil), 10, "10000", false},
		{"beyond the last bound", seats(product.Volume, &twenty), 21, "InvalidQuantityError: No tier covers quantity 21", false},
		{"beyond the last bound, graduated", seats(product.Graduated, &twenty), 25, "18000", false},
		{"too much", seats(product.Volume, nil), 1_250_000_000_000, "InvalidQuantityError: Quantity 1250000000000 costs more than can be charged", false},
		{"just not too much", seats(product.Volume, nil), 1_249_999_999_999, "999999999999200", false},
		{"too much for 64 bits", seats(product.Volume, nil), 1 << 62, "InvalidQuantityError: Quantity 4611686018427387904 costs more than can be charged", false},
		{"too much, graduated", seats(product.Graduated, nil), 1_249_999_999_998, "InvalidQuantityError: Quantity 1249999999998 costs more than can be charged", false},
		{"too much for 64 bits, graduated", seats(product.Graduated, nil), 1 << 62, "InvalidQuantityError: Quantity 4611686018427387904 costs more than can be charged", false},
		{"none", seats(product.Volume, nil), 0, "0", false},
		{"negative", seats(product.Graduated, nil), -1, "InvalidQuantityError: Negative quantity: -1", false},
		{"units", units, 12, "50", false},
		{"fixed", fixed, 3, "700", false},
		{"free", free, 1, "0", true},
		{"custom", custom, 1, "0", false},
		{"metered", metered, 9, "0", false},
		{"seats for nothing", nothing, 9, "0", true},
	} {
		n, err := c.price.Amount(c.quantity)
		got := fmt.Sprint(n)
		if err != nil {
			got = err.Error()
		}
		if got != c.want || c.price.Free() != c.free {
			t.Errorf("%s: %s, free %v", c.name, got, c.price.Free())
		}
	}
}

// TestVeryManyIDs: a body may name more than a statement takes.
func TestVeryManyIDs(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const many = 40_000
		ids, prices, files := make([]string, many), make([]any, many), make([]id.ID, many)
		for i := range ids {
			files[i] = id.New()
			ids[i] = string(files[i])
			prices[i] = map[string]any{"amount_type": "metered_unit", "meter_id": ids[i], "unit_amount": 1}
		}
		p := f.Product(nil).ID()
		f.Run(floetest.Scenario{Name: "benefits", Do: "POST /v1/products/" + p + "/benefits", As: f.AllToken, Body: map[string]any{"benefits": ids},
			Status: 422, Want: refused(problem("value_error", `["body","benefits",0]`, "Benefit does not exist."))})
		b := f.Benefit(nil).ID()
		for i := range ids {
			ids[i] = b
		}
		f.Run(floetest.Scenario{Name: "one benefit", Do: "POST /v1/products/" + p + "/benefits", As: f.AllToken, Body: map[string]any{"benefits": ids},
			Status: 200, Want: map[string]any{"benefits": []any{map[string]any{"id": b}}}})
		for name, body := range map[string]any{"prices": map[string]any{"prices": prices}, "medias": map[string]any{"medias": files}} {
			r := f.Do("PATCH", "/v1/products/"+p, f.AllToken, body)
			if list, _ := r.Path("detail").([]any); r.Status != 422 || len(list) != 1000 {
				t.Errorf("%s: %d with %d problems, want 422 with the first 1000", name, r.Status, len(list))
			}
		}
	})
}
