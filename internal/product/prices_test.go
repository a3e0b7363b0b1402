package product_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"floe/internal/floetest"
)

func seat(tiers string) string {
	return `{"amount_type":"seat_based","seat_tiers":{"tiers":[` + tiers + `]}}`
}

func unit(tiers string, fields ...string) string {
	return `{"amount_type":"unit_based","tiers":{"type":"volume","tiers":[` + tiers + `]}` + strings.Join(append([]string{""}, fields...), ",") + `}`
}

func TestPriceKinds(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		meter := string(f.Meter(f.Org, "calls"))
		f.Switch(f.Org, "unit_based_pricing", true)
		metered := `{"amount_type":"metered_unit","meter_id":"` + meter + `","unit_amount":"0.5","cap_amount":900}`
		r := add(t, f, monthly(metered+`,`+seat(`{"min_seats":11,"price_per_seat":800},{"min_seats":2,"max_seats":10,"price_per_seat":1000}`)+`,`+fixed10))
		if d := r.Differs(`{"prices":[
			{"amount_type":"fixed","price_amount":1000},
			{"amount_type":"metered_unit","unit_amount":"0.500000000000","cap_amount":900,"meter_id":"` + meter + `",
				"meter":{"id":"` + meter + `","name":"calls","unit":"scalar","custom_label":null,"custom_multiplier":null}},
			{"amount_type":"seat_based","price_per_seat":1000,"seat_tiers":{"seat_tier_type":"volume","minimum_seats":2,"maximum_seats":null,
				"tiers":[{"min_seats":2,"max_seats":10,"price_per_seat":1000},{"min_seats":11,"max_seats":null,"price_per_seat":800}]}}]}`); d != "" {
			t.Error(d)
		}
		r = add(t, f, monthly(unit(`{"bound":null,"unit_amount":"7"},{"bound":10,"unit_amount":9}`, `"minimum_units":3`, `"unit_label":{"en":{"=1":"one","other":"many"}}`)))
		if d := r.Differs(`{"prices":[{"amount_type":"unit_based","minimum_units":3,"maximum_units":null,"unit_label":{"en":{"=1":"one","other":"many"}},
			"tiers":{"type":"volume","tiers":[{"bound":10,"unit_amount":"9"},{"bound":null,"unit_amount":"7"}]}}]}`); d != "" {
			t.Error(d)
		}
		r = add(t, f, monthly(unit(`{"bound":10,"unit_amount":0}`)))
		if d := r.Differs(`{"prices":[{"minimum_units":null,"maximum_units":10,"unit_label":null}]}`); d != "" {
			t.Error(d)
		}
	})
}

