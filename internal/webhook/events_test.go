package webhook_test

import (
	"slices"
	"testing"

	"floe/internal/floetest"
)

// TestCustomerEvents: cases 25, 26, 30 and 31, and the member's own events.
func TestCustomerEvents(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		endpoint(t, f, s.URL, "customer.created", "customer.updated", "customer.deleted", "customer.state_changed",
			"member.created", "member.updated", "member.deleted", "organization.updated")
		c := f.Customer(map[string]any{"external_id": "ext", "name": "Zoë"})
		f.Drain()
		expect(t, s, "member.created", "customer.created", "customer.state_changed")
		f.Do("PATCH", "/v1/customers/"+c.ID(), f.AllToken, map[string]any{})
		f.Drain()
		expect(t, s, "customer.updated", "customer.state_changed")
		f.Do("PATCH", "/v1/organizations/"+string(f.Org.ID), f.AllToken, map[string]any{"name": "New"})
		f.Drain()
		expect(t, s, "organization.updated")
		f.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", f.AllToken, nil)
		f.Drain()
		expect(t, s, "member.deleted", "customer.deleted", "customer.state_changed")
	})
}

func expect(t *testing.T, s *sink, want ...string) {
	t.Helper()
	if got := s.types(t); !slices.Equal(got, want) {
		t.Errorf("the sink got %q, want %q", got, want)
	}
}
