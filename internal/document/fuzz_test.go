package document_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"floe/internal/floetest"
)

// A link opens what it was made for, and one that says anything else, or says it
// without our signature, opens nothing.
func FuzzLink(f *testing.F) {
	s := floetest.New(f)
	customer := s.Customer(map[string]any{"name": "Jeanne", "billing_address": map[string]any{"line1": "1 rue de la Paix", "postal_code": "75002", "city": "Paris", "country": "FR"}})
	product := s.Product(map[string]any{"recurring_interval": nil}).ID()
	order := s.Do("POST", "/v1/orders/", s.AllToken, map[string]any{"customer_id": customer.ID(), "product_id": product}).ID()
	s.Do("POST", "/v1/orders/"+order+"/finalize", s.AllToken, map[string]any{"collection_method": "send_invoice"})
	s.Do("POST", "/v1/orders/"+order+"/invoice", s.AllToken, nil)
	link, err := url.Parse(s.Do("GET", "/v1/orders/"+order+"/invoice", s.AllToken, nil).Text("url"))
	if err != nil {
		f.Fatal(err)
	}
	good := link.Query()
	f.Add(good.Encode())
	f.Add(good.Encode() + "&kind=receipt")
	f.Add("kind=receipt&" + good.Encode())
	for name := range good {
		bad, _ := url.ParseQuery(good.Encode())
		bad.Set(name, "x")
		f.Add(bad.Encode())
	}
	f.Add("signature=&expires=9223372036854775808")
	f.Add("kind=%00&signature=%zz;expires=1")
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, link.Path, nil)
		r.URL.RawQuery = query
		w := httptest.NewRecorder()
		s.Handler.ServeHTTP(w, r)
		said, same := r.URL.Query(), true
		for name := range good {
			same = same && said.Get(name) == good.Get(name)
		}
		if want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[same]; w.Code != want {
			t.Errorf("%q: %d, want %d", query, w.Code, want)
		}
	})
}
