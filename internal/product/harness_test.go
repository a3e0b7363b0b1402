package product_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"floe/internal/floetest"
)

// The numbers of subtests are those of the checklist in the specification of
// subscriptions, which covers products.

const (
	create    = "POST /v1/products/"
	notFound  = `{"error":"ResourceNotFound","detail":"Not found"}`
	unknownID = "00000000-0000-4000-8000-000000000000"
	fixed10   = `{"amount_type":"fixed","price_amount":1000}`
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
	return fmt.Sprintf(`{"type":%q,"loc":%s,"msg":%s}`, typ, loc, text(msg))
}

func text(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// body is the body of a creation: of a monthly subscription unless fields say
// otherwise, with these prices.
func body(prices string, fields ...string) string {
	out := `{"name":"Gold plan","prices":[` + prices + `]`
	for _, f := range fields {
		out += "," + f
	}
	return out + "}"
}

func monthly(prices string, fields ...string) string {
	return body(prices, append([]string{`"recurring_interval":"month"`}, fields...)...)
}

// add creates a product and checks that it can be read back as it is.
func add(t *testing.T, f *floetest.Floe, body string) *floetest.Response {
	t.Helper()
	r := f.Do("POST", "/v1/products/", f.AllToken, body)
	if r.Status != 201 {
		t.Fatalf("%s: %d %s", body, r.Status, r.Body)
	}
	if got := f.Do("GET", "/v1/products/"+r.ID(), f.AllToken, nil); got.Body != r.Body {
		t.Errorf("read back:\n%s\ncreated:\n%s", got.Body, r.Body)
	}
	return r
}
