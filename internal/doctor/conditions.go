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

// otherMetadata finds what a table of metadata has otherwise than the rows that
// it is of. What stands for a key or a value can be told by the whole text where
// it is short and has no letter that JSON might write in two ways.
func otherMetadata(table, of, column string) string {
	from := ` FROM ` + table + ` m JOIN ` + of + ` c ON c.organization_id = m.organization_id AND c.id = m.` + column
	plain := func(text string) string {
		return `octet_length(` + text + `) = length(` + text + `) AND length(` + text + `) < 50 AND ` + text + ` >= 'A'
				AND replace(replace(` + text + `, '"', ''), '\', '') = ` + text
	}
	absent := func(text string) string {
		return `replace(CAST(c.metadata AS text), ` + text + `, '') = CAST(c.metadata AS text)`
	}
	return `SELECT m.organization_id, m.` + column + ` AS id, 'has another value of ' || m.key || ' in the index'` + from + `
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
