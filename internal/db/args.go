package db

import (
	"database/sql/driver"
	"encoding/json"
	"reflect"
	"time"

	"floe/internal/id"
)

// timeLayout is how times are kept in SQLite: text of one width, so that it
// sorts as the times do.
const timeLayout = "2006-01-02T15:04:05.000000Z"

// FormatTime returns the text a time is kept as in SQLite.
func FormatTime(t time.Time) string {
	return string(t.UTC().AppendFormat(make([]byte, 0, len(timeLayout)), timeLayout))
}

// bind turns arguments into what the drivers take. The caller's slice is not
// changed, and not copied unless something in it has to be turned.
func (d dialect) bind(args []any) []any {
	for i, a := range args {
		switch a.(type) {
		case string, int64, bool, float64, nil:
			continue
		}
		out := make([]any, len(args))
		copy(out, args[:i])
		for j := i; j < len(args); j++ {
			out[j] = d.value(args[j])
		}
		return out
	}
	return args
}

// value turns one argument. What it does not know is left to the driver.
func (d dialect) value(a any) any {
	switch v := a.(type) {
	case nil, string, int64, bool, float64:
		return v
	case id.ID:
		return string(v)
	case time.Time:
		return d.timeValue(v)
	case json.RawMessage:
		if v == nil {
			return nil
		}
		return string(v)
	case []byte:
		if v == nil {
			return nil
		}
		return v
	case int:
		return int64(v)
	case *string:
		return deref(v)
	case *time.Time:
		if v == nil {
			return nil
		}
		return d.timeValue(*v)
	case *id.ID:
		if v == nil {
			return nil
		}
		return string(*v)
	}
	return d.reflected(a)
}

func deref[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func (d dialect) timeValue(t time.Time) any {
	if d.postgres {
		return t.UTC().Truncate(time.Microsecond)
	}
	return FormatTime(t)
}

// reflected turns named types into the plain ones below them and pointers
// into what they point to.
func (d dialect) reflected(a any) any {
	v := reflect.ValueOf(a)
	if v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	if valuer, ok := a.(driver.Valuer); ok {
		plain, err := valuer.Value()
		if err != nil {
			return a // the driver asks again and reports it
		}
		return d.value(plain)
	}
	switch v.Kind() {
	case reflect.Pointer:
		return d.value(v.Elem().Interface())
	case reflect.String:
		return v.String()
	case reflect.Bool:
		return v.Bool()
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int()
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return int64(v.Uint()) //nolint:gosec // columns are signed; larger values do not occur
	case reflect.Float32, reflect.Float64:
		return v.Float()
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return d.value(v.Bytes())
		}
	}
	return a
}
