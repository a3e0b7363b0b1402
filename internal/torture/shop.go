//go:build unix

package torture

import (
	"context"
	"encoding/json"
	"fmt"

	"floe/internal/webhook"
)

// stock makes what customers can have, and the endpoints that are told.
func stock(ctx context.Context, p *process, sink string) (*shop, error) {
	type object = map[string]any
	var failed error
	make := func(path string, body object) string {
		if failed != nil {
			return ""
		}
		status, answer, err := p.do(ctx, "POST", path, body)
		if err != nil || status != 201 {
			failed = fmt.Errorf("POST %s: %d %s %w", path, status, answer, err)
			return ""
		}
		var made struct{ ID string }
		failed = json.Unmarshal(answer, &made)
		return made.ID
	}
	s := &shop{endpoint: make("/v1/webhooks/endpoints", object{"url": sink + "/hook", "format": "raw", "events": webhook.Types()})}
	make("/v1/webhooks/endpoints", object{"url": sink + "/gone", "format": "raw", "events": []string{"customer.created"}})
	flag := make("/v1/benefits/", object{"type": "feature_flag", "description": "A flag", "properties": object{}})
	key := make("/v1/benefits/", object{"type": "license_keys", "description": "A key",
		"properties": object{"activations": object{"limit": activations, "enable_customer_admin": false}}})
	sell := func(name string, more object, benefits ...string) string {
		more["name"] = name
		id := make("/v1/products/", more)
		if failed == nil {
			status, answer, err := p.do(ctx, "POST", "/v1/products/"+id+"/benefits", object{"benefits": benefits})
			if err != nil || status != 200 {
				failed = fmt.Errorf("give product %s its benefits: %d %s %w", name, status, answer, err)
			}
		}
		return id
	}
	fixed := []object{{"amount_type": "fixed", "price_amount": price, "price_currency": "usd"}}
	s.free = sell("Free", object{"recurring_interval": "month", "prices": []object{{"amount_type": "free"}}}, flag, key)
	s.dear = sell("Dear", object{"recurring_interval": "month", "prices": fixed}, flag)
	s.once = sell("Once", object{"prices": fixed}, flag)
	var orgs struct{ Items []struct{ ID string } }
	if failed == nil {
		failed = p.get(ctx, "/v1/organizations/", &orgs)
	}
	if failed == nil {
		s.organization = orgs.Items[0].ID
	}
	return s, failed
}
