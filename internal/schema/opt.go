package schema

import "reflect"

// Opt is a value that may be absent from a PATCH body: Opt[*string] is absent,
// null, or a string; Opt[string] is absent or a string, and null is a problem.
type Opt[T any] struct {
	Set   bool
	Value T
}

// To copies the value when it is present and says whether it was.
func (o Opt[T]) To(dst *T) bool {
	if o.Set {
		*dst = o.Value
	}
	return o.Set
}

func (Opt[T]) isOpt() {}

// Many is a filter that takes one value or several: repeated in a query, or a
// list in a body. Nil means it was not given.
type Many[T any] []T

func (Many[T]) isMany() {}

func isOpt(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.Implements(reflect.TypeFor[interface{ isOpt() }]())
}

func isMany(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Implements(reflect.TypeFor[interface{ isMany() }]())
}
