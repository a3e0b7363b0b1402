package doctor

// Invariant is something that holds between any two transactions, whatever
// happened before.
type Invariant struct {
	Name string
	Says string // in one sentence
	// Engine is set where only one engine has what the query looks at.
	Engine string
	// Query finds what breaks it: organization_id, id and detail of each.
	Query string
}

// byHand says of a grant g that somebody has set the status of its license key:
// that gives the grant or takes it, whatever its source says.
const byHand = `EXISTS (SELECT 1 FROM license_keys h
	JOIN journal j ON j.organization_id = h.organization_id AND j.subject_id = h.id AND (j.customer_id IS NULL OR j.subject_id <> j.customer_id)
	WHERE h.organization_id = g.organization_id AND h.grant_id = g.id
		AND j.type = 'license_key.updated' AND CAST(j.after AS text) LIKE '%"status":%')`

// Invariants are all of them. A rule that the schema enforces by itself stands
// here only where an index is what enforces it, because indexes break. Both
// engines run the same text.
var Invariants = []Invariant{
	// Customers.
	{
		Name: "customers.total",
		Says: "The number of customers that lists show is the number of rows.",
		Query: `SELECT id AS organization_id, id, 'kept ' || kept || ', counted ' || counted AS detail FROM (
				SELECT o.id,
					COALESCE((SELECT SUM(t.live) FROM customer_totals t WHERE t.organization_id = o.id), 0) AS kept,
					(SELECT COUNT(*) FROM customers c WHERE c.organization_id = o.id AND c.deleted_at IS NULL) AS counted
				FROM organizations o
			) AS totals WHERE kept <> counted`,
	},
	{
		Name: "customers.email_unique",
		Says: "No two live customers of an organization have one e-mail address, whatever its letter case.",
		Query: `SELECT organization_id, MIN(CAST(id AS text)) AS id, COUNT(*) || ' customers' AS detail FROM customers
			WHERE email_key IS NOT NULL GROUP BY organization_id, email_key HAVING COUNT(*) > 1`,
	},
	{
		Name: "customers.external_id_unique",
		Says: "No two live customers of an organization have one external ID.",
		Query: `SELECT organization_id, MIN(CAST(id AS text)) AS id, COUNT(*) || ' customers' AS detail FROM customers
			WHERE external_id IS NOT NULL GROUP BY organization_id, external_id, external_id_long HAVING COUNT(*) > 1`,
	},
	{
		Name: "customers.keys",
		Says: "A live customer is found by their e-mail address; a deleted one has given up the address and the external ID.",
		Query: `SELECT organization_id, id, CASE WHEN deleted_at IS NULL THEN 'has an address and no key' ELSE 'is deleted and has a key' END AS detail
			FROM customers WHERE deleted_at IS NULL AND (email IS NULL) <> (email_key IS NULL)
				OR deleted_at IS NOT NULL AND (email_key IS NOT NULL OR external_id IS NOT NULL OR external_key IS NOT NULL)`,
	},
	{
		Name: "customers.search_text",
		Says: "The text that is searched has the customer's e-mail address in it.",
		Query: `SELECT organization_id, id, 'is not found by the address' AS detail FROM customers
			WHERE email_key <> '' AND replace(search, email_key, '') = search`,
	},
	{
		Name:   "customers.search_entries",
		Says:   "The index of the search has one entry for each customer, and no other.",
		Engine: "sqlite",
		Query: `SELECT c.organization_id, c.id, 'is not in the index' AS detail FROM customers c
			WHERE NOT EXISTS (SELECT 1 FROM customer_search_docsize d WHERE d.id = c.seq)
			UNION ALL
			SELECT '', d.id, 'is in the index and no customer' FROM customer_search_docsize d
			WHERE NOT EXISTS (SELECT 1 FROM customers c WHERE c.seq = d.id)`,
	},
	{
		Name:   "customers.search_finds",
		Says:   "The search finds the last hundred customers by all letters of their text.",
		Engine: "sqlite",
		Query: `SELECT c.organization_id, c.id, 'is not found' AS detail FROM customers c
			WHERE c.seq > (SELECT MAX(seq) FROM customers) - 100 AND length(c.search) >= 3 AND NOT EXISTS (
				SELECT 1 FROM customer_search WHERE rowid = c.seq AND customer_search MATCH (
					WITH RECURSIVE at (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM at WHERE n < length(c.search) - 2)
					SELECT group_concat('"' || replace(substr(c.search, n, 3), '"', '""') || '"', ' AND ') FROM at))`,
	},
	{
		Name: "customers.metadata_index",
		Says: "Filters look at each key of a live customer's metadata, and at nothing of a deleted one.",
		Query: `SELECT organization_id, id, keys || ' keys, ' || indexed || ' in the index' AS detail FROM (
				SELECT c.organization_id, c.id,
					CASE WHEN c.deleted_at IS NULL THEN (SELECT COUNT(*) FROM json_each(c.metadata)) ELSE 0 END AS keys,
					(SELECT COUNT(*) FROM customer_metadata m WHERE m.organization_id = c.organization_id AND m.customer_id = c.id) AS indexed
				FROM customers c
			) AS counted WHERE keys <> indexed`,
	},
	{
		Name: "customers.nothing_left",
		Says: "A deleted customer has no members, no sessions, no running subscription and no benefit.",
		Query: `SELECT c.organization_id, c.id, 'has a member' AS detail FROM customers c
				JOIN members m ON m.organization_id = c.organization_id AND m.customer_id = c.id
				WHERE c.deleted_at IS NOT NULL AND m.deleted_at IS NULL
			UNION ALL SELECT c.organization_id, c.id, 'has a session' FROM customers c
				JOIN customer_sessions s ON s.organization_id = c.organization_id AND s.customer_id = c.id
				WHERE c.deleted_at IS NOT NULL
			UNION ALL SELECT c.organization_id, c.id, 'has subscription ' || s.id FROM customers c
				JOIN subscriptions s ON s.organization_id = c.organization_id AND s.customer_id = c.id
				WHERE c.deleted_at IS NOT NULL AND s.ended_at IS NULL AND s.started_at IS NOT NULL
			UNION ALL SELECT c.organization_id, c.id, 'has grant ' || g.id FROM customers c
				JOIN benefit_grants g ON g.organization_id = c.organization_id AND g.customer_id = c.id
				WHERE c.deleted_at IS NOT NULL AND g.granted_at IS NOT NULL`,
	},
	{
		Name: "customers.anonymized",
		Says: "Nothing is left of the addresses of anonymised people, of what they called their devices and why they left: not in rows, in the journal, or in webhooks that need not be sent any more.",
		Query: `SELECT c.organization_id, c.id, 'the customer''s own row' AS detail FROM customers c
				WHERE c.anonymized_at IS NOT NULL AND (c.email NOT LIKE '%@anonymized.%' OR c.billing_address IS NOT NULL)
			UNION ALL SELECT c.organization_id, c.id, 'member ' || m.id FROM customers c
				JOIN members m ON m.organization_id = c.organization_id AND m.customer_id = c.id
				WHERE c.anonymized_at IS NOT NULL AND m.email NOT LIKE '%@anonymized.%'
			UNION ALL SELECT c.organization_id, c.id, 'entry ' || j.seq || ' of the journal' FROM customers c
				JOIN journal j ON j.organization_id = c.organization_id AND j.customer_id = c.id
				WHERE c.anonymized_at IS NOT NULL AND (
					CAST(j.before AS text) LIKE '%"email":"%' AND CAST(j.before AS text) NOT LIKE '%@anonymized.%'
					OR CAST(j.after AS text) LIKE '%"email":"%' AND CAST(j.after AS text) NOT LIKE '%@anonymized.%')
			UNION ALL SELECT c.organization_id, c.id, 'webhook event ' || e.id FROM customers c
				JOIN webhook_events e ON e.organization_id = c.organization_id AND e.customer_id = c.id
				WHERE c.anonymized_at IS NOT NULL AND e.payload LIKE '%"email":"%' AND e.payload NOT LIKE '%@anonymized.%'
					AND e.id NOT IN (SELECT q.event_id FROM webhook_queue q)
			UNION ALL SELECT c.organization_id, c.id, 'activation ' || a.id FROM customers c
				JOIN license_keys k ON k.organization_id = c.organization_id AND k.customer_id = c.id
				JOIN license_key_activations a ON a.organization_id = k.organization_id AND a.license_key_id = k.id
				WHERE c.anonymized_at IS NOT NULL AND a.created_at <= c.anonymized_at
					AND (a.label <> '' OR CAST(a.meta AS text) <> '{}' OR CAST(a.conditions AS text) <> '{}')
			UNION ALL SELECT c.organization_id, c.id, 'what was said of subscription ' || s.id FROM customers c
				JOIN subscriptions s ON s.organization_id = c.organization_id AND s.customer_id = c.id
				WHERE c.anonymized_at IS NOT NULL AND s.canceled_at <= c.anonymized_at AND s.customer_cancellation_comment IS NOT NULL`,
	},
	{
		Name: "members.one_owner",
		Says: "A customer has at most one owner, and no two live members with one e-mail address.",
		Query: `SELECT organization_id, customer_id AS id, COUNT(*) || ' owners' AS detail FROM members
				WHERE deleted_at IS NULL AND role = 'owner' GROUP BY organization_id, customer_id HAVING COUNT(*) > 1
			UNION ALL SELECT organization_id, customer_id, COUNT(*) || ' members with one address' FROM members
				WHERE deleted_at IS NULL GROUP BY organization_id, customer_id, email_key HAVING COUNT(*) > 1`,
	},

	// The journal.
	{
		Name: "journal.no_gaps",
		Says: "The entries about a customer are numbered from one on, without a gap and none twice.",
		Query: `SELECT organization_id, customer_id AS id, COUNT(*) || ' entries, numbered ' || MIN(customer_seq) || ' to ' || MAX(customer_seq) AS detail
			FROM journal WHERE customer_id IS NOT NULL GROUP BY organization_id, customer_id
			HAVING MIN(customer_seq) <> 1 OR MAX(customer_seq) <> COUNT(*) OR COUNT(DISTINCT customer_seq) <> COUNT(*)`,
	},
	{
		Name: "journal.heads",
		Says: "The next number of a customer's journal follows the last that was given.",
		Query: `SELECT organization_id, customer_id AS id, 'last given ' || seq || ', in the journal ' || newest AS detail FROM (
				SELECT h.organization_id, h.customer_id, h.seq,
					COALESCE((SELECT MAX(j.customer_seq) FROM journal j WHERE j.organization_id = h.organization_id AND j.customer_id = h.customer_id), 0) AS newest
				FROM journal_heads h
			) AS heads WHERE seq <> newest`,
	},
	{
		Name: "journal.of_customers",
		Says: "Every customer has an entry for their creation, and every entry about a customer has the customer.",
		Query: `SELECT c.organization_id, c.id, 'no entry says that it was created' AS detail FROM customers c WHERE NOT EXISTS (
				SELECT 1 FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id AND j.type = 'customer.created')
			UNION ALL SELECT j.organization_id, j.customer_id, 'entry ' || j.seq || ' is about nobody' FROM journal j
				WHERE j.customer_id IS NOT NULL AND NOT EXISTS (
					SELECT 1 FROM customers c WHERE c.organization_id = j.organization_id AND c.id = j.customer_id)`,
	},

	// Subscriptions.
	{
		Name: "subscriptions.status",
		Says: "A subscription's dates are those of its status: ended when it is canceled, due while it renews, paused or past due since some time when it is.",
		Query: `SELECT organization_id, id, status || ' does not go with its dates' AS detail FROM subscriptions WHERE started_at IS NOT NULL AND (
				(status = 'canceled') <> (ended_at IS NOT NULL)
				OR status = 'past_due' AND past_due_at IS NULL
				OR status = 'paused' AND paused_at IS NULL
				OR status = 'trialing' AND trial_end IS NULL
				OR current_period_start > current_period_end)`,
	},
	{
		Name: "subscriptions.due",
		Says: "The billing cycle looks at a subscription when its period ends, or before when something else is due; never at one that has ended.",
		Query: `SELECT organization_id, id, status || ' and due at the wrong time, or never' AS detail FROM subscriptions WHERE
				ended_at IS NOT NULL AND due_at IS NOT NULL
				OR ended_at IS NULL AND status IN ('trialing', 'active', 'past_due') AND (
					due_at IS NULL OR due_at > current_period_end OR due_at > current_meter_period_end OR due_at > grace_ends_at)
				OR status = 'paused' AND (due_at IS NULL) <> (resumes_at IS NULL)
				OR clocked <> EXISTS (SELECT 1 FROM test_clocks t WHERE t.organization_id = subscriptions.organization_id)`,
	},
	{
		Name: "subscriptions.metadata_index",
		Says: "Filters look at each key of a subscription's metadata.",
		Query: `SELECT organization_id, id, keys || ' keys, ' || indexed || ' in the index' AS detail FROM (
				SELECT s.organization_id, s.id, (SELECT COUNT(*) FROM json_each(s.metadata)) AS keys,
					(SELECT COUNT(*) FROM subscription_metadata m WHERE m.organization_id = s.organization_id AND m.subscription_id = s.id) AS indexed
				FROM subscriptions s
			) AS counted WHERE keys <> indexed`,
	},
	{
		Name: "subscriptions.references",
		Says: "What subscriptions refer to is there, in the same organization, and those that have ended wait for no change.",
		Query: `SELECT s.organization_id, s.id, 'discount ' || s.discount_id AS detail FROM subscriptions s WHERE s.discount_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM discounts d WHERE d.organization_id = s.organization_id AND d.id = s.discount_id)
			UNION ALL SELECT e.organization_id, e.id, 'billed with order ' || e.order_id FROM billing_entries e WHERE e.order_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.organization_id = e.organization_id AND o.id = e.order_id
					AND o.subscription_id = e.subscription_id)
			UNION ALL SELECT r.organization_id, r.id, 'used by subscription ' || r.subscription_id FROM discount_redemptions r
				WHERE r.subscription_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM subscriptions s WHERE s.organization_id = r.organization_id AND s.id = r.subscription_id)
			UNION ALL SELECT s.organization_id, s.id, 'has ended, and waits for change ' || u.id FROM subscriptions s
				JOIN subscription_updates u ON u.organization_id = s.organization_id AND u.subscription_id = s.id
				WHERE s.ended_at IS NOT NULL`,
	},
	{
		Name: "discounts.redemptions",
		Says: "A discount was used as often as it counts.",
		Query: `SELECT organization_id, id, 'counts ' || redemptions_count || ', used ' || used AS detail FROM (
				SELECT d.organization_id, d.id, d.redemptions_count,
					(SELECT COUNT(*) FROM discount_redemptions r WHERE r.organization_id = d.organization_id AND r.discount_id = d.id) AS used
				FROM discounts d
			) AS uses WHERE redemptions_count <> used`,
	},

	// Orders.
	{
		Name: "orders.amounts",
		Says: "The amounts of an order add up: its items to the subtotal, less the discount to the net amount.",
		Query: `SELECT organization_id, id, 'items ' || items || ', subtotal ' || subtotal_amount || ', discount ' || discount_amount || ', net ' || net_amount AS detail
			FROM (
				SELECT o.organization_id, o.id, o.subtotal_amount, o.discount_amount, o.net_amount, o.tax_amount,
					COALESCE((SELECT SUM(i.amount) FROM order_items i WHERE i.organization_id = o.organization_id AND i.order_id = o.id), 0) AS items
				FROM orders o
			) AS sums WHERE items <> subtotal_amount
				OR subtotal_amount - discount_amount NOT IN (net_amount, net_amount + tax_amount)`,
	},
	{
		Name: "orders.paid",
		Says: "What an order has received is the sum of its payments, and it is paid when that is what was due.",
		Query: `SELECT organization_id, id, status || ', due ' || due || ', received ' || paid_amount || ', payments ' || payments AS detail FROM (
				SELECT o.organization_id, o.id, o.status, o.paid_amount, o.net_amount + o.tax_amount + o.applied_balance_amount AS due,
					COALESCE((SELECT SUM(CASE p.status WHEN 'refunded' THEN -p.amount ELSE p.amount END) FROM order_payments p
						WHERE p.organization_id = o.organization_id AND p.order_id = o.id
							AND (p.status = 'succeeded' AND NOT p.surplus OR p.status = 'refunded' AND p.surplus)), 0) AS payments
				FROM orders o
			) AS sums WHERE payments <> paid_amount
				OR status IN ('paid', 'partially_refunded', 'refunded') AND paid_amount < due
				OR status = 'pending' AND paid_amount >= due`,
	},
	{
		Name: "orders.refunded",
		Says: "What was given back of an order is the sum of its refunds, and never more than it cost.",
		Query: `SELECT organization_id, id, status || ', given back ' || refunded_amount || ', refunds ' || refunds AS detail FROM (
				SELECT o.organization_id, o.id, o.status, o.refunded_amount, o.refunded_tax_amount, o.tax_amount,
					o.net_amount + o.applied_balance_amount AS most,
					COALESCE((SELECT SUM(r.amount) FROM refunds r
						WHERE r.organization_id = o.organization_id AND r.order_id = o.id AND r.status IN ('pending', 'succeeded')), 0) AS refunds,
					COALESCE((SELECT SUM(r.tax_amount) FROM refunds r
						WHERE r.organization_id = o.organization_id AND r.order_id = o.id AND r.status IN ('pending', 'succeeded')), 0) AS taxes
				FROM orders o
			) AS sums WHERE refunds <> refunded_amount OR taxes <> refunded_tax_amount
				OR refunded_amount > 0 AND refunded_amount > most OR refunded_tax_amount > 0 AND refunded_tax_amount > tax_amount
				OR (refunded_amount + refunded_tax_amount > 0) <> (status IN ('partially_refunded', 'refunded'))`,
	},
	{
		Name: "orders.numbers",
		Says: "Invoice and receipt numbers are unique, and none is missing: as many are in use as were given.",
		Query: `SELECT organization_id, MIN(CAST(id AS text)) AS id, COUNT(*) || ' orders with one invoice number' AS detail FROM orders
				WHERE invoice_number IS NOT NULL GROUP BY organization_id, invoice_number HAVING COUNT(*) > 1
			UNION ALL SELECT organization_id, MIN(CAST(id AS text)), COUNT(*) || ' orders with one receipt number' FROM orders
				WHERE receipt_number IS NOT NULL GROUP BY organization_id, receipt_number HAVING COUNT(*) > 1
			UNION ALL SELECT id, CAST(id AS text), 'invoice numbers: given ' || given || ', in use ' || used FROM (
				SELECT g.id,
					COALESCE((SELECT SUM(n.value) FROM order_counters n WHERE n.organization_id = g.id AND n.kind = 'invoice'), 0) AS given,
					(SELECT COUNT(*) FROM orders o WHERE o.organization_id = g.id AND o.invoice_number IS NOT NULL) AS used
				FROM organizations g) AS invoices WHERE given <> used
			UNION ALL SELECT organization_id, CAST(owner_id AS text), 'receipt numbers: given ' || value || ', in use ' || used FROM (
				SELECT n.organization_id, n.owner_id, n.value,
					(SELECT COUNT(*) FROM orders o
						WHERE o.organization_id = n.organization_id AND o.customer_id = n.owner_id AND o.receipt_number IS NOT NULL) AS used
				FROM order_counters n WHERE n.kind = 'receipt') AS receipts WHERE value <> used`,
	},
	{
		Name: "orders.references",
		Says: "What orders, refunds, payments and movements of balances refer to is there, in the same organization and of the same customer.",
		Query: `SELECT o.organization_id, o.id, 'subscription ' || o.subscription_id AS detail FROM orders o WHERE o.subscription_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM subscriptions s
					WHERE s.organization_id = o.organization_id AND s.id = o.subscription_id AND s.customer_id = o.customer_id)
			UNION ALL SELECT o.organization_id, o.id, 'product ' || o.product_id FROM orders o WHERE o.product_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM products p WHERE p.organization_id = o.organization_id AND p.id = o.product_id)
			UNION ALL SELECT o.organization_id, o.id, 'discount ' || o.discount_id FROM orders o WHERE o.discount_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM discounts d WHERE d.organization_id = o.organization_id AND d.id = o.discount_id)
			UNION ALL SELECT r.organization_id, r.id, 'customer ' || r.customer_id FROM refunds r
				WHERE NOT EXISTS (SELECT 1 FROM orders o
					WHERE o.organization_id = r.organization_id AND o.id = r.order_id AND o.customer_id = r.customer_id)
			UNION ALL SELECT r.organization_id, r.id, 'payment ' || r.payment_id FROM refunds r WHERE r.payment_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM order_payments p
					WHERE p.organization_id = r.organization_id AND p.id = r.payment_id AND p.order_id = r.order_id)
			UNION ALL SELECT p.organization_id, p.id, 'paid by ' || p.customer_id FROM order_payments p
				JOIN orders o ON o.organization_id = p.organization_id AND o.id = p.order_id WHERE p.customer_id <> o.customer_id
			UNION ALL SELECT c.organization_id, c.order_id, 'charged to ' || c.customer_id FROM charges c
				JOIN orders o ON o.organization_id = c.organization_id AND o.id = c.order_id WHERE c.customer_id <> o.customer_id
			UNION ALL SELECT m.organization_id, m.order_id, 'moves the balance of ' || m.customer_id FROM balance_movements m
				JOIN orders o ON o.organization_id = m.organization_id AND o.id = m.order_id WHERE m.customer_id <> o.customer_id`,
	},
	{
		Name: "payments.asked",
		Says: "An order is being charged for just when its processor was asked and has not answered, and what it is asked to give back it has taken.",
		Query: `SELECT o.organization_id, o.id, 'is being charged for, and nobody was asked' AS detail FROM orders o WHERE o.charging_since IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM charges c WHERE c.organization_id = o.organization_id AND c.order_id = o.id)
			UNION ALL SELECT c.organization_id, c.order_id, 'is asked for, and is not being charged for' FROM charges c
				JOIN orders o ON o.organization_id = c.organization_id AND o.id = c.order_id
				WHERE o.status = 'pending' AND o.charging_since IS NULL
			UNION ALL SELECT q.organization_id, q.order_id, 'is to be given back, and was not paid' FROM refund_requests q
				WHERE NOT EXISTS (SELECT 1 FROM order_payments p WHERE p.organization_id = q.organization_id AND p.id = q.payment_id
					AND p.order_id = q.order_id AND p.status = 'succeeded')`,
	},
	{
		Name: "payments.methods",
		Says: "What customers and running subscriptions are charged to is kept, and theirs; a deleted customer has no way to pay left.",
		Query: `SELECT c.organization_id, c.id, 'default ' || c.default_payment_method_id AS detail FROM customers c
				WHERE c.default_payment_method_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM payment_methods m
					WHERE m.organization_id = c.organization_id AND m.customer_id = c.id AND m.id = c.default_payment_method_id AND m.deleted_at IS NULL)
			UNION ALL SELECT s.organization_id, s.id, 'is charged to ' || s.payment_method_id FROM subscriptions s
				WHERE s.payment_method_id IS NOT NULL AND s.ended_at IS NULL AND NOT EXISTS (SELECT 1 FROM payment_methods m
					WHERE m.organization_id = s.organization_id AND m.customer_id = s.customer_id AND m.id = s.payment_method_id AND m.deleted_at IS NULL)
			UNION ALL SELECT m.organization_id, m.customer_id, 'has ' || m.id FROM payment_methods m
				JOIN customers c ON c.organization_id = m.organization_id AND c.id = m.customer_id
				WHERE c.deleted_at IS NOT NULL AND m.deleted_at IS NULL
			UNION ALL SELECT m.organization_id, m.customer_id, 'is anonymised, and a card is known' FROM payment_methods m
				JOIN customers c ON c.organization_id = m.organization_id AND c.id = m.customer_id
				WHERE c.anonymized_at IS NOT NULL AND m.method_metadata IS NOT NULL
			UNION ALL SELECT p.organization_id, p.customer_id, 'is anonymised, and the card of a payment is known' FROM order_payments p
				JOIN customers c ON c.organization_id = p.organization_id AND c.id = p.customer_id
				WHERE c.anonymized_at IS NOT NULL AND p.method_metadata IS NOT NULL`,
	},
	{
		Name: "balances.movements",
		Says: "A customer's balance is the sum of its movements.",
		Query: `SELECT organization_id, customer_id AS id, currency || ' ' || SUM(amount) || ' off' AS detail FROM (
				SELECT organization_id, customer_id, currency, amount FROM customer_balances
				UNION ALL SELECT organization_id, customer_id, currency, -amount FROM balance_movements
			) AS both_sides GROUP BY organization_id, customer_id, currency HAVING SUM(amount) <> 0`,
	},

	// Benefits.
	{
		Name: "grants.row",
		Says: "A grant is granted or revoked, not both; it is held by its member or else its customer, through its subscription or order.",
		Query: `SELECT organization_id, id, 'contradicts itself' AS detail FROM benefit_grants
			WHERE granted_at IS NOT NULL AND revoked_at IS NOT NULL
				OR holder_id <> COALESCE(member_id, customer_id)
				OR (subscription_id IS NULL) = (order_id IS NULL)
				OR source_id <> COALESCE(subscription_id, order_id)`,
	},
	{
		Name: "grants.reason",
		Says: "A benefit is granted only while a subscription or an order of the same customer grants it (or somebody gave back its license key), and while the benefit and the member are there.",
		Query: `SELECT g.organization_id, g.id, 'through subscription ' || g.subscription_id AS detail FROM benefit_grants g
				WHERE g.granted_at IS NOT NULL AND g.subscription_id IS NOT NULL AND NOT EXISTS (
					SELECT 1 FROM subscriptions s
					JOIN product_benefits p ON p.organization_id = s.organization_id AND p.product_id = s.product_id AND p.benefit_id = g.benefit_id
					WHERE s.organization_id = g.organization_id AND s.id = g.subscription_id AND s.customer_id = g.customer_id
						AND s.ended_at IS NULL AND (s.status IN ('trialing', 'active') OR s.status = 'past_due' AND s.grace_ends_at IS NOT NULL))
					AND NOT ` + byHand + `
			UNION ALL SELECT g.organization_id, g.id, 'through order ' || g.order_id FROM benefit_grants g
				WHERE g.granted_at IS NOT NULL AND g.order_id IS NOT NULL AND NOT EXISTS (
					SELECT 1 FROM orders o WHERE o.organization_id = g.organization_id AND o.id = g.order_id AND o.customer_id = g.customer_id
						AND o.status IN ('paid', 'partially_refunded', 'refunded'))
					AND NOT ` + byHand + `
			UNION ALL SELECT g.organization_id, g.id, 'of a benefit that was deleted' FROM benefit_grants g
				JOIN benefits b ON b.organization_id = g.organization_id AND b.id = g.benefit_id
				WHERE g.granted_at IS NOT NULL AND b.deleted_at IS NOT NULL
			UNION ALL SELECT g.organization_id, g.id, 'held by a member who was deleted' FROM benefit_grants g
				JOIN members m ON m.organization_id = g.organization_id AND m.customer_id = g.customer_id AND m.id = g.member_id
				WHERE g.granted_at IS NOT NULL AND m.deleted_at IS NOT NULL`,
	},
	{
		Name: "grants.entitled",
		Says: "Who has a running subscription to a product has a grant of each of its benefits, unless somebody took back its license key.",
		Query: `SELECT s.organization_id, s.id, 'has no grant of benefit ' || p.benefit_id AS detail FROM subscriptions s
			JOIN product_benefits p ON p.organization_id = s.organization_id AND p.product_id = s.product_id
			JOIN benefits b ON b.organization_id = p.organization_id AND b.id = p.benefit_id
			JOIN customers c ON c.organization_id = s.organization_id AND c.id = s.customer_id
			WHERE s.started_at IS NOT NULL AND s.ended_at IS NULL AND s.status IN ('trialing', 'active') AND s.seats IS NULL
				AND b.deleted_at IS NULL AND c.deleted_at IS NULL AND NOT EXISTS (
					SELECT 1 FROM benefit_grants g WHERE g.organization_id = s.organization_id AND g.source_id = s.id
						AND g.benefit_id = p.benefit_id AND (g.granted_at IS NOT NULL OR g.error IS NOT NULL OR ` + byHand + `))`,
	},
	{
		Name: "license_keys.grants",
		Says: "A license key works only while its grant is granted (or somebody gave it back), and belongs to the same customer and benefit.",
		Query: `SELECT k.organization_id, k.id, k.status || ', while its grant says otherwise' AS detail FROM license_keys k
			JOIN benefit_grants g ON g.organization_id = k.organization_id AND g.id = k.grant_id
			WHERE k.status = 'granted' AND g.granted_at IS NULL AND NOT ` + byHand + ` OR g.customer_id <> k.customer_id OR g.benefit_id <> k.benefit_id`,
	},
	{
		Name: "license_keys.activations",
		Says: "A license key was not activated on more devices than it allowed at that time.",
		Query: `SELECT organization_id, id, live || ' activations, allowed are ' || limit_activations AS detail FROM (
				SELECT k.organization_id, k.id, k.limit_activations, k.modified_at, COUNT(*) AS live, MAX(a.created_at) AS newest
				FROM license_keys k
				JOIN license_key_activations a ON a.organization_id = k.organization_id AND a.license_key_id = k.id AND a.deleted_at IS NULL
				GROUP BY k.organization_id, k.id, k.limit_activations, k.modified_at
			) AS used WHERE live > limit_activations AND (modified_at IS NULL OR modified_at < newest)`,
	},

	// Webhooks.
	{
		Name: "webhooks.lanes",
		// A lane that counts too many is put right when it comes to its end: a
		// count may be lowered after the event has left the queue.
		Says: "A lane counts all events of a customer that wait for an endpoint: what is not counted would never be sent.",
		Query: `SELECT organization_id, lane AS id, 'counts ' || pending || ', waiting ' || waiting AS detail FROM (
				SELECT l.organization_id, l.lane, l.pending,
					(SELECT COUNT(*) FROM webhook_queue q WHERE q.target_id = l.target_id AND q.lane = l.lane) AS waiting
				FROM webhook_lanes l
			) AS lanes WHERE pending < waiting
			UNION ALL SELECT q.organization_id, q.event_id, 'waits in a lane that is not there' FROM webhook_queue q
				WHERE NOT EXISTS (SELECT 1 FROM webhook_lanes l WHERE l.target_id = q.target_id AND l.lane = q.lane)`,
	},
	{
		Name: "webhooks.queue",
		Says: "What waits to be sent is there, and what has neither arrived nor been given up waits.",
		Query: `SELECT q.organization_id, q.event_id AS id, 'waits, and there is no such event' AS detail FROM webhook_queue q
				WHERE NOT EXISTS (SELECT 1 FROM webhook_events e WHERE e.organization_id = q.organization_id AND e.id = q.event_id)
			UNION ALL SELECT e.organization_id, e.id, 'was not sent and does not wait' FROM webhook_events e
				JOIN webhook_endpoints w ON w.organization_id = e.organization_id AND w.id = e.endpoint_id
				WHERE e.succeeded IS NULL AND NOT e.skipped AND e.payload IS NOT NULL AND w.enabled AND w.deleted_at IS NULL
					AND e.id NOT IN (SELECT q.event_id FROM webhook_queue q)`,
	},
	{
		Name: "webhooks.told",
		Says: "Each event that is told stands in the journal, and names the one that the endpoint was told before it.",
		Query: `SELECT e.organization_id, e.id, e.type || ' ' || e.customer_seq || ' is not in the journal' AS detail FROM webhook_events e
				WHERE e.customer_id IS NOT NULL AND NOT EXISTS (
					SELECT 1 FROM journal j WHERE j.organization_id = e.organization_id AND j.customer_id = e.customer_id
						AND j.customer_seq = e.customer_seq AND j.type = e.type)
			UNION ALL SELECT organization_id, id, 'names ' || previous_seq || ' as the one before, which was ' || before_it FROM (
				SELECT organization_id, id, previous_seq,
					LAG(customer_seq, 1, CAST(0 AS bigint)) OVER (PARTITION BY organization_id, endpoint_id, lane ORDER BY seq) AS before_it
				FROM webhook_events WHERE customer_id IS NOT NULL AND NOT EXISTS ( -- what was heard is there no more
					SELECT 1 FROM webhook_endpoints w WHERE w.organization_id = webhook_events.organization_id
						AND w.id = webhook_events.endpoint_id AND w.disabled_reason = 'listening')
			) AS chain WHERE previous_seq <> before_it`,
	},
	{
		Name: "webhooks.deliveries",
		Says: "Each attempt is one at an event, and an event that has arrived was attempted.",
		Query: `SELECT d.organization_id, d.id, 'of an event that is not there' AS detail FROM webhook_deliveries d
				WHERE NOT EXISTS (SELECT 1 FROM webhook_events e WHERE e.organization_id = d.organization_id AND e.id = d.event_id)
			UNION ALL SELECT e.organization_id, e.id, 'arrived, and no attempt says so' FROM webhook_events e
				WHERE e.succeeded AND NOT EXISTS (
					SELECT 1 FROM webhook_deliveries d WHERE d.organization_id = e.organization_id AND d.event_id = e.id AND d.succeeded)`,
	},

	// Who may call.
	{
		Name: "organizations.one_owner",
		Says: "An organization has at most one owner.",
		Query: `SELECT organization_id, organization_id AS id, COUNT(*) || ' owners' AS detail FROM memberships
			WHERE role = 'owner' GROUP BY organization_id HAVING COUNT(*) > 1`,
	},
}
