package doctor

import "floe/internal/webhook"

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
		Says: "The text that is searched has the customer's e-mail address and name in it.",
		Query: `SELECT organization_id, id, 'is not found by the address' AS detail FROM customers
				WHERE email_key <> '' AND replace(search, email_key, '') = search
			UNION ALL SELECT organization_id, id, 'is not found by the name' FROM customers
				WHERE name_key <> '' AND replace(search, name_key, '') = search`,
	},
	{
		Name: "keys.folded",
		Says: "What is found whatever its letter case (addresses, names, external IDs and codes) is kept in lower case beside itself.",
		Query: `SELECT organization_id, id, 'customer, by the address' AS detail FROM customers WHERE email_key IS NOT NULL AND ` + otherKey("email", "email_key") + `
			UNION ALL SELECT organization_id, id, 'customer, by the name' FROM customers
				WHERE (name IS NULL) <> (name_key IS NULL) OR ` + otherKey("name", "name_key") + `
			UNION ALL SELECT organization_id, id, 'customer, by the external ID' FROM customers
				WHERE external_id_long IS NULL AND octet_length(external_id) = length(external_id) AND COALESCE(external_key, external_id) <> lower(external_id)
			UNION ALL SELECT organization_id, id, 'member' FROM members WHERE deleted_at IS NULL AND ` + otherKey("email", "email_key") + `
			UNION ALL SELECT organization_id, id, 'product' FROM products WHERE ` + otherKey("name", "name_key") + `
			UNION ALL SELECT organization_id, id, 'benefit' FROM benefits WHERE ` + otherKey("description", "description_key") + `
			UNION ALL SELECT organization_id, id, 'discount, by the name' FROM discounts WHERE ` + otherKey("name", "name_key") + `
			UNION ALL SELECT organization_id, id, 'discount, by the code' FROM discounts
				WHERE (code IS NULL) <> (code_key IS NULL) OR ` + otherKey("code", "code_key") + `
			UNION ALL SELECT id, id, 'user' FROM users WHERE deleted_at IS NULL AND ` + otherKey("email", "email_key"),
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
		Name:  "customers.metadata_index",
		Says:  "Filters look at each key of a live customer's metadata and at its value, and at nothing of a deleted one.",
		Query: otherMetadata("customer_metadata", "customers", "customer_id", "c.deleted_at IS NULL"),
	},
	{
		Name: "customers.nothing_left",
		Says: "A deleted customer has no members, no sessions, no running subscription and no benefit; a deleted member has no session.",
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
				WHERE c.deleted_at IS NOT NULL AND g.granted_at IS NOT NULL
			UNION ALL SELECT s.organization_id, s.member_id, 'is no member, and has a session' FROM customer_sessions s
				WHERE s.member_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM members m
					WHERE m.organization_id = s.organization_id AND m.customer_id = s.customer_id AND m.id = s.member_id AND m.deleted_at IS NULL)`,
	},
	{
		Name: "customers.anonymized",
		Says: "Nothing is left of the addresses and names of anonymised people, of what they called their devices and why they left, or of remarks on their payments and refunds: not in rows, in drafts, in the journal, or in webhooks that need not be sent any more. Their license keys are revoked.",
		Query: `SELECT c.organization_id, c.id, 'the customer''s own row' AS detail FROM customers c
				WHERE c.anonymized_at IS NOT NULL AND (c.email NOT LIKE '%@anonymized.%' OR c.billing_address IS NOT NULL
					OR c.tax_id IS NULL AND c.name <> '' AND length(c.name) <> 64 OR c.billing_name <> '' AND length(c.billing_name) <> 64)
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
				WHERE c.anonymized_at IS NOT NULL AND s.canceled_at <= c.anonymized_at AND s.customer_cancellation_comment IS NOT NULL
			UNION ALL SELECT c.organization_id, c.id, 'draft ' || o.id FROM customers c
				JOIN orders o ON o.organization_id = c.organization_id AND o.customer_id = c.id
				WHERE c.anonymized_at IS NOT NULL AND o.status = 'draft' AND (o.billing_name IS NOT NULL OR o.billing_address IS NOT NULL)
					AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.organization_id = o.organization_id AND j.subject_id = o.id
						AND (j.customer_id IS NULL OR j.subject_id <> j.customer_id) AND j.type IN ('order.created', 'order.updated') AND j.seq > (
							SELECT MAX(e.seq) FROM journal e WHERE e.organization_id = c.organization_id AND e.customer_id = c.id AND e.type = 'customer.deleted'))
			UNION ALL SELECT c.organization_id, c.id, 'a remark on payment ' || p.id FROM customers c
				JOIN order_payments p ON p.organization_id = c.organization_id AND p.customer_id = c.id
				WHERE c.anonymized_at IS NOT NULL AND p.note IS NOT NULL
			UNION ALL SELECT c.organization_id, c.id, 'a remark on refund ' || r.id FROM customers c
				JOIN refunds r ON r.organization_id = c.organization_id AND r.customer_id = c.id
				WHERE c.anonymized_at IS NOT NULL AND r.comment IS NOT NULL
			UNION ALL SELECT c.organization_id, c.id, 'a remark on refund ' || q.id FROM customers c
				JOIN orders o ON o.organization_id = c.organization_id AND o.customer_id = c.id
				JOIN refund_requests q ON q.organization_id = o.organization_id AND q.order_id = o.id
				WHERE c.anonymized_at IS NOT NULL AND q.comment IS NOT NULL
			UNION ALL SELECT c.organization_id, c.id, 'license key ' || k.id || ' is ' || k.status FROM customers c
				JOIN license_keys k ON k.organization_id = c.organization_id AND k.customer_id = c.id
				WHERE c.anonymized_at IS NOT NULL AND k.status <> 'revoked'`,
	},
	{
		Name: "members.one_owner",
		Says: "A customer who has members has one owner among them, and no two live members have one e-mail address.",
		Query: `SELECT organization_id, customer_id AS id, COUNT(*) || ' owners' AS detail FROM members
				WHERE deleted_at IS NULL AND role = 'owner' GROUP BY organization_id, customer_id HAVING COUNT(*) > 1
			UNION ALL SELECT organization_id, customer_id, 'no owner' FROM members
				WHERE deleted_at IS NULL GROUP BY organization_id, customer_id HAVING MAX(CASE role WHEN 'owner' THEN 1 ELSE 0 END) = 0
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
		Says: "Every customer has an entry for their creation, and every entry about a customer has the customer; who was made a member is there.",
		Query: `SELECT c.organization_id, c.id, 'no entry says that it was created' AS detail FROM customers c WHERE NOT EXISTS (
				SELECT 1 FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id AND j.type = 'customer.created')
			UNION ALL SELECT j.organization_id, j.customer_id, 'entry ' || j.seq || ' is about nobody' FROM journal j
				WHERE j.customer_id IS NOT NULL AND NOT EXISTS (
					SELECT 1 FROM customers c WHERE c.organization_id = j.organization_id AND c.id = j.customer_id)
			UNION ALL SELECT j.organization_id, j.subject_id, 'was made a member of ' || j.customer_id || ', and is not there' FROM journal j
				WHERE j.type = 'member.created' AND NOT EXISTS (
					SELECT 1 FROM members m WHERE m.organization_id = j.organization_id AND m.customer_id = j.customer_id AND m.id = j.subject_id)`,
	},

	{
		Name: "journal.order",
		Says: "The entries about a customer stand in the order of their numbers.",
		Query: `SELECT j.organization_id, j.customer_id AS id, 'entry ' || j.customer_seq || ' stands after the next one' AS detail FROM journal j
			JOIN journal n ON n.organization_id = j.organization_id AND n.customer_id = j.customer_id AND n.customer_seq = j.customer_seq + 1
			WHERE n.seq < j.seq`,
	},
	{
		Name: "journal.of_things",
		Says: "Products, benefits, discounts, subscriptions, orders and grants have an entry for their creation.",
		Query: recorded("products", "product.created", "TRUE") + `
			UNION ALL ` + recorded("benefits", "benefit.created", "TRUE") + `
			UNION ALL ` + recorded("discounts", "discount.created", "TRUE") + `
			UNION ALL ` + recorded("subscriptions", "subscription.created", "x.started_at IS NOT NULL") + `
			UNION ALL ` + recorded("orders", "order.created", "x.status <> 'draft'") + `
			UNION ALL ` + recorded("benefit_grants", "benefit_grant.%", "TRUE"),
	},
	{
		Name: "clocks.known",
		Says: "No order and no session waits for a test clock that its organization does not have.",
		Query: `SELECT organization_id, id, 'order' AS detail FROM orders WHERE clocked AND check_at IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM test_clocks t WHERE t.organization_id = orders.organization_id)
			UNION ALL SELECT organization_id, id, 'session' FROM customer_sessions WHERE clocked
				AND NOT EXISTS (SELECT 1 FROM test_clocks t WHERE t.organization_id = customer_sessions.organization_id)`,
	},

	// Products.
	{
		Name: "products.prices",
		Says: "A product has a price, and a fixed price an amount; what renews does so after some time.",
		Query: `SELECT organization_id, id, 'is fixed, at no amount' AS detail FROM product_prices WHERE amount_type = 'fixed' AND price_amount IS NULL
			UNION ALL SELECT p.organization_id, p.id, 'has no price' FROM products p WHERE p.deleted_at IS NULL AND NOT EXISTS (
				SELECT 1 FROM product_prices r WHERE r.organization_id = p.organization_id AND r.product_id = p.id AND NOT r.is_archived)
			UNION ALL SELECT p.organization_id, p.id, 'renews after no time, or does not and has one' FROM products p
				WHERE p.is_recurring <> (p.recurring_interval IS NOT NULL) AND NOT EXISTS (
					SELECT 1 FROM product_prices r WHERE r.organization_id = p.organization_id AND r.product_id = p.id AND r.legacy_interval IS NOT NULL)`,
	},

	// Subscriptions.
	{
		Name: "subscriptions.status",
		Says: "A subscription's dates are those of its status: ended when it is canceled, due while it renews, paused or past due since some time when it is, and not otherwise; it ends at some time when it is to.",
		Query: `SELECT organization_id, id, status || ' does not go with its dates' AS detail FROM subscriptions WHERE started_at IS NOT NULL AND (
				(status = 'canceled') <> (ended_at IS NOT NULL)
				OR status = 'past_due' AND past_due_at IS NULL
				OR status = 'paused' AND paused_at IS NULL
				OR status = 'trialing' AND trial_end IS NULL
				OR status NOT IN ('trialing', 'active', 'past_due', 'paused', 'canceled')
				OR status IN ('trialing', 'active') AND past_due_at IS NOT NULL
				OR status IN ('trialing', 'active', 'past_due') AND paused_at IS NOT NULL
				OR status NOT IN ('past_due', 'canceled') AND grace_ends_at IS NOT NULL
				OR status = 'canceled' AND canceled_at IS NULL
				OR cancel_at_period_end AND (canceled_at IS NULL OR ends_at IS NULL)
				OR ended_at IS NULL AND NOT cancel_at_period_end AND canceled_at IS NOT NULL
				OR anchor_day NOT BETWEEN 1 AND 31 OR recurring_interval_count < 1
				OR current_period_start > current_period_end OR ended_at IS NULL AND current_period_start = current_period_end)
			UNION ALL SELECT organization_id, id, status || ', and never began' FROM subscriptions
				WHERE started_at IS NULL AND status IN ('trialing', 'active', 'past_due', 'paused')`,
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
		Name:  "subscriptions.metadata_index",
		Says:  "Filters look at each key of a subscription's metadata and at its value, and at nothing of one that has not begun.",
		Query: otherMetadata("subscription_metadata", "subscriptions", "subscription_id", "c.started_at IS NOT NULL"),
	},
	{
		Name: "subscriptions.references",
		Says: "What subscriptions refer to is there, in the same organization, prices of their product among it, and those that have ended wait for no change.",
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
				WHERE s.ended_at IS NOT NULL
			UNION ALL SELECT s.organization_id, s.id, 'is billed by no price of its product' FROM subscriptions s WHERE NOT EXISTS (
				SELECT 1 FROM product_prices p WHERE p.organization_id = s.organization_id AND p.product_id = s.product_id
					AND p.price_currency = s.currency AND CAST(s.price_ids AS text) LIKE '%' || CAST(p.id AS text) || '%')
			UNION ALL SELECT e.organization_id, e.id, 'at price ' || e.price_id FROM billing_entries e
				WHERE NOT EXISTS (SELECT 1 FROM product_prices p WHERE p.organization_id = e.organization_id AND p.id = e.price_id)
			UNION ALL SELECT u.organization_id, u.id, 'changes to product ' || u.product_id FROM subscription_updates u WHERE u.product_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM products p WHERE p.organization_id = u.organization_id AND p.id = u.product_id)
			UNION ALL SELECT u.organization_id, u.id, 'changes to discount ' || u.discount_id FROM subscription_updates u WHERE u.discount_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM discounts d WHERE d.organization_id = u.organization_id AND d.id = u.discount_id)`,
	},
	{
		Name: "subscriptions.amount",
		Says: "A subscription costs what its prices do for its seats or units, less what its discount takes off.",
		Query: `WITH RECURSIVE ` + tiers + `
			SELECT organization_id, id, 'is said to cost ' || amount || ', and costs ' || (full_price - off) AS detail FROM (
				SELECT organization_id, id, amount, full_price, CASE type
						WHEN 'percentage' THEN full_price / 10000 * basis_points + (full_price % 10000 * basis_points + 5000) / 10000
						WHEN 'fixed' THEN CASE WHEN fixed_off > full_price THEN full_price ELSE COALESCE(fixed_off, 0) END
						ELSE 0 END AS off
				FROM (
					SELECT c.organization_id, c.id, c.amount, c.full_price, d.type, d.basis_points, CAST(d.amounts ->> c.currency AS bigint) AS fixed_off
					FROM (` + costs + `) AS c
					LEFT JOIN discounts d ON d.organization_id = c.organization_id AND d.id = c.discount_id
				) AS priced
			) AS reckoned WHERE amount <> full_price - off`,
	},
	{
		Name: "subscriptions.entries",
		Says: "A change to another product in the middle of a period has left parts of the period to be billed and given back.",
		// Which prices a subscription had then is known of products that were never
		// changed.
		Query: `WITH changes AS MATERIALIZED (
				SELECT s.organization_id, s.id, s.currency, j.created_at, j.before ->> 'product_id' AS was_product, j.after ->> 'product_id' AS product
				FROM journal j JOIN subscriptions s ON s.organization_id = j.organization_id AND s.id = j.subject_id
				WHERE j.type = 'subscription.updated' AND CAST(j.before AS text) LIKE '%"product_id":%' AND j.before ->> 'product_id' IS NOT NULL
					AND COALESCE(j.before ->> 'status', j.after ->> 'status') IN ('active', 'past_due')
					AND j.before ->> 'current_period_start' IS NULL AND s.current_period_start < j.created_at
					AND NOT EXISTS (SELECT 1 FROM journal n WHERE n.organization_id = j.organization_id AND n.subject_id = j.subject_id
						AND (n.customer_id IS NULL OR n.subject_id <> n.customer_id) AND n.seq > j.seq AND n.type = 'subscription.updated'
						AND COALESCE(n.before ->> 'product_id', n.before ->> 'current_period_start') IS NOT NULL)
			), prices AS MATERIALIZED (
				SELECT p.organization_id, p.id, CAST(p.product_id AS text) AS product, p.price_currency AS currency FROM product_prices p
				JOIN products r ON r.organization_id = p.organization_id AND r.id = p.product_id
				WHERE p.amount_type = 'fixed' AND p.price_amount > 0 AND p.source = 'catalog' AND r.modified_at IS NULL
			)
			SELECT organization_id, id, 'was changed, and there is no ' || direction || ' at price ' || price_id AS detail FROM (
				SELECT c.organization_id, c.id, p.id AS price_id, 'debit' AS direction, c.created_at FROM changes c
				JOIN prices p ON p.organization_id = c.organization_id AND p.product = c.product AND p.currency = c.currency
				UNION ALL SELECT c.organization_id, c.id, p.id, 'credit', c.created_at FROM changes c
				JOIN prices p ON p.organization_id = c.organization_id AND p.product = c.was_product AND p.currency = c.currency
				EXCEPT SELECT organization_id, subscription_id, price_id, direction, created_at FROM billing_entries
			) AS lost`,
	},
	{
		Name: "discounts.redemptions",
		Says: "A discount takes off a share or amounts, and was used as often as it counts, also by each subscription that has it.",
		Query: `SELECT organization_id, id, type || ', and says otherwise how much' AS detail FROM discounts
				WHERE (type = 'percentage') <> (basis_points IS NOT NULL) OR (type = 'fixed') <> (amounts IS NOT NULL)
			UNION ALL SELECT organization_id, discount_id, 'was not used by subscription ' || subscription_id FROM (
				SELECT organization_id, discount_id, id AS subscription_id FROM subscriptions WHERE discount_id IS NOT NULL AND started_at IS NOT NULL
				EXCEPT SELECT organization_id, discount_id, subscription_id FROM discount_redemptions) AS unused
			UNION ALL SELECT organization_id, id, 'counts ' || redemptions_count || ', used ' || used AS detail FROM (
				SELECT d.organization_id, d.id, d.redemptions_count,
					(SELECT COUNT(*) FROM discount_redemptions r WHERE r.organization_id = d.organization_id AND r.discount_id = d.id) AS used
				FROM discounts d
			) AS uses WHERE redemptions_count <> used`,
	},

	// Orders.
	{
		Name: "orders.amounts",
		Says: "The amounts of an order add up: its items, of which it has some, to the subtotal, less the discount to the net amount.",
		Query: `SELECT organization_id, id, 'items ' || COALESCE(items, 0) || ', subtotal ' || subtotal_amount || ', discount ' || discount_amount || ', net ' || net_amount AS detail
			FROM (
				SELECT o.organization_id, o.id, o.subtotal_amount, o.discount_amount, o.net_amount, o.tax_amount,
					(SELECT SUM(i.amount) FROM order_items i WHERE i.organization_id = o.organization_id AND i.order_id = o.id) AS items
				FROM orders o
			) AS sums WHERE items IS NULL OR items <> subtotal_amount
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
		Name:  "orders.metadata_index",
		Says:  "Filters look at each key of an order's metadata and at its value.",
		Query: otherMetadata("order_metadata", "orders", "order_id", "TRUE"),
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
			UNION ALL SELECT o.organization_id, o.id, o.reason || ', and of no subscription' FROM orders o
				WHERE (o.reason LIKE 'subscription%') <> (o.subscription_id IS NOT NULL)
			UNION ALL SELECT i.organization_id, i.order_id, 'price ' || i.product_price_id FROM order_items i WHERE i.product_price_id IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM product_prices p WHERE p.organization_id = i.organization_id AND p.id = i.product_price_id)
			UNION ALL SELECT r.organization_id, r.id, 'is of another subscription than its order' FROM refunds r
				JOIN orders o ON o.organization_id = r.organization_id AND o.id = r.order_id
				WHERE COALESCE(r.subscription_id, r.id) <> COALESCE(o.subscription_id, r.id)
			UNION ALL SELECT d.organization_id, d.id, 'of payment ' || d.payment_id FROM disputes d
				WHERE NOT EXISTS (SELECT 1 FROM order_payments p
					WHERE p.organization_id = d.organization_id AND p.id = d.payment_id AND p.order_id = d.order_id)
			UNION ALL SELECT m.organization_id, m.order_id, 'moves the balance of ' || m.customer_id FROM balance_movements m
				JOIN orders o ON o.organization_id = m.organization_id AND o.id = m.order_id WHERE m.customer_id <> o.customer_id`,
	},
	{
		Name: "orders.currency",
		Says: "All that moves for an order is in its currency, which is that of its subscription.",
		Query: `SELECT o.organization_id, o.id, 'order in ' || o.currency AS detail FROM orders o
				JOIN subscriptions s ON s.organization_id = o.organization_id AND s.id = o.subscription_id WHERE s.currency <> o.currency
			UNION ALL SELECT e.organization_id, e.id, 'entry in ' || e.currency FROM billing_entries e
				JOIN subscriptions s ON s.organization_id = e.organization_id AND s.id = e.subscription_id WHERE s.currency <> e.currency
			UNION ALL SELECT x.organization_id, x.id, 'payment in ' || x.currency FROM order_payments x
				JOIN orders o ON o.organization_id = x.organization_id AND o.id = x.order_id WHERE x.currency <> o.currency
			UNION ALL SELECT x.organization_id, x.id, 'refund in ' || x.currency FROM refunds x
				JOIN orders o ON o.organization_id = x.organization_id AND o.id = x.order_id WHERE x.currency <> o.currency
			UNION ALL SELECT x.organization_id, x.order_id, 'movement of the balance in ' || x.currency FROM balance_movements x
				JOIN orders o ON o.organization_id = x.organization_id AND o.id = x.order_id WHERE x.currency <> o.currency
			UNION ALL SELECT x.organization_id, x.order_id, 'charge in ' || x.currency FROM charges x
				JOIN orders o ON o.organization_id = x.organization_id AND o.id = x.order_id WHERE x.currency <> o.currency
			UNION ALL SELECT x.organization_id, x.id, 'dispute in ' || x.currency FROM disputes x
				JOIN orders o ON o.organization_id = x.organization_id AND o.id = x.order_id WHERE x.currency <> o.currency`,
	},
	{
		Name: "orders.dates",
		Says: "An order was paid at some time when it is paid, and issued when it has a number; what its invoice says is kept.",
		Query: `SELECT organization_id, id, status || ', and paid never or too early' AS detail FROM orders
				WHERE (status IN ('paid', 'partially_refunded', 'refunded')) <> (paid_at IS NOT NULL)
			UNION ALL SELECT organization_id, id, 'has a number and no date, or a date and no number' FROM orders
				WHERE (invoice_number IS NULL) <> (issued_at IS NULL)
			UNION ALL SELECT o.organization_id, o.id, 'has an invoice, of which nothing is kept' FROM orders o WHERE o.invoice_sum IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM order_documents d WHERE d.organization_id = o.organization_id AND d.order_id = o.id)`,
	},
	{
		Name: "orders.entries",
		Says: "The parts of periods that were billed with an order are those among its items.",
		Query: `SELECT organization_id, order_id AS id, SUM(amount) || ' off' AS detail FROM (
				SELECT organization_id, order_id, CASE direction WHEN 'credit' THEN -amount ELSE amount END AS amount FROM billing_entries WHERE order_id IS NOT NULL
				UNION ALL SELECT organization_id, order_id, -amount FROM order_items WHERE proration
			) AS both_sides GROUP BY organization_id, order_id HAVING SUM(amount) <> 0`,
	},
	{
		Name: "payments.asked",
		Says: "An order is being charged for just when its processor was asked and has not answered, for what is due, and what it is asked to give back it has taken.",
		Query: `SELECT o.organization_id, o.id, 'is being charged for, and nobody was asked' AS detail FROM orders o WHERE o.charging_since IS NOT NULL
				AND NOT EXISTS (SELECT 1 FROM charges c WHERE c.organization_id = o.organization_id AND c.order_id = o.id)
			UNION ALL SELECT c.organization_id, c.order_id, 'is asked for, and is not being charged for' FROM charges c
				JOIN orders o ON o.organization_id = c.organization_id AND o.id = c.order_id
				WHERE o.status = 'pending' AND o.charging_since IS NULL
			UNION ALL SELECT c.organization_id, c.order_id, 'is asked for ' || c.amount || ', and is due another amount' FROM charges c
				JOIN orders o ON o.organization_id = c.organization_id AND o.id = c.order_id
				WHERE o.status = 'pending' AND c.amount <> o.net_amount + o.tax_amount + o.applied_balance_amount - o.paid_amount
			UNION ALL SELECT q.organization_id, q.order_id, 'is to be given back, and was not paid' FROM refund_requests q
				WHERE NOT EXISTS (SELECT 1 FROM order_payments p WHERE p.organization_id = q.organization_id AND p.id = q.payment_id
					AND p.order_id = q.order_id AND p.status = 'succeeded' AND p.processor = q.processor AND p.amount >= q.amount + q.tax_amount)`,
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
		Says: "A grant is granted or revoked, not both, or says why it is neither; it is held by its member or else its customer, through its subscription or order.",
		Query: `SELECT organization_id, id, 'contradicts itself' AS detail FROM benefit_grants
			WHERE granted_at IS NOT NULL AND revoked_at IS NOT NULL
				OR granted_at IS NULL AND revoked_at IS NULL AND error IS NULL
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
		Says: "Who has a running subscription to a product, or has bought it once, has a grant of each of its benefits, unless somebody took back its license key.",
		Query: `SELECT s.organization_id, s.id, 'has no grant of benefit ' || p.benefit_id AS detail FROM subscriptions s
			JOIN product_benefits p ON p.organization_id = s.organization_id AND p.product_id = s.product_id
			JOIN benefits b ON b.organization_id = p.organization_id AND b.id = p.benefit_id
			JOIN customers c ON c.organization_id = s.organization_id AND c.id = s.customer_id
			WHERE s.started_at IS NOT NULL AND s.ended_at IS NULL AND s.status IN ('trialing', 'active') AND s.seats IS NULL
				AND b.deleted_at IS NULL AND c.deleted_at IS NULL AND NOT EXISTS (
					SELECT 1 FROM benefit_grants g WHERE g.organization_id = s.organization_id AND g.source_id = s.id
						AND g.benefit_id = p.benefit_id AND (g.granted_at IS NOT NULL OR g.error IS NOT NULL OR ` + byHand + `))
			UNION ALL SELECT o.organization_id, o.id, 'has no grant of benefit ' || p.benefit_id FROM orders o
			JOIN product_benefits p ON p.organization_id = o.organization_id AND p.product_id = o.product_id
			JOIN benefits b ON b.organization_id = p.organization_id AND b.id = p.benefit_id
			JOIN customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id
			WHERE o.status = 'paid' AND o.subscription_id IS NULL AND o.seats IS NULL
				AND b.deleted_at IS NULL AND c.deleted_at IS NULL AND NOT EXISTS (
					SELECT 1 FROM benefit_grants g WHERE g.organization_id = o.organization_id AND g.source_id = o.id
						AND g.benefit_id = p.benefit_id AND (g.granted_at IS NOT NULL OR g.error IS NOT NULL OR ` + byHand + `))`,
	},
	{
		Name: "license_keys.grants",
		Says: "A license key works while its grant is granted, and not otherwise (unless somebody set that), and belongs to the same customer, member and benefit; each such grant has its key.",
		Query: `SELECT k.organization_id, k.id, k.status || ', while its grant says otherwise' AS detail FROM license_keys k
				JOIN benefit_grants g ON g.organization_id = k.organization_id AND g.id = k.grant_id
				WHERE (k.status = 'granted' AND g.granted_at IS NULL OR k.status = 'revoked' AND g.granted_at IS NOT NULL) AND NOT ` + byHand + `
					OR g.customer_id <> k.customer_id OR g.benefit_id <> k.benefit_id OR COALESCE(g.member_id, g.id) <> COALESCE(k.member_id, g.id)
			UNION ALL SELECT g.organization_id, g.id, 'is granted, and has no key' FROM benefit_grants g
				JOIN benefits b ON b.organization_id = g.organization_id AND b.id = g.benefit_id
				WHERE b.type = 'license_keys' AND g.granted_at IS NOT NULL AND NOT EXISTS (
					SELECT 1 FROM license_keys k WHERE k.organization_id = g.organization_id AND k.grant_id = g.id)`,
	},
	{
		Name: "license_keys.activations",
		Says: "A license key was not activated on more devices than it allowed at that time.",
		// Entries are compared, not times: those go back when a test clock is released.
		Query: `SELECT organization_id, id, live || ' activations, allowed are ' || limit_activations AS detail FROM (
				SELECT k.organization_id, k.id, k.grant_id, k.limit_activations,
					(SELECT COUNT(*) FROM license_key_activations a
						WHERE a.organization_id = k.organization_id AND a.license_key_id = k.id AND a.deleted_at IS NULL) AS live
				FROM license_keys k
			) AS used WHERE live > limit_activations AND NOT EXISTS (
				SELECT 1 FROM journal j WHERE j.organization_id = used.organization_id AND j.subject_id IN (used.id, used.grant_id)
					AND (j.customer_id IS NULL OR j.subject_id <> j.customer_id)
					AND j.type IN ('license_key.updated', 'benefit_grant.created', 'benefit_grant.updated')
					AND j.seq > (SELECT MAX(a.seq) FROM journal a WHERE a.organization_id = used.organization_id AND a.subject_id = used.id
						AND (a.customer_id IS NULL OR a.subject_id <> a.customer_id) AND a.type = 'license_key.activated'))`,
	},

	// Webhooks.
	{
		Name: "webhooks.endpoints",
		Says: "An endpoint is told of the types that it asks for, and there is a record of how it fares.",
		Query: `SELECT organization_id, id, 'is told of other types than it asks for' AS detail FROM webhook_endpoints
				WHERE deleted_at IS NULL AND (` + otherTypes() + `)
			UNION ALL SELECT e.organization_id, e.id, 'nothing can be sent to it' FROM webhook_endpoints e
				WHERE e.deleted_at IS NULL AND NOT EXISTS (SELECT 1 FROM webhook_targets t WHERE t.id = e.id AND t.endpoint_id = e.id)`,
	},
	{
		Name: "webhooks.lanes",
		// A lane that counts too many is put right when it comes to its end: a
		// count may be lowered after the event has left the queue.
		Says: "A lane counts all events of a customer that wait for an endpoint (what is not counted would never be sent), and knows the last.",
		Query: `SELECT organization_id, lane AS id, 'counts ' || pending || ', waiting ' || waiting AS detail FROM (
				SELECT l.organization_id, l.lane, l.pending,
					(SELECT COUNT(*) FROM webhook_queue q WHERE q.target_id = l.target_id AND q.lane = l.lane) AS waiting
				FROM webhook_lanes l
			) AS lanes WHERE pending < waiting
			UNION ALL SELECT q.organization_id, q.event_id, 'waits in a lane that is not there' FROM webhook_queue q
				WHERE NOT EXISTS (SELECT 1 FROM webhook_lanes l WHERE l.target_id = q.target_id AND l.lane = q.lane)
			UNION ALL SELECT e.organization_id, e.lane, 'the last was ' || e.newest || ', and the lane has another or is not there' FROM (
				SELECT organization_id, endpoint_id, lane, MAX(customer_seq) AS newest FROM webhook_events
				WHERE customer_id IS NOT NULL GROUP BY organization_id, endpoint_id, lane) AS e
				JOIN webhook_endpoints w ON w.organization_id = e.organization_id AND w.id = e.endpoint_id
					AND w.deleted_at IS NULL AND COALESCE(w.disabled_reason, '') <> 'listening'
				WHERE NOT EXISTS (SELECT 1 FROM webhook_lanes l WHERE l.target_id = e.endpoint_id AND l.lane = e.lane AND l.last_seq = e.newest)`,
	},
	{
		Name: "webhooks.queue",
		Says: "What waits to be sent is there, once, in its lane and in its turn, and what has neither arrived nor been given up waits.",
		Query: `SELECT q.organization_id, q.event_id AS id, 'waits, and there is no such event' AS detail FROM webhook_queue q
				WHERE NOT EXISTS (SELECT 1 FROM webhook_events e WHERE e.organization_id = q.organization_id AND e.id = q.event_id)
			UNION ALL SELECT organization_id, event_id, 'waits ' || COUNT(*) || ' times' FROM webhook_queue
				WHERE NOT manual GROUP BY organization_id, target_id, event_id HAVING COUNT(*) > 1
			UNION ALL SELECT q.organization_id, q.event_id, 'waits in the lane of somebody else' FROM webhook_queue q
				JOIN webhook_events e ON e.organization_id = q.organization_id AND e.id = q.event_id WHERE NOT q.manual AND q.lane <> e.lane
			UNION ALL SELECT organization_id, event_id, 'waits behind a later one' FROM (
				SELECT q.organization_id, q.event_id, e.seq, LAG(e.seq) OVER (PARTITION BY q.target_id, q.lane ORDER BY q.seq) AS before_it
				FROM webhook_queue q JOIN webhook_events e ON e.organization_id = q.organization_id AND e.id = q.event_id
				WHERE NOT q.manual) AS turns WHERE seq < before_it
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
		Says: "Each attempt is one at an event of its endpoint and is counted, and an event that has arrived was attempted.",
		Query: `SELECT d.organization_id, d.id, 'of an event that is not there' AS detail FROM webhook_deliveries d
				WHERE NOT EXISTS (SELECT 1 FROM webhook_events e
					WHERE e.organization_id = d.organization_id AND e.id = d.event_id AND e.endpoint_id = d.endpoint_id)
			UNION ALL SELECT organization_id, id, 'counts ' || attempts || ' attempts of ' || made FROM (
				SELECT e.organization_id, e.id, e.attempts,
					(SELECT COUNT(*) FROM webhook_deliveries d WHERE d.organization_id = e.organization_id AND d.event_id = e.id) AS made
				FROM webhook_events e) AS tries WHERE attempts > made
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
	{
		Name: "organizations.members",
		Says: "Who has made an organization, or has joined it and not left, belongs to it, in the role they got; nobody else does.",
		Query: `WITH joined AS MATERIALIZED (` + joined + `)
			SELECT organization_id, user_id AS id, 'is ' || role || ', and does not belong to it' AS detail FROM (
				SELECT organization_id, user_id, role FROM joined EXCEPT SELECT organization_id, user_id, role FROM memberships) AS lost
			UNION ALL SELECT organization_id, user_id, 'belongs to it, and has not joined as ' || role FROM (
				SELECT organization_id, user_id, role FROM memberships EXCEPT SELECT organization_id, user_id, role FROM joined) AS strange`,
	},
	{
		Name: "tokens.whose",
		Says: "A token is an organization's or a user's, and the secret by which it is found is there.",
		Query: `SELECT organization_id, id, kind || ', and of nobody or of two' AS detail FROM tokens
				WHERE (kind = 'oat') <> (organization_id IS NOT NULL) OR (kind = 'pat') <> (user_id IS NOT NULL)
			UNION ALL SELECT organization_id, id, 'is found by no secret' FROM tokens WHERE NOT EXISTS (SELECT 1 FROM settings)`,
	},

	// Jobs.
	{
		Name: "jobs.waited_for",
		Says: "What waits for a job has one: a replay that is being gathered, a listener who is to be forgotten, and, where there is any, all work that comes again and again.",
		Query: `SELECT CAST(r.organization_id AS text) AS organization_id, CAST(r.id AS text) AS id, 'is gathered by no job' AS detail FROM webhook_replays r
				WHERE r.status = 'gathering' AND NOT EXISTS (SELECT 1 FROM jobs j
					WHERE j.kind = '` + webhook.JobReplay + `' AND CAST(j.args AS text) LIKE '%' || CAST(r.id AS text) || '%')
			UNION ALL SELECT CAST(e.organization_id AS text), CAST(e.id AS text), 'is forgotten by no job' FROM webhook_endpoints e
				WHERE e.disabled_reason = 'listening' AND NOT EXISTS (SELECT 1 FROM jobs j
					WHERE j.kind = '` + webhook.JobUnlisten + `' AND CAST(j.args AS text) LIKE '%' || CAST(e.id AS text) || '%')
			UNION ALL SELECT '', kind, 'is to be done no more' FROM (` + recurring + `) AS again
				WHERE EXISTS (SELECT 1 FROM jobs j WHERE j.kind IN (` + recurring + `)) AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.kind = again.kind)`,
	},
}