// What is wrong with one price by itself.
func TestPriceSchema(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		meter := string(f.Meter(f.Org, "calls"))
		metered := func(amount string) string {
			return `{"amount_type":"metered_unit","meter_id":"` + meter + `","unit_amount":` + amount + `}`
		}
		at := func(rest string) string { return `["body","recurring","prices",0,` + rest + `]` }
		for _, c := range []struct{ name, price, want string }{
			{"no amount", `{"amount_type":"fixed"}`, problem("missing", at(`"fixed","price_amount"`), "Field required")},
			{"no meter", `{"amount_type":"metered_unit","unit_amount":1}`, problem("missing", at(`"metered_unit","meter_id"`), "Field required")},
			{"nothing", metered(`0`), problem("greater_than", at(`"metered_unit","unit_amount"`), "Input should be greater than 0")},
			{"negative", metered(`"-0.5"`), problem("greater_than", at(`"metered_unit","unit_amount"`), "Input should be greater than 0")},
			{"too many places", metered(`"0.0000000000001"`), problem("decimal_max_places", at(`"metered_unit","unit_amount"`), "Decimal input should have no more than 12 decimal places")},
			{"too many digits", metered(`"123456.123456789012"`), problem("decimal_max_digits", at(`"metered_unit","unit_amount"`), "Decimal input should have no more than 17 digits in total")},
			{"too much", metered(`123456`), problem("decimal_whole_digits", at(`"metered_unit","unit_amount"`), "Decimal input should have no more than 5 digits before the decimal point")},
			{"no number", metered(`"1/3"`), problem("decimal_parsing", at(`"metered_unit","unit_amount"`), "Input should be a valid decimal")},
			{"no text", metered(`true`), problem("decimal_type", at(`"metered_unit","unit_amount"`), "Decimal input should be an integer, float, string or Decimal object")},
			{"not finite", metered(`"Infinity"`), problem("finite_number", at(`"metered_unit","unit_amount"`), "Input should be a finite number")},
			{"huge exponent", metered(`1e999999999`), problem("decimal_parsing", at(`"metered_unit","unit_amount"`), "Input should be a valid decimal")},
			{"cap", `{"amount_type":"metered_unit","meter_id":"` + meter + `","unit_amount":1,"cap_amount":2147483648}`,
				problem("less_than_equal", at(`"metered_unit","cap_amount"`), "Input should be less than or equal to 2147483647")},
			{"no tiers", seat(``), problem("too_short", at(`"seat_based","seat_tiers","tiers"`), "List should have at least 1 item after validation, not 0")},
			{"gap", seat(`{"min_seats":1,"max_seats":5,"price_per_seat":1},{"min_seats":7,"price_per_seat":1}`),
				problem("value_error", at(`"seat_based","seat_tiers"`), "Value error, Gap or overlap between tiers: tier ending at 5 and tier starting at 7")},
			{"open in the middle", seat(`{"min_seats":1,"price_per_seat":1},{"min_seats":7,"price_per_seat":1}`),
				problem("value_error", at(`"seat_based","seat_tiers"`), "Value error, Only the last tier can have unlimited max_seats (None)")},
			{"the same ceiling", seat(`{"min_seats":1,"max_seats":5,"price_per_seat":1},{"min_seats":6,"max_seats":5,"price_per_seat":1}`),
				problem("value_error", at(`"seat_based","seat_tiers"`), "Value error, Tier max_seats values must be unique, got 5 twice")},
			{"a ceiling below the floor", seat(`{"min_seats":1,"max_seats":5,"price_per_seat":1},{"min_seats":6,"max_seats":3,"price_per_seat":1}`),
				problem("value_error", at(`"seat_based","seat_tiers"`), "Value error, Tier max_seats must not be less than min_seats, got 3 < 6")},
			{"a rate beyond reason", seat(`{"min_seats":1,"price_per_seat":100000000}`),
				problem("maximum_price", at(`"seat_based","seat_tiers","tiers",0,"price_per_seat"`), "Amount must be at most $999,999.99")},
			{"more seats than a subscription can have", seat(`{"min_seats":2147483648,"price_per_seat":0}`),
				problem("less_than_equal", at(`"seat_based","seat_tiers","tiers",0,"min_seats"`), "Input should be less than or equal to 2147483647")},
			{"more units than a subscription can have", unit(`{"unit_amount":0}`, `"minimum_units":2147483648`),
				problem("less_than_equal", at(`"unit_based","minimum_units"`), "Input should be less than or equal to 2147483647")},
			{"a ceiling that no number of JavaScript holds", seat(`{"min_seats":1,"max_seats":9007199254740992,"price_per_seat":0}`),
				problem("less_than_equal", at(`"seat_based","seat_tiers","tiers",0,"max_seats"`), "Input should be less than or equal to 9007199254740991")},
			{"a ceiling that no computer word holds", seat(`{"min_seats":1,"max_seats":1000000000000000000000000000000,"price_per_seat":0}`),
				problem("less_than_equal", at(`"seat_based","seat_tiers","tiers",0,"max_seats"`), "Input should be less than or equal to 9007199254740991")},
			{"a bound that no number of JavaScript holds", unit(`{"bound":9007199254740992,"unit_amount":1}`),
				problem("less_than_equal", at(`"unit_based","tiers","tiers",0,"bound"`), "Input should be less than or equal to 9007199254740991")},
			{"unbounded first", unit(`{"unit_amount":1},{"unit_amount":2}`),
				problem("unbounded_tier_not_last", at(`"unit_based","tiers","tiers"`), "Only the last tier can be unbounded")},
			{"the same bound", unit(`{"bound":3,"unit_amount":1},{"bound":3,"unit_amount":2}`),
				problem("duplicate_tier_bound", at(`"unit_based","tiers","tiers"`), "Tier bound values must be unique, got 3 twice")},
			{"a fraction", unit(`{"bound":3,"unit_amount":"1.5"}`),
				problem("value_error", at(`"unit_based","tiers","tiers",0,"unit_amount"`), "Value error, Unit tier rates must be in smallest currency unit, got 1.5")},
			{"a floor above the ceiling", unit(`{"bound":3,"unit_amount":1}`, `"minimum_units":4`),
				problem("value_error", at(`"unit_based"`), "Value error, minimum_units must not exceed the last tier's bound, got 4 > 3")},
			{"a long label", unit(`{"unit_amount":1}`, `"unit_label":{"en":{"other":"`+strings.Repeat("x", 33)+`"}}`),
				problem("unit_label_form_too_long", at(`"unit_based","unit_label"`), "Unit label forms must be at most 32 characters")},
			{"a label without other", unit(`{"unit_amount":1}`, `"unit_label":{"en":{"=1":"x"}}`),
				problem("missing_other_plural", at(`"unit_based","unit_label"`), "Each locale must include a non-empty 'other' form")},
			{"not an object", `7`, problem("model_attributes_type", at(``)[:len(at(``))-2]+`]`, "Input should be a valid dictionary or object to extract fields from")},
		} {
			f.Run(floetest.Scenario{Name: c.name, Do: create, As: f.AllToken, Body: monthly(c.price), Status: 422, Want: invalid(c.want)})
		}
		for _, amount := range []string{`0.000000000001`, `"99999.999999999999"`, `1e-12`, `" 5 "`, `12345`, `"1.50000000000000000"`} {
			f.Run(floetest.Scenario{Name: "fine: " + amount, Do: create, As: f.AllToken, Body: monthly(metered(amount)), Status: 201})
		}
	})
}

