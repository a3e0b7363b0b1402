package order_test

import (
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
)

// TestList: cases 2 to 6 and 8.
func TestList(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		long := strings.Repeat("x", 600) // than an index takes
		a := w.Customer(map[string]any{"email": "b@example.com", "external_id": long})
		b := w.Customer(map[string]any{"email": "a@example.com", "external_id": "ext"})
		once, monthly := w.Once(map[string]any{"name": "Once"}), w.Product(map[string]any{"name": "Monthly"})
		onceID, monthlyID := id.ID(once.ID()), id.ID(monthly.ID())
		sub := id.New()
		var ids []string
		add := func(customerID string, n order.New) {
			ids = append(ids, string(w.Make(customerID, n)[0].ID))
			w.Clock.Advance(time.Hour)
		}
		x := ordertest.Costs(300)
		x.ProductID, x.Metadata, x.CustomFieldData = &onceID, []byte(`{"color":"red","n":1}`), []byte(`{"size":"L"}`)
		add(a.ID(), x)
		y := ordertest.Of(sub, ordertest.Costs(100))
		y.ProductID, y.Metadata = &monthlyID, []byte(`{"color":"blue"}`)
		add(a.ID(), y)
		z := ordertest.Costs(0)
		digits := new(big.Int).Exp(big.NewInt(3), big.NewInt(8380), nil).String() // and a number, too
		z.Metadata = []byte(`{"n":` + digits + `,"a.b":true,"half":1.50}`)
		add(b.ID(), z)
		w.Draft(b.ID(), once.ID(), nil)
		list := func(query string) (out []string) {
			t.Helper()
			r := w.Do("GET", "/v1/orders/?"+query, w.AllToken, nil)
			w.Is(r, 200, nil)
			for i := 0; r.Path(fmt.Sprintf("items.%d.id", i)) != nil; i++ {
				got := r.Text(fmt.Sprintf("items.%d.id", i))
				name := "draft"
				for j, known := range ids {
					if known == got {
						name = string(rune('x' + j))
					}
				}
				out = append(out, name)
			}
			if n := fmt.Sprint(r.Path("pagination.total_count")); !strings.Contains(query, "limit") && n != strconv.Itoa(len(out)) {
				t.Errorf("%s: %d of %s", query, len(out), n)
			}
			return out
		}
		t2 := w.Get(id.ID(ids[1])).Text("created_at")
		t1, t3 := w.Get(id.ID(ids[0])).Text("created_at"), w.Get(id.ID(ids[2])).Text("created_at")
		for query, want := range map[string]string{
			"":                    "[draft z y x]",
			"sorting=created_at":  "[x y z draft]",
			"metadata[color]=red": "[x]", // 3
			"metadata[color]=red&metadata[color]=blue": "[y x]",
			"metadata[n]=1":             "[x]",
			"metadata[n]=" + digits:     "[z]",
			"metadata[n]=" + digits[1:]: "[]",
			"metadata[n]=1&metadata[n]=" + digits + "&sorting=created_at":      "[x z]",
			"metadata[n]=1&metadata[n]=" + digits + "&sorting=customer":        "[z x]",
			"metadata[color]=red&metadata[n]=1":                                "[x]",
			"metadata[color]=blue&metadata[n]=1":                               "[]",
			"metadata[color]=red&metadata[color]=blue&product_id=" + once.ID(): "[x]",
			"metadata[a.b]=true":                                               "[z]",
			"metadata[half]=1.50":                                              "[z]",
			"metadata[color]=Red":                                              "[]",
			"created_after=" + t1 + "&created_before=" + t3:                    "[y]", // 4
			"created_after=" + t2:                                              "[draft z]",
			"status=paid":                                                      "[z]", // 5
			"status=paid&status=pending&sorting=created_at":                    "[x y z]",
			"product_billing_type=one_time":                                    "[draft x]", // 6
			"product_billing_type=recurring":                                   "[y]",
			"product_billing_type=recurring&product_billing_type=one_time":     "[draft y x]",
			"external_customer_id=" + long:                                     "[y x]",
			"external_customer_id=ext":                                         "[draft z]",
			"external_customer_id=none":                                        "[]",
			"customer_id=" + b.ID():                                            "[draft z]",
			"product_id=" + monthly.ID():                                       "[y]",
			"subscription_id=" + string(sub):                                   "[y]",
			"discount_id=" + string(sub):                                       "[]",
			"checkout_id=" + string(sub):                                       "[]",
			"sorting=amount&sorting=created_at":                                "[z y x draft]",
			"sorting=status&sorting=created_at":                                "[draft x y z]",
			"sorting=customer&sorting=created_at":                              "[z draft x y]",
			"sorting=-product&sorting=created_at":                              "[z x draft y]",
			"sorting=invoice_number":                                           "[x y z draft]",
			"sorting=subscription&sorting=-amount":                             "[y draft x z]",
			"sorting=discount&sorting=created_at":                              "[x y z draft]",
			"organization_id=" + string(id.New()):                              "[]",
			"organization_id=" + string(w.Org.ID):                              "[draft z y x]",
			"limit=1&page=2":                                                   "[z]",
		} {
			if got := fmt.Sprint(list(query)); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		w.Is(w.Get(id.ID(ids[0])), 200, map[string]any{"custom_field_data": map[string]any{"size": "L"}, "metadata": map[string]any{"color": "red", "n": 1}}) // 8
		other := w.Organization("Other").Token
		w.RunAll( // 1, 2, 10
			floetest.Scenario{Name: "foreign list", Do: "GET /v1/orders/", As: other, Status: 200, Want: map[string]any{"items": []any{}}},
			floetest.Scenario{Name: "foreign get", Do: "GET /v1/orders/" + ids[0], As: other, Status: 404},
			floetest.Scenario{Name: "foreign patch", Do: "PATCH /v1/orders/" + ids[0], As: other, Body: "{}", Status: 404},
			floetest.Scenario{Name: "foreign invoice", Do: "POST /v1/orders/" + ids[0] + "/invoice", As: other, Status: 404},
			floetest.Scenario{Name: "foreign receipt", Do: "GET /v1/orders/" + ids[0] + "/receipt", As: other, Status: 404},
			floetest.Scenario{Name: "nobody", Do: "GET /v1/orders/", Status: 401},
			floetest.Scenario{Name: "write is not read", Do: "GET /v1/orders/", As: w.Token(auth.OrdersWrite), Status: 403},
			floetest.Scenario{Name: "write is not read of invoices", Do: "POST /v1/orders/" + ids[0] + "/invoice", As: w.Token(auth.OrdersWrite), Status: 403},
			floetest.Scenario{Name: "unknown sorting", Do: "GET /v1/orders/?sorting=x", As: w.AllToken, Status: 422},
			floetest.Scenario{Name: "delete", Do: "DELETE /v1/customers/" + b.ID(), As: w.AllToken, Status: 204},
		)
		if got := fmt.Sprint(list("sorting=customer&sorting=created_at")); got != "[z draft x y]" {
			t.Errorf("once a customer is deleted, orders by their addresses are %s", got)
		}
	})
}

