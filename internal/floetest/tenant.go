package floetest

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// AllOrganizations at the end of a test's own SQL says that it looks at the
// rows of all organizations on purpose.
const AllOrganizations = ` /* of all organizations, in a test */`

// tenantRule fails a test that runs SQL on rows which belong to organizations
// without naming the organization. A statement that forgets it works in every
// test with one organization and leaks in production.
type tenantRule struct {
	mu    sync.Mutex
	t     testing.TB
	ended bool
	seen  []string
}

var tenantTable = regexp.MustCompile(
	`(?i)\b(?:FROM|JOIN|INTO|UPDATE)\s+(customers|members|customer_sessions|customer_metadata|customer_totals|journal|journal_heads|subscriptions|subscription_metadata|subscription_updates|billing_entries|meters|products|product_prices|product_benefits|discounts|discount_products|discount_redemptions|benefits|benefit_grants|license_keys|license_key_activations|orders|order_items|order_metadata|order_payments|refunds|order_counters|customer_balances|balance_movements|order_documents|refund_requests|charges|payers|payment_methods|processor_events|disputes|webhook_endpoints|webhook_events|webhook_deliveries|webhook_targets|webhook_lanes|webhook_queue|webhook_replays|test_clocks)\b`)

// Shared are the tables whose rows name an organization and are not under the
// rule, and why.
var Shared = map[string]string{
	"tokens":      "a token may be a user's, who belongs to several organizations, and who calls is looked up first",
	"memberships": "users belong to several organizations",
}

// TenantTable says whether a table is under the rule.
func TenantTable(name string) bool { return tenantTable.MatchString("FROM " + name) }

