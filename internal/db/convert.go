package db

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"time"
	"unsafe"
)

var (
	timeType    = reflect.TypeFor[time.Time]()
	scannerType = reflect.TypeFor[sql.Scanner]()
)

var errNull = errors.New("NULL in a field that cannot be empty; make it a pointer")

// setterFor returns how to store a driver's value in a field of the type.
// Named types share memory layout with the plain type below them, so one
// setter serves string, id.ID and every other kind of string.
func setterFor(typ reflect.Type) (setter, error) {
	if typ == timeType {
		return setTime, nil
	}
	if reflect.PointerTo(typ).Implements(scannerType) {
		return func(dst unsafe.Pointer, src any) error {
			return reflect.NewAt(typ, dst).Interface().(sql.Scanner).Scan(src)
		}, nil
	}
	switch typ.Kind() {
	case reflect.String:
		return setString, nil
	case reflect.Bool:
		return setBool, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return integerSetter(typ), nil
	case reflect.Float64:
		return setFloat, nil
	case reflect.Slice:
		if typ.Elem().Kind() == reflect.Uint8 {
			return setBytes, nil
		}
	case reflect.Pointer:
		return pointerSetter(typ.Elem())
	}
	return nil, fmt.Errorf("a field of type %s cannot hold a column", typ)
}

// pointerSetter allocates what a pointer points to, or stores nil for NULL.
func pointerSetter(elem reflect.Type) (setter, error) {
	inner, err := setterFor(elem)
	if err != nil {
		return nil, err
	}
	return func(dst unsafe.Pointer, src any) error {
		if src == nil {
			*(*unsafe.Pointer)(dst) = nil
			return nil
		}
		p := reflect.New(elem).UnsafePointer()
		if err := inner(p, src); err != nil {
			return err
		}
		*(*unsafe.Pointer)(dst) = p
		return nil
	}, nil
}

func setString(dst unsafe.Pointer, src any) error {
	switch v := src.(type) {
	case string:
		*(*string)(dst) = v
	case []byte:
		*(*string)(dst) = string(v)
	case int64:
		*(*string)(dst) = strconv.FormatInt(v, 10)
	case float64:
		*(*string)(dst) = strconv.FormatFloat(v, 'g', -1, 64)
	default:
		return unfit(src, "text")
	}
	return nil
}

// setBytes keeps the bytes of a string without a copy: the driver made the
// string for this row and nothing else refers to it.
func setBytes(dst unsafe.Pointer, src any) error {
	out := (*[]byte)(dst)
	switch v := src.(type) {
	case nil:
		*out = nil
	case string:
		if v == "" {
			*out = []byte{}
			return nil
		}
		*out = unsafe.Slice(unsafe.StringData(v), len(v))
	case []byte:
		*out = append(make([]byte, 0, len(v)), v...)
	case int64: // a JSON number: such columns lean to numbers in SQLite
		*out = strconv.AppendInt(nil, v, 10)
	case float64:
		*out = strconv.AppendFloat(nil, v, 'g', -1, 64)
	default:
		return unfit(src, "bytes")
	}
	return nil
}

func setBool(dst unsafe.Pointer, src any) error {
	switch v := src.(type) {
	case bool:
		*(*bool)(dst) = v
	case int64:
		*(*bool)(dst) = v != 0
	default:
		return unfit(src, "a boolean")
	}
	return nil
}

func setFloat(dst unsafe.Pointer, src any) (err error) {
	switch v := src.(type) {
	case float64:
		*(*float64)(dst) = v
	case int64:
		*(*float64)(dst) = float64(v)
	case string: // numeric, which is what PostgreSQL makes of avg(bigint)
		*(*float64)(dst), err = strconv.ParseFloat(v, 64)
	default:
		return unfit(src, "a number")
	}
	return err
}

// integerSetter checks that the value fits the width of the field.
func integerSetter(typ reflect.Type) setter {
	if typ.Kind() == reflect.Int64 || typ.Kind() == reflect.Int && typ.Size() == 8 {
		return func(dst unsafe.Pointer, src any) (err error) {
			*(*int64)(dst), err = integer(src)
			return err
		}
	}
	unsigned := typ.Kind() >= reflect.Uint && typ.Kind() <= reflect.Uint64
	return func(dst unsafe.Pointer, src any) error {
		n, err := integer(src)
		if err != nil {
			return err
		}
		v := reflect.NewAt(typ, dst).Elem()
		switch {
		case unsigned && (n < 0 || v.OverflowUint(uint64(n))), !unsigned && v.OverflowInt(n):
			return fmt.Errorf("%d does not fit %s", n, typ)
		case unsigned:
			v.SetUint(uint64(n))
		default:
			v.SetInt(n)
		}
		return nil
	}
}

func integer(src any) (int64, error) {
	switch v := src.(type) {
	case int64:
		return v, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	case string: // numeric, which is what PostgreSQL makes of sum(bigint)
		return strconv.ParseInt(v, 10, 64)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
	}
	return 0, unfit(src, "an integer")
}

func setTime(dst unsafe.Pointer, src any) (err error) {
	out := (*time.Time)(dst)
	switch v := src.(type) {
	case time.Time:
		*out = v.UTC().Truncate(time.Microsecond)
	case string:
		*out, err = ParseTime(v)
	case []byte:
		*out, err = ParseTime(string(v))
	default:
		return unfit(src, "a time")
	}
	return err
}

// ParseTime reads a time as SQLite keeps it.
func ParseTime(s string) (time.Time, error) {
	if t, ok := parseFixed(s); ok {
		return t, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateTime, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time", s)
}

// parseFixed reads the one layout we write; it is several times faster than
// time.Parse, and rows have three or four times each.
func parseFixed(s string) (time.Time, bool) {
	if len(s) != len(timeLayout) || s[4] != '-' || s[7] != '-' || s[10] != 'T' ||
		s[13] != ':' || s[16] != ':' || s[19] != '.' || s[26] != 'Z' {
		return time.Time{}, false
	}
	ok := true
	number := func(from, to int) (n int) {
		for _, c := range []byte(s[from:to]) {
			ok = ok && c >= '0' && c <= '9'
			n = n*10 + int(c-'0')
		}
		return n
	}
	year, month, day := number(0, 4), number(5, 7), number(8, 10)
	hour, minute, second, micro := number(11, 13), number(14, 16), number(17, 19), number(20, 26)
	if !ok || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, hour, minute, second, micro*1000, time.UTC), true
}

func unfit(src any, want string) error {
	if src == nil {
		return errNull
	}
	return fmt.Errorf("%T in a field for %s", src, want)
}