// What is wrong with prices together.
func TestPriceSet(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		meter := string(f.Meter(f.Org, "calls"))
		foreign := string(f.Meter(f.Organization("Other"), "calls"))
		metered := func(m string) string { return `{"amount_type":"metered_unit","meter_id":"` + m + `","unit_amount":1}` }
		in := func(currency, price string) string {
			return price[:len(price)-1] + `,"price_currency":"` + currency + `"}`
		}
		const custom = `{"amount_type":"custom"}`
		seats := seat(`{"min_seats":1,"price_per_seat":100}`)
		units := unit(`{"unit_amount":100}`)
		wrong := func(msg string, loc ...string) string {
			return problem("value_error", `["body","prices"`+strings.Join(append([]string{""}, loc...), ",")+`]`, msg)
		}
		home := wrong("The organization's default presentment currency must be present in the prices.")
		none := problem("too_short", `["body","prices"]`, "At least one price is required.")
		structure := wrong("All price currencies must define the same set of price types.")
		run := func(name, body string, want ...string) {
			t.Helper()
			s := floetest.Scenario{Name: name, Do: create, As: f.AllToken, Body: body, Status: 201}
			if len(want) > 0 {
				s.Status, s.Want = 422, refused(want...)
			}
			f.Run(s)
		}
		run("82 metered, bought once", body(metered(meter)), wrong("Metered pricing is not supported on one-time products.", "0"), none, home)
		run("82 unknown meter", monthly(fixed10+`,`+metered(unknownID)), wrong("Meter does not exist.", "1", `"meter_id"`))
		run("82 a foreign meter", monthly(fixed10+`,`+metered(foreign)), wrong("Meter does not exist.", "1", `"meter_id"`))
		run("82 a meter twice", monthly(metered(meter)+`,`+metered(meter)), wrong("Meter is already used for another price.", "1", `"meter_id"`))
		run("a meter in two currencies", monthly(metered(meter)+`,`+in("eur", metered(meter))))
		run("83 another currency only", monthly(in("eur", fixed10)), home)
		run("83 another structure", monthly(fixed10+`,`+in("eur", custom)), structure)
		run("the same structure", monthly(fixed10+`,`+in("eur", fixed10)))
		run("two seat prices", monthly(seats+`,`+seats), wrong("Only one seat-based price is allowed."))
		run("two custom prices", monthly(custom+`,`+custom), wrong("Only one custom price is allowed."))
		run("custom and fixed", monthly(custom+`,`+fixed10), wrong("A custom price cannot be combined with a fixed, seat-based or unit-based price."))
		run("custom and metered", monthly(custom+`,`+metered(meter)))
		run("fixed and seats", body(fixed10+`,`+seats))
		run("tax", monthly(`{"amount_type":"fixed","price_amount":100,"tax_behavior":"inclusive"},`+metered(meter)),
			wrong("All prices for the same currency must have the same tax behavior."))
		run("several at once", monthly(fixed10+`,`+fixed10+`,`+in("eur", custom)), wrong("Only one fixed price is allowed."), structure)
		run("units are off", monthly(units), wrong("Unit-based pricing is not enabled for this organization.", "0"), none, home)
		f.Switch(f.Org, "unit_based_pricing", true)
		run("units", monthly(units))
		run("units, bought once", body(units), wrong("Unit-based pricing is not supported on one-time products.", "0"), none, home)
		run("two unit prices", monthly(units+`,`+units), wrong("Only one unit-based price is allowed."))
		run("seats and units", monthly(seats+`,`+units), wrong("A seat-based price cannot be combined with a unit-based price."))
		f.Feature(f.Org, "seat_based_pricing_enabled", false)
		run("84 seats are off", monthly(fixed10+`,`+seats), wrong("Seat-based pricing is not enabled for this organization.", "1"))
	})
}