// TestExport: case 9.
func TestExport(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Customer(map[string]any{"email": "jeanne@example.com", "name": "Jeanne, the first", "billing_address": ordertest.Paris})
		p := w.Once(map[string]any{"name": "Book"})
		pid := id.ID(p.ID())
		n := ordertest.Costs(1050)
		n.ProductID = &pid
		o := w.Make(c.ID(), n)[0]
		number := *o.InvoiceNumber
		r := w.Do("GET", "/v1/orders/export", w.AllToken, nil)
		at := o.CreatedAt.Format("2006-01-02T15:04:05.000000+00:00")
		if want := "Email,Created At,Product,Net Amount,Currency,Status,Invoice number\r\njeanne@example.com," + at + ",Book,10.5,usd,pending," + number + "\r\n"; r.Body != want {
			t.Errorf("export\n%q, want\n%q", r.Body, want)
		}
		if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="polar-orders.csv"` {
			t.Error(got)
		}
		r = w.Do("GET", "/v1/orders/export?timezone=Asia/Tokyo&columns=customer_name&columns=created_at&columns=total_amount&columns=billing_country"+
			"&columns=billing_reason&created_after=2026-05-03T18:00:00Z&created_before=2026-06-01T00:00:00%2B09:00", w.AllToken, nil)
		tokyo := o.CreatedAt.In(time.FixedZone("", 9*3600)).Format("2006-01-02T15:04:05.000000-07:00")
		if want := "Customer Name,Created At,Total,Billing Country,Billing Reason\r\n\"Jeanne, the first\"," + tokyo + ",10.5,FR,purchase\r\n"; r.Body != want {
			t.Errorf("export\n%q, want\n%q", r.Body, want)
		}
		if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="polar-orders-2026-05-04-2026-06-01.csv"` {
			t.Error(got)
		}
		w.RunAll(
			floetest.Scenario{Name: "zone", Do: "GET /v1/orders/export?timezone=Mars/Phobos", As: w.AllToken, Status: 422,
				Want: `{"detail":[{"loc":["query","timezone"],"msg":"Value error, 'Mars/Phobos' is not a valid IANA time zone","type":"value_error"}]}`},
			floetest.Scenario{Name: "column", Do: "GET /v1/orders/export?columns=x", As: w.AllToken, Status: 422},
			floetest.Scenario{Name: "naive", Do: "GET /v1/orders/export?created_after=2026-05-01T00:00:00", As: w.AllToken, Status: 422,
				Want: `{"detail":[{"loc":["query","created_after"],"msg":"Input should have timezone info","type":"timezone_aware"}]}`},
			floetest.Scenario{Name: "foreign", Do: "GET /v1/orders/export", As: w.Organization("Other").Token, Status: 200},
		)
	})
}
