package doctor_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/doctor"
)

// wrongs are changes of one row, or of few, that no program makes: what a lost
// write, a wrong one or somebody with a shell may leave. Some rule finds each.
var wrongs = []string{
	`UPDATE customers SET email = 'other@example.com' WHERE seq = (SELECT MIN(seq) FROM customers WHERE email IS NOT NULL AND deleted_at IS NULL)`,
	`UPDATE customers SET name = 'Other' WHERE seq = (SELECT MIN(seq) FROM customers WHERE name IS NOT NULL)`,
	`UPDATE customers SET name_key = 'other' WHERE seq = (SELECT MIN(seq) FROM customers WHERE name IS NOT NULL)`,
	`UPDATE customers SET name_key = NULL WHERE seq = (SELECT MIN(seq) FROM customers WHERE name IS NOT NULL)`,
	`UPDATE customers SET external_id = 'ABC' WHERE seq = (SELECT MIN(seq) FROM customers WHERE external_id IS NOT NULL)`,
	`UPDATE customers SET external_key = 'abc' WHERE seq = (SELECT MIN(seq) FROM customers WHERE external_id IS NOT NULL)`,
	`UPDATE customers SET search = email_key WHERE seq = (SELECT MIN(seq) FROM customers WHERE name IS NOT NULL AND email_key IS NOT NULL)`,
	`UPDATE customers SET deleted_at = NULL, email_key = email WHERE anonymized_at IS NOT NULL`,
	`UPDATE customers SET deleted_at = created_at, email_key = NULL, external_id = NULL, external_key = NULL WHERE seq = (SELECT MAX(seq) FROM customers WHERE deleted_at IS NULL)`,
	`UPDATE customers SET billing_name = 'Known', name = 'Known' WHERE anonymized_at IS NOT NULL`,
	`UPDATE orders SET billing_name = 'Known' WHERE status = 'draft' AND customer_id IN (SELECT id FROM customers WHERE anonymized_at IS NOT NULL)`,
	`UPDATE order_payments SET note = 'Known' WHERE customer_id IN (SELECT id FROM customers WHERE anonymized_at IS NOT NULL)`,
	`UPDATE refunds SET comment = 'Known' WHERE customer_id IN (SELECT id FROM customers WHERE anonymized_at IS NOT NULL)`,
	`UPDATE license_keys SET status = 'granted' WHERE customer_id IN (SELECT id FROM customers WHERE anonymized_at IS NOT NULL)`,
	`UPDATE customers SET metadata = '{"a":"b"}' WHERE seq = (SELECT MIN(seq) FROM customers WHERE (SELECT COUNT(*) FROM json_each(metadata)) = 1)`,
	`UPDATE customer_totals SET live = live + 1`,
	`UPDATE customer_sessions SET member_id = organization_id`,
	`DELETE FROM journal WHERE customer_id IS NULL`,
	`DELETE FROM journal WHERE seq = (SELECT MAX(seq) FROM journal WHERE customer_id IS NOT NULL)`,
	`UPDATE journal SET seq = 1000000 + seq WHERE customer_seq = 2`,
	`DELETE FROM members WHERE role = 'owner' AND deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM benefit_grants g WHERE g.member_id = members.id)`,
	`UPDATE journal SET subject_id = organization_id WHERE seq = (SELECT MIN(seq) FROM journal WHERE type = 'subscription.created')`,
	`UPDATE journal SET type = 'customer.updated' WHERE seq = (SELECT MIN(seq) FROM journal WHERE type = 'subscription.created')`,
	`UPDATE benefits SET description_key = 'other' WHERE seq = 1`,
	`UPDATE products SET name_key = 'other' WHERE seq = 1`,
	`UPDATE products SET is_recurring = NOT is_recurring WHERE seq = 1`,
	`UPDATE products SET recurring_interval = NULL WHERE seq = (SELECT MIN(seq) FROM products WHERE recurring_interval IS NOT NULL)`,
	`UPDATE product_prices SET is_archived = TRUE WHERE product_id = (SELECT id FROM products WHERE seq = 1)`,
	`UPDATE product_prices SET price_amount = NULL WHERE seq = (SELECT MIN(seq) FROM product_prices WHERE amount_type = 'fixed')`,
	`UPDATE product_prices SET price_amount = price_amount + 1 WHERE amount_type = 'fixed'`,
	`UPDATE product_prices SET seat_tiers = NULL WHERE amount_type = 'seat_based'`,
	`UPDATE discounts SET name_key = 'other' WHERE seq = 1`,
	`UPDATE discounts SET code_key = 'other' WHERE code IS NOT NULL`,
	`UPDATE discounts SET basis_points = NULL WHERE type = 'percentage'`,
	`UPDATE discounts SET basis_points = basis_points / 2 WHERE type = 'percentage'`,
	`UPDATE discounts SET amounts = '{}' WHERE type = 'fixed'`,
	`DELETE FROM discount_redemptions WHERE seq = 1`,
	`UPDATE discount_redemptions SET subscription_id = NULL WHERE seq = 1`,
	`UPDATE benefit_grants SET granted_at = NULL, revoked_at = NULL WHERE seq = (SELECT MIN(seq) FROM benefit_grants WHERE revoked_at IS NOT NULL)`,
	`UPDATE benefit_grants SET granted_at = NULL, revoked_at = created_at WHERE seq = (SELECT MIN(seq) FROM benefit_grants g WHERE granted_at IS NOT NULL AND order_id IS NOT NULL)`,
	`UPDATE benefit_grants SET granted_at = NULL, revoked_at = created_at WHERE seq = (SELECT MIN(seq) FROM benefit_grants g WHERE granted_at IS NOT NULL AND order_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM license_keys k WHERE k.grant_id = g.id))`,
	`DELETE FROM benefit_grants WHERE seq = (SELECT MIN(seq) FROM benefit_grants g WHERE granted_at IS NOT NULL AND order_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM license_keys k WHERE k.grant_id = g.id))`,
	`UPDATE license_keys SET status = 'revoked' WHERE status = 'granted'`,
	`UPDATE license_keys SET grant_id = NULL WHERE status = 'granted'`,
	`UPDATE license_keys SET member_id = NULL WHERE member_id IS NOT NULL`,
	`UPDATE orders SET metadata = '{"a":"b"}' WHERE seq = (SELECT MIN(seq) FROM orders WHERE (SELECT COUNT(*) FROM json_each(metadata)) = 1)`,
	`UPDATE orders SET subtotal_amount = subtotal_amount + 1 WHERE seq = 1`,
	`UPDATE orders SET discount_amount = discount_amount + 1 WHERE seq = 1`,
	`UPDATE orders SET net_amount = net_amount + 1 WHERE seq = 1`,
	`UPDATE orders SET tax_amount = tax_amount + 1 WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'paid')`,
	`UPDATE orders SET tax_amount = tax_amount + 1, paid_amount = paid_amount + 1 WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'paid')`,
	`UPDATE orders SET applied_balance_amount = applied_balance_amount - 100000000 WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'pending')`,
	`UPDATE orders SET currency = 'xts' WHERE seq = 1`,
	`UPDATE orders SET customer_id = (SELECT id FROM customers WHERE seq = 1 AND organization_id = orders.organization_id) WHERE seq = (SELECT MAX(seq) FROM orders WHERE status = 'paid' AND subscription_id IS NULL AND customer_id <> (SELECT id FROM customers WHERE seq = 1))`,
	`UPDATE orders SET subscription_id = NULL WHERE seq = (SELECT MIN(seq) FROM orders WHERE subscription_id IS NOT NULL AND status='paid')`,
	`UPDATE orders SET status = 'pending' WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'paid' AND net_amount > 0)`,
	`UPDATE orders SET status = 'paid' WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'pending')`,
	`UPDATE orders SET status = 'void' WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'paid')`,
	`UPDATE orders SET status = 'draft' WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'paid')`,
	`UPDATE orders SET status = 'nonsense' WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'paid')`,
	`UPDATE orders SET paid_at = NULL WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'paid')`,
	`UPDATE orders SET paid_at = created_at WHERE seq = (SELECT MIN(seq) FROM orders WHERE status = 'pending')`,
	`UPDATE orders SET issued_at = NULL WHERE issued_at IS NOT NULL`,
	`UPDATE orders SET invoice_number = NULL, issued_at = NULL WHERE seq = (SELECT MIN(seq) FROM orders WHERE invoice_number IS NOT NULL)`,
	`UPDATE orders SET receipt_number = NULL WHERE seq = (SELECT MIN(seq) FROM orders WHERE receipt_number IS NOT NULL)`,
	`DELETE FROM order_items WHERE seq = (SELECT MIN(seq) FROM order_items WHERE amount <> 0)`,
	`DELETE FROM order_items WHERE seq = (SELECT MIN(seq) FROM order_items WHERE amount = 0)`,
	`UPDATE order_items SET product_price_id = organization_id WHERE seq = (SELECT MIN(seq) FROM order_items WHERE product_price_id IS NOT NULL)`,
	`DELETE FROM order_payments WHERE seq = (SELECT MIN(seq) FROM order_payments WHERE amount > 0 AND status = 'succeeded')`,
	`UPDATE order_payments SET amount = amount + 1 WHERE seq = 1`,
	`UPDATE order_payments SET currency = 'xts' WHERE seq = 1`,
	`UPDATE order_payments SET status = 'failed' WHERE seq = (SELECT MIN(seq) FROM order_payments WHERE status = 'succeeded' AND amount > 0)`,
	`UPDATE order_payments SET surplus = NOT surplus WHERE seq = (SELECT MIN(seq) FROM order_payments WHERE status = 'succeeded' AND amount > 0)`,
	`UPDATE refunds SET currency = 'xts' WHERE seq = 1`,
	`UPDATE refunds SET status = 'failed' WHERE seq = (SELECT MIN(seq) FROM refunds WHERE status = 'succeeded')`,
	`UPDATE refunds SET subscription_id = organization_id WHERE seq = 1`,
	`DELETE FROM refunds WHERE seq = 1`,
	`UPDATE order_counters SET value = value + 1`,
	`DELETE FROM customer_balances WHERE amount <> 0`,
	`DELETE FROM order_documents`,
	`UPDATE subscriptions SET status = 'nonsense' WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE status = 'active')`,
	`UPDATE subscriptions SET status = 'active' WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE status = 'canceled')`,
	`UPDATE subscriptions SET status = 'past_due' WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE status = 'active')`,
	`UPDATE subscriptions SET status = 'active' WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE status = 'past_due')`,
	`UPDATE subscriptions SET status = 'active' WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE status = 'paused')`,
	`UPDATE subscriptions SET ends_at = NULL WHERE cancel_at_period_end`,
	`UPDATE subscriptions SET canceled_at = NULL WHERE cancel_at_period_end`,
	`UPDATE subscriptions SET canceled_at = NULL WHERE status = 'canceled'`,
	`UPDATE subscriptions SET cancel_at_period_end = TRUE WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE status = 'active' AND NOT cancel_at_period_end)`,
	`UPDATE subscriptions SET current_period_end = current_period_start WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE status = 'active')`,
	`UPDATE subscriptions SET currency = 'xts' WHERE seq = 1`,
	`UPDATE subscriptions SET price_ids = '[]' WHERE seq = 1`,
	`UPDATE subscriptions SET price_ids = '["0f8fad5b-d9cb-469f-a165-70867728950e"]' WHERE seq = 1`,
	`UPDATE subscriptions SET anchor_day = 0 WHERE seq = 1`,
	`UPDATE subscriptions SET recurring_interval_count = 0 WHERE seq = 1`,
	`UPDATE subscriptions SET started_at = NULL WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE status = 'active')`,
	`UPDATE subscriptions SET grace_ends_at = created_at WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE status = 'active')`,
	`UPDATE subscriptions SET seats = NULL WHERE seats IS NOT NULL`,
	`UPDATE subscriptions SET seats = seats + 1 WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE seats IS NOT NULL)`,
	`UPDATE subscriptions SET amount = amount + 1 WHERE seq = 1`,
	`UPDATE subscriptions SET discount_id = NULL WHERE seq = (SELECT MIN(seq) FROM subscriptions WHERE discount_id IS NOT NULL)`,
	`UPDATE subscription_updates SET product_id = organization_id`,
	`UPDATE subscription_updates SET discount_id = organization_id`,
	`DELETE FROM billing_entries WHERE order_id IS NOT NULL`,
	`DELETE FROM billing_entries WHERE order_id IS NULL AND direction = 'debit'`,
	`DELETE FROM billing_entries WHERE order_id IS NULL AND direction = 'credit'`,
	`UPDATE billing_entries SET amount = amount + 1 WHERE order_id IS NOT NULL`,
	`UPDATE billing_entries SET currency = 'xts'`,
	`UPDATE billing_entries SET order_id = NULL WHERE order_id IS NOT NULL`,
	`UPDATE billing_entries SET price_id = organization_id`,
	`UPDATE charges SET amount = amount + 1`,
	`UPDATE charges SET currency = 'xts'`,
	`UPDATE refund_requests SET amount = amount + 100000000`,
	`UPDATE refund_requests SET processor = ''`,
	`UPDATE disputes SET payment_id = organization_id`,
	`UPDATE disputes SET currency = 'xts'`,
	`UPDATE webhook_endpoints SET mask = 0 WHERE deleted_at IS NULL`,
	`UPDATE webhook_endpoints SET mask = mask - (mask & -mask) WHERE deleted_at IS NULL`,
	`UPDATE webhook_endpoints SET mask = mask + 1 WHERE deleted_at IS NULL AND mask & 1 = 0`,
	`DELETE FROM webhook_targets`,
	`UPDATE webhook_queue SET organization_id = (SELECT id FROM organizations WHERE slug = 'later') WHERE seq = (SELECT MIN(seq) FROM webhook_queue)`,
	`UPDATE webhook_queue SET seq = seq + 1000000 WHERE seq = (SELECT MIN(q.seq) FROM webhook_queue q WHERE (SELECT COUNT(*) FROM webhook_queue x WHERE x.lane = q.lane AND x.target_id = q.target_id) > 1)`,
	`UPDATE webhook_lanes SET last_seq = last_seq + 1 WHERE last_seq > 0`,
	`UPDATE webhook_lanes SET last_seq = 0 WHERE last_seq > 0`,
	`DELETE FROM webhook_events WHERE seq = (SELECT MAX(seq) FROM webhook_events)`,
	`UPDATE webhook_events SET type = 'order.paid' WHERE seq = (SELECT MIN(seq) FROM webhook_events)`,
	`UPDATE webhook_events SET lane = organization_id WHERE seq = (SELECT MIN(seq) FROM webhook_events)`,
	`UPDATE webhook_events SET customer_seq = customer_seq + 1 WHERE seq = (SELECT MIN(seq) FROM webhook_events)`,
	`DELETE FROM webhook_deliveries WHERE seq = 1`,
	`UPDATE webhook_deliveries SET endpoint_id = organization_id`,
	`DELETE FROM jobs WHERE kind = 'webhooks.replay'`,
	`DELETE FROM jobs WHERE kind = 'webhooks.unlisten'`,
	`DELETE FROM jobs WHERE kind = 'billing.cycle'`,
	`DELETE FROM memberships WHERE role = 'owner'`,
	`DELETE FROM memberships WHERE role = 'member'`,
	`UPDATE memberships SET role = 'admin' WHERE role = 'member'`,
	`UPDATE tokens SET kind = 'nonsense'`,
	`UPDATE users SET email_key = 'other' WHERE seq = 1`,
	`DELETE FROM settings`,
	// Parts of rules that nothing else breaks.
	`UPDATE customers SET deleted_at = created_at, email_key = NULL, external_id = NULL, external_key = NULL WHERE id IN (SELECT customer_id FROM benefit_grants WHERE granted_at IS NOT NULL)`,
	`UPDATE customers SET anonymized_at = (SELECT MAX(created_at) FROM journal)`,
	`UPDATE subscriptions SET customer_cancellation_comment = 'Too dear' WHERE canceled_at IS NOT NULL; UPDATE customers SET anonymized_at = (SELECT MAX(canceled_at) FROM subscriptions)`,
	`UPDATE refund_requests SET comment = 'Known'; UPDATE customers SET anonymized_at = (SELECT MAX(created_at) FROM journal)`,
	`UPDATE journal SET customer_id = organization_id WHERE seq = (SELECT MAX(seq) FROM journal WHERE customer_id IS NOT NULL)`,
	`UPDATE journal SET type = 'order.updated' WHERE type = 'order.created'`,
	`DELETE FROM journal WHERE type LIKE 'benefit_grant.%'`,
	`UPDATE orders SET clocked = TRUE, check_at = created_at WHERE organization_id NOT IN (SELECT organization_id FROM test_clocks)`,
	`UPDATE subscription_metadata SET value = 'Other'`,
	`UPDATE subscription_metadata SET key = 'Other' WHERE key = (SELECT MIN(key) FROM subscription_metadata)`,
	`UPDATE subscriptions SET discount_id = organization_id WHERE seq = 1`,
	`UPDATE subscriptions SET ended_at = created_at WHERE id IN (SELECT subscription_id FROM subscription_updates)`,
	`UPDATE subscriptions SET payment_method_id = organization_id WHERE ended_at IS NULL`,
	`UPDATE billing_entries SET order_id = organization_id WHERE order_id IS NOT NULL`,
	`DROP INDEX orders_invoice_number_key; UPDATE orders SET invoice_number = 'same' WHERE invoice_number IS NOT NULL`,
	`UPDATE orders SET receipt_number = 'same' WHERE receipt_number IS NOT NULL`,
	`UPDATE orders SET subscription_id = organization_id WHERE subscription_id IS NOT NULL`,
	`UPDATE orders SET discount_id = organization_id WHERE seq = 1`,
	`UPDATE orders SET charging_since = NULL WHERE charging_since IS NOT NULL`,
	`UPDATE refunds SET customer_id = organization_id WHERE seq = 1`,
	`UPDATE refunds SET payment_id = organization_id WHERE seq = 1`,
	`UPDATE charges SET customer_id = (SELECT c.id FROM customers c WHERE c.organization_id = charges.organization_id AND c.id <> charges.customer_id ORDER BY c.seq LIMIT 1)`,
	`UPDATE balance_movements SET customer_id = organization_id`,
	`UPDATE balance_movements SET currency = 'xts'`,
	`UPDATE customers SET deleted_at = created_at, email_key = NULL, external_id = NULL, external_key = NULL WHERE id IN (SELECT customer_id FROM payment_methods WHERE deleted_at IS NULL)`,
	`UPDATE benefits SET deleted_at = created_at WHERE deleted_at IS NULL`,
	`UPDATE members SET deleted_at = created_at WHERE id IN (SELECT member_id FROM benefit_grants WHERE granted_at IS NOT NULL)`,
	`DELETE FROM webhook_lanes`,
	`INSERT INTO webhook_queue (organization_id, target_id, lane, event_id, manual, attempt) SELECT organization_id, target_id, lane, event_id, manual, attempt FROM webhook_queue`,
}

