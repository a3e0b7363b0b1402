package doctor

import (
	"fmt"
	"strings"

	"floe/internal/webhook"
)

// Parts of the queries of several invariants, or too long for the list.

// byHand says of a grant g that somebody has set the status of its license key:
// that gives the grant or takes it, whatever its source says.
const byHand = `EXISTS (SELECT 1 FROM license_keys h
	JOIN journal j ON j.organization_id = h.organization_id AND j.subject_id = h.id AND (j.customer_id IS NULL OR j.subject_id <> j.customer_id)
	WHERE h.organization_id = g.organization_id AND h.grant_id = g.id
		AND j.type = 'license_key.updated' AND CAST(j.after AS text) LIKE '%"status":%')`

// otherKey says of a text of ASCII, whose letters both engines fold as this
// program does, that its key is another one. It is folded by the rules of the
// key, which are the same everywhere, and not by those of a database's locale.
func otherKey(text, key string) string {
	return `octet_length(` + text + `) = length(` + text + `) AND ` + key + ` <> lower(COALESCE(` + text + `, ` + key + `))`
}

// writtenOnce are letters that JSON never writes in another way, as it does line
// breaks and quotation marks.
const writtenOnce = `ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 !#%()*+,-./:;=@[]^_{|}~`

// otherMetadata finds what a table of metadata has otherwise than the rows that
// it is of, and of rows of which it has none: how many keys, and which. What
// stands for a key or a value can be told by the whole text where it is short and
// has only letters that JSON writes in one way.
func otherMetadata(table, of, column, has string) string {
	from := ` FROM ` + table + ` m JOIN ` + of + ` c ON c.organization_id = m.organization_id AND c.id = m.` + column
	plain := func(text string) string {
		return `length(` + text + `) < 50 AND ` + text + ` >= 'A' AND rtrim(` + text + `, '` + writtenOnce + `') = ''`
	}
	absent := func(text string) string {
		return `replace(CAST(c.metadata AS text), ` + text + `, '') = CAST(c.metadata AS text)`
	}
	return `SELECT organization_id, id, keys || ' keys, ' || indexed || ' in the index' AS detail FROM (
				SELECT c.organization_id, c.id, CASE WHEN ` + has + ` THEN (SELECT COUNT(*) FROM json_each(c.metadata)) ELSE 0 END AS keys,
					(SELECT COUNT(*) FROM ` + table + ` m WHERE m.organization_id = c.organization_id AND m.` + column + ` = c.id) AS indexed
				FROM ` + of + ` c
			) AS counted WHERE keys <> indexed
			UNION ALL SELECT m.organization_id, m.` + column + `, 'has another value of ' || m.key || ' in the index'` + from + `
				WHERE m.value NOT IN ('true', 'false') AND ` + plain("m.value") + ` AND ` + absent(`'"' || m.value || '"'`) + `
			UNION ALL SELECT m.organization_id, m.` + column + `, 'has no ' || m.key || ', which is in the index'` + from + `
				WHERE ` + plain("m.key") + ` AND ` + absent(`'"' || m.key || '"'`)
}

// otherTypes says of an endpoint that the bits which decide what it is told of
// are other ones than those of its types.
func otherTypes() string {
	var differ []string
	for i, typ := range webhook.Types() {
		asked := `replace(CAST(events AS text), '"` + typ + `"', '') <> CAST(events AS text)`
		differ = append(differ, fmt.Sprintf("((mask >> %d) & 1 = 1) <> (%s)", i, asked))
	}
	return strings.Join(differ, " OR ")
}

// recorded finds things of a table whose beginning the journal does not have.
func recorded(table, types, where string) string {
	return `SELECT x.organization_id, x.id, 'no entry says that it was created (` + table + `)' AS detail FROM ` + table + ` x
			WHERE ` + where + ` AND NOT EXISTS (SELECT 1 FROM journal j WHERE j.organization_id = x.organization_id AND j.subject_id = x.id
				AND (j.customer_id IS NULL OR j.subject_id <> j.customer_id) AND j.type LIKE '` + types + `')`
}

