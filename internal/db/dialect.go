package db

import (
	"fmt"
	"strings"
)

// dialect holds what differs between the engines, each difference under one
// name. All other SQL is the same text on both.
type dialect struct {
	postgres bool
}

// Engine is "sqlite" or "postgres".
func (d dialect) Engine() string {
	if d.postgres {
		return "postgres"
	}
	return "sqlite"
}

// JSONText is an expression for the text of one key of a JSON object column,
// NULL when it is missing or null; it contains one ? for the key. Unlike the
// ->> operator it gives 'true' for true and numbers as they are written on
// SQLite too, and takes any key.
func (d dialect) JSONText(column string) string {
	if d.postgres {
		return "(" + column + " ->> ?::text)"
	}
	return "(SELECT CASE type WHEN 'text' THEN value WHEN 'null' THEN NULL " +
		"ELSE " + column + " -> fullkey END FROM json_each(" + column + ") WHERE key = ?)"
}

// TimeBucket is an expression for the start, in UTC, of the year, month, week
// (from Monday), day or hour that a time lies in. It reads as a time.Time.
func (d dialect) TimeBucket(unit, column string) string {
	switch unit {
	case "year", "month", "week", "day", "hour":
	default:
		panic(fmt.Sprintf("db: no time bucket %q", unit))
	}
	if d.postgres {
		return "date_trunc('" + unit + "', " + column + ", 'UTC')"
	}
	cut := func(n int, rest string) string {
		return fmt.Sprintf("(substr(%s, 1, %d) || '%s')", column, n, rest)
	}
	switch unit {
	case "year":
		return cut(4, "-01-01T00:00:00.000000Z")
	case "month":
		return cut(7, "-01T00:00:00.000000Z")
	case "day":
		return cut(10, "T00:00:00.000000Z")
	case "hour":
		return cut(13, ":00:00.000000Z")
	}
	return "strftime('%Y-%m-%dT00:00:00.000000Z', " + column + ", 'weekday 0', '-6 days')"
}

// ForUpdate ends a SELECT whose rows are about to change. SQLite has one
// writer and needs no lock.
func (tx *Tx) ForUpdate() string {
	if tx.postgres {
		return " FOR UPDATE"
	}
	return ""
}

// ForShare ends a SELECT whose rows must not change before the transaction
// ends, though others may rely on them at the same time.
func (tx *Tx) ForShare() string {
	if tx.postgres {
		return " FOR SHARE"
	}
	return ""
}

// SkipLocked ends a SELECT that takes rows nobody else has taken.
func (tx *Tx) SkipLocked() string {
	if tx.postgres {
		return " FOR UPDATE SKIP LOCKED"
	}
	return ""
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// LikePrefix is the pattern for texts that begin with s. It belongs with
// LIKE ? ESCAPE '\'.
func LikePrefix(s string) string { return likeEscaper.Replace(s) + "%" }

// LikeContains is the pattern for texts that contain s. It belongs with
// LIKE ? ESCAPE '\'.
func LikeContains(s string) string { return "%" + likeEscaper.Replace(s) + "%" }

// InList is a condition that column has one of the values, and its arguments.
// An empty list matches nothing. Long lists are filled up with their last
// value to a power of two, so that there are few texts to prepare.
func InList[S ~[]E, E any](column string, values S) (string, []any) {
	args := make([]any, 0, len(values))
	for _, v := range values {
		args = append(args, v)
	}
	return inList(column, args)
}

func inList(column string, args []any) (string, []any) {
	switch len(args) {
	case 0:
		return "FALSE", nil
	case 1:
		return column + " = ?", args
	}
	size := len(args)
	if size > 8 {
		for size = 16; size < len(args); {
			size *= 2
		}
	}
	for len(args) < size {
		args = append(args, args[len(args)-1])
	}
	return column + " IN (?" + strings.Repeat(", ?", size-1) + ")", args
}
