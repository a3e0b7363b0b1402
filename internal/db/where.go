package db

import (
	"reflect"
	"strings"
)

// W collects the conditions of a statement and their arguments. Its methods
// return it, so that calls can follow each other.
type W struct {
	conditions []string
	args       []any

	// Most have no more than this, and need nothing else of the heap.
	firstConditions [4]string
	firstArgs       [8]any
}

// Where starts with a condition; an empty one is none.
func Where(condition string, args ...any) *W {
	return new(W).And(condition, args...)
}

// And adds a condition.
func (w *W) And(condition string, args ...any) *W {
	if condition == "" {
		return w
	}
	if hasOr(condition) {
		condition = "(" + condition + ")"
	}
	if w.conditions == nil {
		w.conditions, w.args = w.firstConditions[:0], w.firstArgs[:0]
	}
	w.conditions = append(w.conditions, condition)
	w.args = append(w.args, args...)
	return w
}

// hasOr says whether there is an OR in a condition, which would take in what
// other conditions leave out.
func hasOr(condition string) bool {
	for i := 0; i+4 <= len(condition); i++ {
		if condition[i] <= ' ' && condition[i+3] <= ' ' && strings.EqualFold(condition[i+1:i+3], "or") {
			return true
		}
	}
	return false
}

// In adds the condition that column has one of the values, a slice. An empty
// slice matches nothing: no access is not all access.
func (w *W) In(column string, values any) *W {
	v := reflect.ValueOf(values)
	if v.Kind() != reflect.Slice {
		panic("db: In needs a slice")
	}
	list := make([]any, v.Len())
	for i := range list {
		list[i] = v.Index(i).Interface()
	}
	condition, args := inList(column, list)
	return w.And(condition, args...)
}

// If adds a condition with what the pointer points to, nothing when it is nil.
func (w *W) If(pointer any, condition string) *W {
	if isNil(pointer) {
		return w
	}
	return w.And(condition, pointer)
}

// Contains adds the condition that one of the columns contains the text,
// whatever its case (of ASCII letters); nothing when it is nil or empty.
func (w *W) Contains(text *string, columns ...string) *W {
	if text == nil || *text == "" {
		return w
	}
	pattern := LikeContains(strings.ToLower(*text))
	parts := make([]string, len(columns))
	args := make([]any, len(columns))
	for i, c := range columns {
		parts[i] = "lower(" + c + `) LIKE ? ESCAPE '\'`
		args[i] = pattern
	}
	return w.And("("+strings.Join(parts, " OR ")+")", args...)
}

// SQL is " WHERE a AND b", or nothing when there is no condition.
func (w *W) SQL() string {
	if len(w.conditions) == 0 {
		return ""
	}
	size := 0
	for _, c := range w.conditions {
		size += len(" WHERE ") + len(c)
	}
	var text strings.Builder
	text.Grow(size)
	before := " WHERE "
	for _, c := range w.conditions {
		text.WriteString(before)
		text.WriteString(c)
		before = " AND "
	}
	return text.String()
}

// Args are the arguments of the conditions in order. The caller may append to
// what it gets.
func (w *W) Args() []any { return w.args[:len(w.args):len(w.args)] }

func isNil(pointer any) bool {
	if pointer == nil {
		return true
	}
	v := reflect.ValueOf(pointer)
	return v.Kind() == reflect.Pointer && v.IsNil()
}
