package db

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"time"
	"unicode"
	"unsafe"

	"floe/internal/db/lite"
)

// plan says how the columns of a result get into a value of one type. It is
// compiled once for a type and a list of columns.
type plan struct {
	typ     reflect.Type
	columns []column
	scratch sync.Pool // *scratch
}

// column fills the part of the value that starts at offset.
type column struct {
	name    string
	offset  uintptr
	kind    kind
	pointer bool
	set     setter
}

// kind names the types of field that text is stored in without a setter.
type kind uint8

const (
	kindOther kind = iota
	kindString
	kindStringPointer
	kindBytes
	kindTime
	kindTimePointer
)

func newColumn(name string, offset uintptr, typ reflect.Type, set setter) column {
	scans := reflect.PointerTo(typ).Implements(scannerType)
	c := column{name: name, offset: offset, set: set, pointer: typ.Kind() == reflect.Pointer && !scans}
	switch {
	case scans, c.pointer && reflect.PointerTo(typ.Elem()).Implements(scannerType):
	case typ == timeType:
		c.kind = kindTime
	case c.pointer && typ.Elem() == timeType:
		c.kind = kindTimePointer
	case typ.Kind() == reflect.String:
		c.kind = kindString
	case c.pointer && typ.Elem().Kind() == reflect.String:
		c.kind = kindStringPointer
	case typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Uint8:
		c.kind = kindBytes
	}
	return c
}

// setter stores what the driver read at dst.
type setter func(dst unsafe.Pointer, src any) error

// scratch is what it takes to fill a value, kept from row to row: one cell for
// each column, all relative to the value that is being filled.
type scratch struct {
	plan  *plan
	base  unsafe.Pointer
	cells []cell
}

type cell struct {
	column
	owner *scratch
	lite  lite.Value // of SQLite's current row
}

// keep copies text to the end of a piece of memory, which is large enough: what
// was copied before must stay where it is.
func keep(texts *[]byte, text []byte) string {
	if len(text) == 0 {
		return ""
	}
	from := len(*texts)
	*texts = append(*texts, text...)
	return unsafe.String(&(*texts)[from], len(text))
}

// null stores that there is no value.
func (c *cell) null(dst unsafe.Pointer) error {
	if c.pointer {
		*(*unsafe.Pointer)(dst) = nil
		return nil
	}
	return c.set(dst, nil)
}

// text stores a text. The usual types are served here, because as an any the
// text would have to be put in memory of its own first. For the same reason
// only copies of what it has are pointed to.
func (c *cell) text(dst unsafe.Pointer, s string) error {
	switch c.kind {
	case kindString:
		*(*string)(dst) = s
	case kindStringPointer:
		kept := s
		*(**string)(dst) = &kept
	case kindBytes:
		*(*[]byte)(dst) = unsafe.Slice(unsafe.StringData(s), len(s))
	case kindTime, kindTimePointer:
		t, err := ParseTime(s)
		if err != nil {
			return err
		}
		return c.moment(dst, t)
	default:
		return c.set(dst, s)
	}
	return nil
}

// moment stores a time.
func (c *cell) moment(dst unsafe.Pointer, t time.Time) error {
	switch c.kind {
	case kindTime:
		*(*time.Time)(dst) = t
	case kindTimePointer:
		kept := t
		*(**time.Time)(dst) = &kept
	default:
		return c.set(dst, t)
	}
	return nil
}

func (s *scratch) release() {
	s.base = nil
	s.plan.scratch.Put(s)
}

// into ties a scratch to the type its plan was compiled for.
type into[T any] struct{ *scratch }

func (i into[T]) scan(rows rowSource, dst *T) error {
	i.base = unsafe.Pointer(dst)
	if rows, ok := rows.(*sessionRows); ok {
		return i.fill(rows.prepared.stmt)
	}
	return i.fillSent(rows.(*sentRows))
}

// scanner returns what fills a T from the rows of r.
func scanner[T any](r *result) (into[T], error) {
	typ := reflect.TypeFor[T]()
	p := r.statement.plan.Load()
	if p == nil || p.typ != typ {
		var err error
		if p, err = planFor(typ, r.rows); err != nil {
			return into[T]{}, err
		}
		r.statement.plan.Store(p)
	}
	if s, ok := p.scratch.Get().(*scratch); ok {
		return into[T]{s}, nil
	}
	return into[T]{p.newScratch()}, nil
}

func (p *plan) newScratch() *scratch {
	s := &scratch{
		plan:  p,
		cells: make([]cell, len(p.columns)),
	}
	for i, c := range p.columns {
		s.cells[i] = cell{column: c, owner: s}
	}
	return s
}

type planKey struct {
	typ     reflect.Type
	columns string
}

// plans is a cache of pure functions of its keys.
var plans sync.Map // planKey -> *plan

func planFor(typ reflect.Type, rows rowSource) (*plan, error) {
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	key := planKey{typ, strings.Join(names, ",")}
	if p, ok := plans.Load(key); ok {
		return p.(*plan), nil
	}
	p, err := compile(typ, names)
	if err != nil {
		return nil, fmt.Errorf("db: %s: %w", typ, err)
	}
	kept, _ := plans.LoadOrStore(key, p)
	return kept.(*plan), nil
}

func compile(typ reflect.Type, names []string) (*plan, error) {
	if !isRow(typ) {
		if len(names) != 1 {
			return nil, fmt.Errorf("one value wanted, the statement returns %d columns", len(names))
		}
		set, err := setterFor(typ)
		return &plan{typ: typ, columns: []column{newColumn(names[0], 0, typ, set)}}, err
	}
	fields := map[string]field{}
	collect(typ, 0, fields)
	p := &plan{typ: typ}
	taken := map[string]bool{}
	for _, name := range names {
		f, ok := fields[name]
		if !ok {
			return nil, fmt.Errorf("no field for column %q", name)
		}
		if taken[name] {
			return nil, fmt.Errorf("column %q is returned twice", name)
		}
		taken[name] = true
		set, err := setterFor(f.typ)
		if err != nil {
			return nil, fmt.Errorf("column %q: %w", name, err)
		}
		p.columns = append(p.columns, newColumn(name, f.offset, f.typ, set))
	}
	return p, nil
}

// isRow reports whether a type stands for a row and not for a single value.
func isRow(typ reflect.Type) bool {
	return typ.Kind() == reflect.Struct && typ != timeType && !reflect.PointerTo(typ).Implements(scannerType)
}

type field struct {
	typ    reflect.Type
	offset uintptr
}

// collect lists the fields of a struct by column. A field of the outer struct
// hides one of an embedded struct, as in Go.
func collect(typ reflect.Type, base uintptr, out map[string]field) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		tag := f.Tag.Get("db")
		if f.Anonymous && tag == "" && isRow(f.Type) {
			inner := map[string]field{}
			collect(f.Type, base+f.Offset, inner)
			for name, in := range inner {
				if _, hidden := out[name]; !hidden {
					out[name] = in
				}
			}
			continue
		}
		if !f.IsExported() || tag == "-" {
			continue
		}
		if tag == "" {
			tag = snake(f.Name)
		}
		out[tag] = field{f.Type, base + f.Offset}
	}
}

// snake turns CustomerID into customer_id and HTTPStatus into http_status.
func snake(name string) string {
	var out strings.Builder
	runes := []rune(strings.ReplaceAll(name, "IDs", "Ids"))
	for i, r := range runes {
		if unicode.IsUpper(r) && i > 0 {
			after := !unicode.IsUpper(runes[i-1])
			before := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if after || before {
				out.WriteByte('_')
			}
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
