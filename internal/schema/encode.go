package schema

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Append writes v as the API prints JSON: UTC times with six digits or none
// and a Z, numbers as Python prints them, no HTML escapes, null written out,
// empty lists as [] and empty maps as {}. v is best a pointer: its fields are
// then reached without copying. It panics for a type that no answer has
// (channels, functions), which a test of the operation meets at once.
func Append(dst []byte, v any) []byte {
	rv := reflect.ValueOf(v)
	if !rv.IsValid() {
		return append(dst, "null"...)
	}
	return encoderOf(rv.Type())(dst, rv)
}

// Appender is a type that writes its own JSON.
type Appender interface{ AppendJSON(dst []byte) []byte }

type encoder func(dst []byte, v reflect.Value) []byte

var encoders sync.Map // reflect.Type -> encoder

func encoderOf(t reflect.Type) encoder {
	if e, ok := encoders.Load(t); ok {
		return e.(encoder)
	}
	// A type that contains itself finds this indirection while it is compiled.
	var real encoder
	var once sync.WaitGroup
	once.Add(1)
	encoders.LoadOrStore(t, encoder(func(dst []byte, v reflect.Value) []byte {
		once.Wait()
		return real(dst, v)
	}))
	real = compileEncoder(t)
	once.Done()
	encoders.Store(t, real)
	return real
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	rawType      = reflect.TypeFor[json.RawMessage]()
	appenderType = reflect.TypeFor[Appender]()
)

func compileEncoder(t reflect.Type) encoder {
	switch {
	case t == timeType:
		return func(dst []byte, v reflect.Value) []byte { return AppendTime(dst, valueOf[time.Time](v)) }
	case t == rawType:
		return encodeRaw
	case t.Kind() != reflect.Pointer && t.Implements(appenderType):
		return func(dst []byte, v reflect.Value) []byte { return v.Interface().(Appender).AppendJSON(dst) }
	}
	switch t.Kind() {
	case reflect.String:
		return func(dst []byte, v reflect.Value) []byte { return AppendString(dst, v.String()) }
	case reflect.Bool:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendBool(dst, v.Bool()) }
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return func(dst []byte, v reflect.Value) []byte { return strconv.AppendInt(dst, v.Int(), 10) }
	case reflect.Float32, reflect.Float64:
		return func(dst []byte, v reflect.Value) []byte { return AppendFloat(dst, v.Float()) }
	case reflect.Pointer:
		inner := encoderOf(t.Elem())
		return func(dst []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return append(dst, "null"...)
			}
			return inner(dst, v.Elem())
		}
	case reflect.Interface:
		return func(dst []byte, v reflect.Value) []byte {
			if v.IsNil() {
				return append(dst, "null"...)
			}
			return encoderOf(v.Elem().Type())(dst, v.Elem())
		}
	case reflect.Slice, reflect.Array:
		return encodeList(encoderOf(t.Elem()))
	case reflect.Map:
		return encodeMap(encoderOf(t.Elem()))
	case reflect.Struct:
		return encodeStruct(t)
	}
	panic("schema: no JSON form for " + t.String())
}

func valueOf[T any](v reflect.Value) T {
	if v.CanAddr() {
		return *v.Addr().Interface().(*T)
	}
	return v.Interface().(T)
}

func encodeRaw(dst []byte, v reflect.Value) []byte {
	if v.Len() == 0 {
		return append(dst, "null"...)
	}
	return append(dst, v.Bytes()...)
}

func encodeList(inner encoder) encoder {
	return func(dst []byte, v reflect.Value) []byte {
		dst = append(dst, '[')
		for i := range v.Len() {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = inner(dst, v.Index(i))
		}
		return append(dst, ']')
	}
}

func encodeMap(inner encoder) encoder {
	return func(dst []byte, v reflect.Value) []byte {
		dst = append(dst, '{')
		keys := sortedKeys(v)
		for i, k := range keys {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, k.String())
			dst = append(dst, ':')
			dst = inner(dst, v.MapIndex(k))
		}
		return append(dst, '}')
	}
}

type encodedField struct {
	prefix    string // ,"name":
	index     []int
	encode    encoder
	omitEmpty bool
}