// TestWrongs: whatever is wrong with a row is found by some rule.
func TestWrongs(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		t.Parallel()
		d := open()
		fill(t, d)
		for _, text := range wrongs {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				for _, one := range strings.Split(text, "; ") {
					if n, err := db.Exec(t.Context(), tx, one); err != nil || n == 0 && !strings.HasPrefix(one, "DROP") {
						t.Errorf("%s: %d rows, %v", one, n, err)
						return errUndo
					}
				}
				for i := range doctor.Invariants {
					inv := &doctor.Invariants[i]
					if inv.Engine != "" && inv.Engine != d.Engine() || !concerns(inv, text) {
						continue
					}
					if found, err := inv.Broken(t.Context(), tx, 1); err != nil || len(found) > 0 {
						return errors.Join(err, errUndo)
					}
				}
				t.Errorf("nothing finds: %s", text)
				return errUndo
			})
			if !errors.Is(err, errUndo) {
				t.Errorf("%s: %v", text, err)
			}
		}
	})
}

// concerns says whether a rule looks at the table that a change is of.
func concerns(inv *doctor.Invariant, text string) bool {
	words := strings.Fields(text[strings.LastIndex(text, "; ")+1:])
	table := words[1]
	if words[0] != "UPDATE" {
		table = words[2]
	}
	return strings.Contains(inv.Query, table)
}

