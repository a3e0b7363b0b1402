package db

import (
	"strconv"
	"testing"
)

func TestNumber(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		`SELECT 1`:                          `SELECT 1`,
		`a = ? AND b = ?`:                   `a = $1 AND b = $2`,
		`a = '?' AND b = ?`:                 `a = '?' AND b = $1`,
		`a = 'it''s ?' AND b = ?`:           `a = 'it''s ?' AND b = $1`,
		`"odd?" = ?`:                        `"odd?" = $1`,
		`x LIKE ? ESCAPE '\' AND y = ?`:     `x LIKE $1 ESCAPE '\' AND y = $2`,
		"a = ? -- why?\nAND b = ?":          "a = $1 -- why?\nAND b = $2",
		`a = ? /* or '? */ AND b = ?`:       `a = $1 /* or '? */ AND b = $2`,
		`a = '? -- open`:                    `a = '? -- open`,
		`(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`: `($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		`a - ? / ?`:                         `a - $1 / $2`,
		`é = ? AND '😀?' = ?`:                `é = $1 AND '😀?' = $2`,
	}
	for source, want := range cases {
		if got := number(source); got != want {
			t.Errorf("%s: got %s, want %s", source, got, want)
		}
	}
}

func TestSnake(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"ID": "id", "CustomerID": "customer_id", "HTTPStatus": "http_status", "Name": "name", "Line1": "line1",
		"CreatedAt": "created_at", "EmailVerified": "email_verified", "SubscriptionIDs": "subscription_ids", "A": "a",
	} {
		if got := snake(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// Statements that are many must not grow without bound, and one that is in
// use must not be closed.
func TestStatementsAreBounded(t *testing.T) {
	t.Parallel()
	var texts int
	d, err := Open(t.Context(), Config{DataDir: t.TempDir(), OnStatement: func(string) { texts++ }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	err = d.Read(t.Context(), func(q Querier) error {
		for range Each[int64](t.Context(), q, `SELECT 1 UNION SELECT 2`) {
			for i := range 2 * maxPrepared {
				if n, err := One[int](t.Context(), q, "SELECT "+strconv.Itoa(i)); err != nil || n != i {
					t.Fatal(n, err)
				}
			}
		}
		if n := len(q.(*snapshot).run.(*session).prepared); n > maxPrepared {
			t.Errorf("%d prepared", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if want := 2*maxPrepared + 1; texts != want { // Ping's SELECT 1 is among them
		t.Errorf("heard of %d texts, want %d", texts, want)
	}
}
