package sdktest_test

import (
	"testing"

	"floe/internal/floetest"
)

// TestSDKPayments drives a server that has a payment processor.
func TestSDKPayments(t *testing.T) {
	t.Parallel()
	_, err := sdks()
	need(t, err)
	for _, c := range []struct{ name, client, version string }{
		{"1.0.1 2026-04", "current", "2026-04"},
		{"1.0.1 2027-01", "current", "2027-01"},
		{"0.49.0", "legacy", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
				f.Processor()
				payer := f.Customer(map[string]any{"external_id": "payer", "name": "Pia Payer"}).ID()
				f.Card(payer, true)
				front := listen(t, f)
				given := config(f, front.url, c.version)
				given["payer"] = payer
				drive(t, []string{c.client + "-payments.mjs"}, given)
			})
		})
	}
}