// exceptions are statements that are right without an organization.
var exceptions = []*regexp.Regexp{
	// Who calls is looked up before it is known whose caller it is.
	regexp.MustCompile(`(?is)\bFROM\s+customer_sessions\b.*\bhash\s*=\s*\?`),
	regexp.MustCompile(`(?s)\bFROM tokens t\b.*\bLEFT JOIN test_clocks c ON c\.organization_id = o\.id\s+WHERE t\.hash = \?`),
	// Nobody's organization is named when the billing cycle looks for what is due.
	regexp.MustCompile(`(?is)^\s*SELECT\b.*\bFROM\s+orders\b.*\bcheck_at\b.*\borganization_id NOT IN \(SELECT organization_id FROM test_clocks\)`),
	// What a processor has not answered for is asked for again, whoever's it is.
	regexp.MustCompile(`(?is)^\s*SELECT\b.*\bFROM\s+refund_requests\s+q\s+JOIN\b.*\bq\.check_at\s*<=\s*\?|^SELECT check_at FROM refund_requests WHERE processor = \? ORDER BY check_at LIMIT 1$|^UPDATE refund_requests SET processor = \(SELECT p\.processor FROM order_payments p\s+WHERE p\.organization_id = refund_requests\.organization_id AND p\.id = refund_requests\.payment_id\) WHERE processor = ''$`),
	regexp.MustCompile(`(?is)^\s*SELECT\b.*\bFROM\s+charges\s+WHERE\s+check_at\s*<=\s*\?|^SELECT MIN\(check_at\) FROM charges WHERE processor = \?$`),
	regexp.MustCompile(`(?is)^\s*SELECT\b.*\bFROM\s+payment_methods\s+WHERE\s+detach_at\s+IS\s+NOT\s+NULL\b|^SELECT MIN\(detach_at\) FROM payment_methods\b`),
	// An event names what it is about by the processor's own name, and so whose it is.
	regexp.MustCompile(`(?is)^\s*SELECT\s+organization_id\b.*\bFROM\s+(order_payments|refunds|payment_methods|payers)\s+WHERE\s+processor\s*=\s*\?\s+AND\s+reference\s*=\s*\?`),
	// Old events are forgotten for all at once.
	regexp.MustCompile(`(?is)^\s*DELETE\s+FROM\s+processor_events\s+WHERE\s+created_at\s*<`),
	// Where the journal ends, and whose part of it has grown, is asked for all.
	regexp.MustCompile(`(?is)^SELECT (?:DISTINCT organization_id|COALESCE\(MAX\(seq\), 0\)(?: AS newest, COUNT\(\*\) AS rows)?) FROM journal\b`),
	// Sessions that have ended are cleared away for all at once.
	regexp.MustCompile(`(?is)^\s*DELETE\s+FROM\s+customer_sessions\b.*\bexpires_at\s*<`),
	// Old payloads and responses are cleared away for all at once.
	regexp.MustCompile(`(?is)^SELECT seq FROM webhook_(events WHERE payload|deliveries WHERE response) IS NOT NULL AND created_at < \? ORDER BY created_at LIMIT`),
	regexp.MustCompile(`(?is)^UPDATE webhook_(events SET payload|deliveries SET response) = NULL WHERE seq (?:=|IN) `),
	// The dispatcher takes up a target by its own id, and its endpoint with it.
	regexp.MustCompile(`(?is)^\s*SELECT\b.*\bFROM\s+webhook_targets\s+t\s+JOIN\s+webhook_endpoints\s+e\s+ON\s+e\.organization_id\s*=\s*t\.organization_id\b`),
	// It looks for the targets that have something to do, whoever's they are, claims
	// lanes of one, and finds where they begin in the queue,
	regexp.MustCompile(`^WITH RECURSIVE t \(id\) AS \(\s+SELECT \(SELECT target_id FROM webhook_lanes WHERE pending > 0 ORDER BY target_id LIMIT 1\)`),
	regexp.MustCompile(`^UPDATE webhook_lanes SET due_at = \?, lease = \?\s+WHERE target_id = \? AND lane IN \(`),
	regexp.MustCompile(`(?s)^SELECT \(SELECT h\.seq FROM webhook_queue h\b.*\bFROM webhook_lanes l WHERE l\.target_id = \? AND l\.lane (?:=|IN) `),
	// records how it went with what it has claimed,
	regexp.MustCompile(`^SELECT lane FROM webhook_lanes WHERE target_id = \? AND lane (?:=|IN) .* FOR UPDATE(?: SKIP LOCKED)?$`),
	regexp.MustCompile(`^(?:DELETE FROM webhook_queue|UPDATE webhook_queue SET attempt = attempt \+ 1) WHERE seq (?:=|IN) .* RETURNING seq$`),
	regexp.MustCompile(`^UPDATE webhook_lanes SET pending = pending - 1, .* WHERE target_id = \? AND lane (?:=|IN) .* RETURNING lane, pending$`),
	regexp.MustCompile(`^UPDATE webhook_lanes SET due_at = \?, lease = NULL WHERE target_id = \? AND lane = \?$`),
	// and renews or gives up what it holds, or an earlier process has held.
	regexp.MustCompile(`^UPDATE webhook_lanes SET due_at = \? WHERE target_id = \? AND lane IN \(\s+SELECT lane FROM webhook_lanes WHERE target_id = \? AND lease = \? AND lane `),
	regexp.MustCompile(`^UPDATE webhook_lanes SET due_at = \?, lease = NULL WHERE (?:target_id = \?|pending > 0) AND lease (?:= \?|IS NOT NULL AND lease <> \?$)`),
	// Lanes that nobody needs any more are cleared away for all at once.
	regexp.MustCompile(`^DELETE FROM webhook_lanes WHERE pending = 0 AND last_seq = 0 AND due_at < \?$`),
	// Metrics say how long the whole queue is, and how old its oldest event.
	regexp.MustCompile(`^SELECT COALESCE\(CAST\(SUM\(pending\) AS bigint\), 0\) FROM webhook_lanes WHERE pending > 0$`),
	regexp.MustCompile(`(?is)^\s*SELECT\s+e\.created_at\s+FROM\s+webhook_queue\s+q\s+JOIN\s+webhook_events\s+e\s+ON\s+e\.organization_id\s*=\s*q\.organization_id\b`),
	// What a search will find is guessed from the texts of some customers, whoever's they are.
	regexp.MustCompile(`(?is)^SELECT COALESCE\(MAX\(seq\), 0\) FROM customers$|^WITH RECURSIVE place\b.*\bSELECT search FROM place CROSS JOIN customers USING \(seq\)$|^SELECT search FROM customers TABLESAMPLE\b`),
	// The billing cycle looks for what is due anywhere, by the index of dates.
	regexp.MustCompile(`(?is)^\s*SELECT\b.*\bFROM\s+subscriptions\s+WHERE\s+due_at\s+IS\s+NOT\s+NULL\s+AND\s+NOT\s+clocked\b`),
}

var (
	insert  = regexp.MustCompile(`(?is)\bINSERT\s+INTO\s+\w+\s*\(([^)]*)\)`)
	filter  = regexp.MustCompile(`(?is)\bWHERE\b(.*)$`)
	nothing = regexp.MustCompile(`(?i)\bFALSE\b|\b1\s*=\s*0\b`) // the filter of those who may see no organization
)

func (r *tenantRule) check(sql string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, sql)
	if !Tenanted(sql) && !r.ended {
		r.t.Errorf("this SQL touches rows of organizations and does not say which:\n%s", sql)
	}
}

// statements are all texts that were seen so far.
func (r *tenantRule) statements() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// end stops the rule from failing a test that has passed: the server's last
// statements run after it.
func (r *tenantRule) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}

// Tenanted says whether SQL that touches rows of organizations names them.
func Tenanted(sql string) bool {
	if strings.HasSuffix(sql, AllOrganizations) || !tenantTable.MatchString(sql) {
		return true
	}
	for _, e := range exceptions {
		if e.MatchString(sql) {
			return true
		}
	}
	if m := insert.FindStringSubmatch(sql); m != nil {
		return strings.Contains(m[1], "organization_id")
	}
	m := filter.FindStringSubmatch(sql)
	return m != nil && (strings.Contains(m[1], "organization_id") || nothing.MatchString(m[1]))
}