// TestParts: each part of a rule finds something that is wrong; none asks for
// what can never be.
func TestParts(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	fill(t, d)
	var left []doctor.Invariant
	for _, inv := range doctor.Invariants {
		for i, query := range parts(inv.Query) {
			left = append(left, doctor.Invariant{Name: fmt.Sprintf("%s, part %d", inv.Name, i+1), Query: query})
		}
	}
	if len(left) < 2*len(doctor.Invariants) {
		t.Errorf("%d rules have only %d parts", len(doctor.Invariants), len(left))
	}
	all := slices.Collect(maps.Values(breaks))
	for _, text := range wrongs {
		all = append(all, strings.Split(text, "; "))
	}
	for _, texts := range all {
		err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
			for _, text := range texts {
				if _, err := db.Exec(t.Context(), tx, text); err != nil {
					return err
				}
			}
			left = slices.DeleteFunc(left, func(part doctor.Invariant) bool {
				if !concerns(&part, texts[len(texts)-1]) {
					return false
				}
				found, failed := part.Broken(t.Context(), tx, 1)
				err = errors.Join(err, failed)
				return len(found) > 0
			})
			return errors.Join(err, errUndo)
		})
		if err.Error() != errUndo.Error() {
			t.Errorf("%q: %v", texts, err)
		}
	}
	for _, part := range left {
		t.Errorf("nothing is wrong enough for %s: %s", part.Name, part.Query)
	}
}

// parts are the queries of which one is made, each under the names of its
// columns and behind what it begins WITH.
func parts(query string) (list []string) {
	const names = "SELECT NULL AS organization_id, NULL AS id, NULL AS detail WHERE FALSE UNION ALL "
	with, from, depth := "", -1, 0
	for at := 0; at < len(query); at++ {
		switch rest := query[at:]; {
		case rest[0] == '\'':
			at += 1 + strings.IndexByte(rest[1:], '\'')
		case rest[0] == '(':
			depth++
		case rest[0] == ')':
			depth--
		case depth > 0:
		case from < 0 && strings.HasPrefix(rest, "SELECT "):
			with, from = query[:at], at
		case strings.HasPrefix(rest, "UNION ALL "):
			list = append(list, with+names+query[from:at])
			from = at + len("UNION ALL ")
		}
	}
	return append(list, with+names+query[from:])
}
