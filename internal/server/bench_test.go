package server_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"floe/internal/floetest"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(p []byte) (int, error) { return len(p), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkGet is a customer by id through the whole handler, without TCP.
func BenchmarkGet(b *testing.B) {
	f := floetest.New(b)
	c := f.Customer(map[string]any{"name": "Jane Doe", "external_id": "user_1", "metadata": map[string]any{"plan": "pro"}})
	r := httptest.NewRequestWithContext(b.Context(), "GET", "/v1/customers/"+c.ID(), nil)
	r.Header.Set("Authorization", "Bearer "+f.AllToken)
	b.ReportAllocs()
	for b.Loop() {
		f.Handler.ServeHTTP(discard{http.Header{}}, r)
	}
}