// tiers are those of prices by seats and by units: where each begins and ends
// (nowhere, with NULL), and what each of its seats or units costs.
const tiers = `place (n) AS (
		SELECT 0 UNION ALL SELECT n + 1 FROM place WHERE n < (
			SELECT MAX(json_array_length(COALESCE(seat_tiers, unit_tiers) -> 'tiers')) FROM product_prices)
	), tiers AS (
		SELECT organization_id, id, mode, bound, rate, COALESCE(MAX(bound) OVER (
			PARTITION BY organization_id, id ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS begins
		FROM (
			SELECT organization_id, id, n, mode, CAST(COALESCE(tier ->> 'max_seats', tier ->> 'bound') AS bigint) AS bound,
				CAST(COALESCE(tier ->> 'price_per_seat', tier ->> 'unit_amount') AS bigint) AS rate
			FROM (
				SELECT organization_id, id, n, COALESCE(seat_tiers ->> 'seat_tier_type', unit_tiers ->> 'type') AS mode,
					COALESCE(seat_tiers, unit_tiers) -> 'tiers' -> n AS tier
				FROM product_prices JOIN place ON n < json_array_length(COALESCE(seat_tiers, unit_tiers) -> 'tiers')
			) AS each_tier
		) AS read_tier
	)`

// costs are what subscriptions cost without their discounts.
const costs = `SELECT organization_id, id, amount, currency, discount_id, CAST(SUM(CASE amount_type
			WHEN 'fixed' THEN price_amount
			WHEN 'custom' THEN minimum_amount
			WHEN 'metered_unit' THEN 0
			ELSE COALESCE(rate, 0) * CASE WHEN mode = 'graduated' THEN CASE WHEN bound < quantity THEN bound ELSE quantity END - begins
				WHEN bound < quantity THEN 0 ELSE quantity END
			END) AS bigint) AS full_price
	FROM (
		SELECT s.organization_id, s.id, s.amount, s.currency, s.discount_id, p.id AS price_id, p.amount_type, p.price_amount, p.minimum_amount,
			CASE p.amount_type WHEN 'seat_based' THEN COALESCE(s.seats, 0) WHEN 'unit_based' THEN COALESCE(s.units, 0) ELSE 0 END AS quantity
		FROM subscriptions s JOIN product_prices p ON p.organization_id = s.organization_id AND p.product_id = s.product_id
			AND CAST(s.price_ids AS text) LIKE '%' || CAST(p.id AS text) || '%'
	) AS priced
	LEFT JOIN (SELECT organization_id AS of_organization, id AS of_price, mode, bound, rate, begins FROM tiers) AS t
		ON of_organization = organization_id AND of_price = price_id AND begins < quantity AND (bound IS NULL OR bound > begins)
	GROUP BY organization_id, id, amount, currency, discount_id`

// joined are those who have made an organization, or joined it, and not left.
const joined = `SELECT organization_id, user_id, role FROM (
		SELECT organization_id, seq, subject_id AS user_id, after ->> 'role' AS role FROM journal WHERE type = 'organization_member.created'
		UNION ALL SELECT m.organization_id, m.seq, COALESCE(t.user_id, m.actor_id), 'owner' FROM journal m LEFT JOIN tokens t ON t.id = m.actor_id
			WHERE m.type = 'organization.created' AND m.actor_kind = 'user'
	) AS j WHERE NOT EXISTS (SELECT 1 FROM journal l WHERE l.organization_id = j.organization_id AND l.subject_id = j.user_id
		AND (l.customer_id IS NULL OR l.subject_id <> l.customer_id) AND l.seq > j.seq AND l.type = 'organization_member.deleted')`

// recurring are the kinds of jobs that enqueue their own successor, of which a
// server makes the first together.
const recurring = `SELECT 'billing.cycle' AS kind UNION ALL SELECT 'customer_sessions.purge' UNION ALL SELECT '` + webhook.JobArchive + `'`