func encodeStruct(t reflect.Type) encoder {
	var fields []encodedField
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || f.Anonymous && name == "" || f.Type.Kind() == reflect.Func {
			continue
		}
		if name == "" {
			name = f.Name
		}
		fields = append(fields, encodedField{
			prefix: "," + string(AppendString(nil, name)) + ":", index: f.Index,
			encode: encoderOf(f.Type), omitEmpty: opts == "omitempty",
		})
	}
	return func(dst []byte, v reflect.Value) []byte {
		start := len(dst)
		for i := range fields {
			f := &fields[i]
			fv := v
			if len(f.index) == 1 {
				fv = v.Field(f.index[0])
			} else {
				fv = v.FieldByIndex(f.index)
			}
			if f.omitEmpty && fv.IsZero() {
				continue
			}
			dst = append(dst, f.prefix...)
			dst = f.encode(dst, fv)
		}
		if len(dst) == start {
			return append(dst, "{}"...)
		}
		dst[start] = '{'
		return append(dst, '}')
	}
}

// AppendTime writes a time in UTC with microseconds, or with whole seconds
// when it has none. It is written digit by digit: answers are full of times,
// and a layout that is read for each takes five times as long.
func AppendTime(dst []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 { // more digits than RFC 3339 has
		return t.AppendFormat(dst, `"2006-01-02T15:04:05Z"`)
	}
	hour, minute, second := t.Clock()
	dst = append(appendDigits(append(dst, '"'), year, 4), '-')
	dst = append(appendDigits(dst, int(month), 2), '-')
	dst = append(appendDigits(dst, day, 2), 'T')
	dst = append(appendDigits(dst, hour, 2), ':')
	dst = append(appendDigits(dst, minute, 2), ':')
	dst = appendDigits(dst, second, 2)
	if micros := t.Nanosecond() / 1000; micros != 0 {
		dst = appendDigits(append(dst, '.'), micros, 6)
	}
	return append(dst, 'Z', '"')
}

// appendDigits writes a number in so many digits, which are enough.
func appendDigits(dst []byte, n, digits int) []byte {
	dst = append(dst, "000000"[:digits]...)
	for i := len(dst) - 1; n > 0; i, n = i-1, n/10 {
		dst[i] += byte(n % 10)
	}
	return dst
}

// Offset prints a time as text exports and hashes spell it: +00:00 for Z.
func Offset(t time.Time) string {
	b := AppendTime(make([]byte, 0, 36), t)
	return string(append(b[1:len(b)-2], "+00:00"...))
}

// AppendFloat writes a number as Python does: always with a point or an
// exponent; what is not finite becomes null.
func AppendFloat(dst []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return append(dst, "null"...)
	}
	if a := math.Abs(f); a != 0 && (a < 1e-5 || a >= 1e16) {
		start := len(dst)
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		// Go pads the exponent to two digits, the contract does not: 1e-6.
		if n := len(dst); n-start >= 4 && dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
			dst[n-2] = dst[n-1]
			dst = dst[:n-1]
		}
		return dst
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

const hexDigits = "0123456789abcdef"

// AppendString writes a JSON string: only quotes, backslashes and control
// characters are escaped; bytes that are not UTF-8 become U+FFFD.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := plain(s, 0); i < len(s); i = plain(s, i) {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(append(dst, s[start:i]...), "\uFFFD"...)
			i++
			start = i
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		case '\b':
			dst = append(dst, '\\', 'b')
		case '\f':
			dst = append(dst, '\\', 'f')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// plain is where the first byte from i on is that does not stand for itself in
// JSON. Eight bytes are looked at together: a byte is one of those sought when
// taking so much from it takes from its neighbour, too.
func plain(s string, i int) int {
	const each = 0x0101010101010101
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		x := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
			uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56 // one load
		quote, slash := x^'"'*each, x^'\\'*each
		if ((x-' '*each)&^x|(quote-each)&^quote|(slash-each)&^slash|x)&(0x80*each) != 0 {
			break
		}
	}
	for ; i < len(s) && s[i] >= ' ' && s[i] != '"' && s[i] != '\\' && s[i] < utf8.RuneSelf; i++ {
	}
	return i
}

func sortedKeys(v reflect.Value) []reflect.Value {
	keys := v.MapKeys()
	for i := 1; i < len(keys); i++ {
		for j := i; j > 0 && keys[j].String() < keys[j-1].String(); j-- {
			keys[j], keys[j-1] = keys[j-1], keys[j]
		}
	}
	return keys
}

// JSON is Append for callers that keep the text, such as the journal.
func JSON(v any) json.RawMessage { return Append(nil, v) }