func TestMeterInterval(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		every := func(n int, interval string, m int, meter string) string {
			fields := fmt.Sprintf(`"recurring_interval":%q,"recurring_interval_count":%d,"meter_interval":%q`, interval, n, meter)
			if m > 0 {
				fields += fmt.Sprintf(`,"meter_interval_count":%d`, m)
			}
			return body(fixed10, fields)
		}
		f.Run(floetest.Scenario{Name: "off", Do: create, As: f.AllToken, Body: every(1, "year", 1, "month"), Status: 422,
			Want: refused(problem("value_error", `["body","meter_interval"]`, "Separate meter cycling is not enabled for this organization."))})
		f.Switch(f.Org, "meter_cycling", true)
		uneven := invalid(problem("value_error", `["body","recurring"]`,
			"Value error, The meter interval must evenly divide the billing interval, so the meter cycle re-aligns with the billing cycle at every renewal."))
		for _, c := range []struct {
			body string
			ok   bool
		}{
			{every(1, "year", 1, "month"), true}, {every(1, "year", 5, "month"), false}, {every(5, "year", 5, "month"), true}, {every(1, "year", 24, "month"), false},
			{every(2, "week", 7, "day"), true}, {every(1, "week", 2, "day"), false}, {every(2, "week", 2, "day"), true},
			{every(6, "month", 3, "month"), true}, {every(6, "month", 4, "month"), false}, {every(30, "day", 10, "day"), true},
			{every(1, "month", 1, "day"), true}, {every(1, "month", 2, "day"), false}, {every(1, "year", 1, "day"), true}, {every(1, "year", 365, "day"), false},
			{every(1, "month", 1, "week"), false}, {every(1, "year", 1, "week"), false}, {every(1, "day", 1, "week"), false}, {every(12, "month", 1, "year"), false},
		} {
			s := floetest.Scenario{Name: c.body, Do: create, As: f.AllToken, Body: c.body, Status: 201}
			if !c.ok {
				s.Status, s.Want = 422, uneven
			}
			f.Run(s)
		}
		f.Run(floetest.Scenario{Name: "one by default", Do: create, As: f.AllToken, Body: every(1, "year", 0, "month"), Status: 201,
			Want: `{"meter_interval":"month","meter_interval_count":1}`})
		f.Run(floetest.Scenario{Name: "no count without an interval", Do: create, As: f.AllToken, Body: monthly(fixed10, `"meter_interval_count":3`), Status: 201,
			Want: `{"meter_interval":null,"meter_interval_count":null}`})
	})
}

// The default currency is one in which all that is offered has prices.
func TestDefaultCurrency(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		both := `{"amount_type":"fixed","price_amount":1000},{"amount_type":"fixed","price_amount":900,"price_currency":"eur"}`
		kept := add(t, f, monthly(both)).ID()
		gone := add(t, f, monthly(fixed10)).ID()
		archived := add(t, f, monthly(fixed10)).ID()
		other := f.Organization("Other")
		f.Do("POST", "/v1/products/", other.Token, monthly(fixed10))
		path := "/v1/organizations/" + string(f.Org.ID)
		to := func(currency string, status int) {
			t.Helper()
			r := f.Do("PATCH", path, f.AllToken, map[string]any{"default_presentment_currency": currency})
			want := `{"default_presentment_currency":"` + currency + `"}`
			if status == 422 {
				want = `{"error":"PolarRequestValidationError","detail":[{"type":"value_error","loc":["body","default_presentment_currency"],
					"msg":"All active products must have prices in the new currency.","input":"` + currency + `"}]}`
			}
			if d := r.Differs(want); r.Status != status || d != "" {
				t.Errorf("%s: %d %s", currency, r.Status, d)
			}
		}
		to("eur", 422)
		f.Do("PATCH", "/v1/products/"+archived, f.AllToken, map[string]any{"is_archived": true})
		to("eur", 422)
		to("usd", 200) // it is that
		if r := f.Do("DELETE", "/v1/products/"+gone, f.AllToken, nil); r.Status != 204 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		to("eur", 200)
		// What is archived is a price no more.
		f.Do("PATCH", "/v1/products/"+kept, f.AllToken, map[string]any{"prices": []any{
			map[string]any{"amount_type": "fixed", "price_amount": 900, "price_currency": "eur"}}})
		to("usd", 422)
	})
}

// Of a product in dollars and a change to euros at the same time only one can be.
func TestDefaultCurrencyRace(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		for range 20 {
			org := f.Organization("Race")
			var made, changed *floetest.Response
			var wait sync.WaitGroup
			wait.Go(func() { made = f.Do("POST", "/v1/products/", org.Token, monthly(fixed10)) })
			wait.Go(func() {
				changed = f.Do("PATCH", "/v1/organizations/"+string(org.ID), org.Token, map[string]any{"default_presentment_currency": "eur"})
			})
			wait.Wait()
			if made.Status == 201 == (changed.Status == 200) {
				t.Fatalf("made: %d, changed: %d", made.Status, changed.Status)
			}
		}
	})
}
