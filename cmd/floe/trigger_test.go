package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/webhook"
)

// TestTrigger: what is triggered happens, and all that was made for it is put
// away again. What cannot be triggered is known.
func TestTrigger(t *testing.T) {
	t.Parallel()
	beyond := append(slices.Clone(floetest.NeverTold), "subscription.cycled", "subscription.past_due", "subscription.paused", "subscription.resumed",
		"benefit_grant.cycled", "refund.updated")
	for _, typ := range webhook.Types() {
		if slices.Contains(triggered(), typ) == slices.Contains(beyond, typ) {
			t.Errorf("%s: can it be triggered, or can it not?", typ)
		}
	}
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		floe := httptest.NewServer(f.Handler)
		t.Cleanup(floe.Close)
		for _, event := range triggered() {
			session := "/v1/webhooks/listen?type=" + event + "&session=" + string(id.New())
			f.Do(http.MethodGet, session, f.AllToken, nil)
			var out strings.Builder
			c := triggerCommand{remoteOptions: remoteOptions{URL: floe.URL, Token: f.AllToken}, Event: event}
			if err := c.Run(t.Context(), &streams{out: &out, err: io.Discard}); err != nil {
				t.Errorf("%s: %v", event, err)
				continue
			}
			if !strings.Contains(out.String(), event+" ") {
				t.Errorf("%s: it says\n%s", event, out.String())
			}
			var heard struct{ Items []json.RawMessage }
			if err := json.Unmarshal([]byte(f.Do(http.MethodGet, session, f.AllToken, nil).Body), &heard); err != nil || len(heard.Items) == 0 {
				t.Errorf("%s did not happen (%v)", event, err)
			}
			f.Clock.Advance(2 * 60e9)
			f.Drain() // ends the session: not too many may listen
		}
		// Where another currency is the organization's own, prices are in it: the least that it has is more than usual.
		r := f.Do(http.MethodPatch, "/v1/organizations/"+string(f.Org.ID), f.AllToken, `{"default_presentment_currency": "huf"}`)
		if r.Status != http.StatusOK {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		for _, event := range []string{"product.created", "subscription.created", "order.refunded"} {
			c := triggerCommand{remoteOptions: remoteOptions{URL: floe.URL, Token: f.AllToken}, Event: event}
			if err := c.Run(t.Context(), &streams{out: io.Discard, err: io.Discard}); err != nil {
				t.Errorf("%s in another currency: %v", event, err)
			}
		}
		for _, path := range []string{"/v1/customers/", "/v1/products/?is_archived=false", "/v1/benefits/", "/v1/discounts/"} {
			if left := f.Do(http.MethodGet, path, f.AllToken, nil); left.Path("pagination.total_count").(json.Number) != "0" {
				t.Errorf("left is %s", left.Body)
			}
		}
	})
}
