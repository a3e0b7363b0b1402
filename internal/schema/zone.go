package schema

import (
	"strings"
	"time"
	_ "time/tzdata" // zones are the same on every machine
)

// Zone is a time zone by its name in the IANA database, in which an export
// writes its dates.
type Zone string

// DecodeNode checks that the zone exists.
func (z *Zone) DecodeNode(n *Node, at *At) {
	if n.Kind != String {
		at.stringType(n)
		return
	}
	if _, err := time.LoadLocation(n.Text); err != nil || n.Text == "" || n.Text == "Local" {
		at.ValueError("'"+n.Text+"' is not a valid IANA time zone", n)
		return
	}
	*z = Zone(n.Text)
}

// SchemaName says that the schema is written in place.
func (Zone) SchemaName() string { return "" }

// DescribeSchema describes a name.
func (Zone) DescribeSchema(*Builder) *Schema { return &Schema{Type: "string"} }

// Location is the zone, which DecodeNode has found to exist.
func (z Zone) Location() *time.Location {
	l, err := time.LoadLocation(string(z))
	if err != nil {
		return time.UTC
	}
	return l
}

// In writes a time as exports do: in the zone, with its offset.
func (z Zone) In(t time.Time) string {
	t = t.In(z.Location())
	if t.Nanosecond()/1000 == 0 {
		return t.Format("2006-01-02T15:04:05-07:00")
	}
	return t.Format("2006-01-02T15:04:05.000000-07:00")
}

// Aware is a time that says its offset: one without could be meant in any zone.
type Aware struct{ time.Time }

// DecodeNode reads the time.
func (a *Aware) DecodeNode(n *Node, at *At) {
	t, ok := parseTime(n, at)
	if !ok {
		return
	}
	if n.Kind == String && strings.ContainsAny(n.Text, "-") && (len(n.Text) <= 10 || !strings.ContainsAny(n.Text[10:], "zZ+-")) {
		at.Report("timezone_aware", "Input should have timezone info", n)
		return
	}
	a.Time = t.UTC().Truncate(time.Microsecond)
}

// SchemaName says that the schema is written in place.
func (Aware) SchemaName() string { return "" }

// DescribeSchema describes a time.
func (Aware) DescribeSchema(*Builder) *Schema { return &Schema{Type: "string", Format: "date-time"} }
