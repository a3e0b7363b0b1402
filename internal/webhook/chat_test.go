package webhook_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"floe/internal/webhook"
)

// TestChatAmounts: a chat reads amounts as invoices do, in each kind of
// currency.
func TestChatAmounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typ, data, want string }{
		{"order.paid", `{"description":"Pro","net_amount":123450,"currency":"usd","customer":{"email":"a@example.com"}}`, "New Order|Pro|$1,234.50|a@example.com"},
		{"order.paid", `{"description":"Pro","net_amount":5000,"currency":"pyg","customer":{"name":"Ann"}}`, "New Order|Pro|PYG\u00a05,000|Ann"},
		{"order.refunded", `{"description":"Pro","net_amount":7000,"currency":"isk","status":"refunded","subscription_id":"x","customer":{}}`,
			"Order Refunded|Pro|ISK\u00a070.00|Team Customer|Yes|Yes"},
		{"refund.created", `{"amount":-500,"currency":"jpy","status":"pending"}`, "Refund Created|-¥500|pending"},
		{"subscription.created", `{"amount":900,"currency":"vuv","recurring_interval":"month","status":"active","product":{"name":"Pro"},"customer":{"email":"a@example.com"}}`,
			"New Subscription|Pro|VUV\u00a0900/month|a@example.com|active"},
		{"subscription.created", `{"amount":0,"currency":"usd","recurring_interval":"month","status":"active","product":{"name":"Pro"},"customer":{}}`,
			"New Subscription|Pro|Free|Team Customer|active"},
		{"subscription.updated", `{"amount":0,"currency":"usd","status":"active"}`, ""},
		{"product.created", `{"id":"p"}`, "product.created|p|Acme"},
	} {
		message, err := webhook.Chat(webhook.Discord, c.typ, c.data, "Acme")
		if err != nil {
			t.Fatal(err)
		}
		var m struct {
			Content string
			Embeds  []struct{ Fields []struct{ Value string } }
		}
		if message != "" {
			if err := json.Unmarshal([]byte(message), &m); err != nil {
				t.Fatal(err)
			}
		}
		said := []string{m.Content}
		for _, e := range m.Embeds {
			for _, f := range e.Fields {
				said = append(said, f.Value)
			}
		}
		if got := strings.Join(said, "|"); got != c.want {
			t.Errorf("%s: %q, want %q", c.typ, got, c.want)
		}
	}
}

// TestChatLengths: chats refuse values that are too long, and an endpoint that
// refuses everything is switched off.
func TestChatLengths(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ö", 5000)
	data := fmt.Sprintf(`{"id":"p","description":%q,"net_amount":1,"currency":"usd","customer":{"name":%[1]q}}`, long)
	for _, f := range []webhook.Format{webhook.Discord, webhook.Slack} {
		for _, typ := range []string{"order.paid", "product.created"} {
			message, err := webhook.Chat(f, typ, data, long)
			if n := utf8.RuneCountInString(message); err != nil || n > 2000 || !strings.Contains(message, "…") {
				t.Errorf("%s %s: %d letters, %v", f, typ, n, err)
			}
		}
	}
}
