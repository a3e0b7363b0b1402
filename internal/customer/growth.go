package customer

import (
	"context"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/schema"
)

// Interval is the width of a bucket of time.
type Interval string

// Enum lists the intervals.
func (Interval) Enum() []string { return []string{"year", "month", "week", "day", "hour"} }

// SchemaName is the name of the reference.
func (Interval) SchemaName() string { return "TimeInterval" }

// widest is over how many days each interval may be asked for.
var widest = map[Interval]int{"hour": 7, "day": 366, "week": 371, "month": 1460, "year": 3650}

// floor is the start of the bucket that a time falls into, in UTC; weeks start
// on Monday.
func (i Interval) floor(t time.Time) time.Time {
	t = t.UTC()
	switch i {
	case "hour":
		return t.Truncate(time.Hour)
	case "week":
		day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
		return day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	case "month":
		return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
	case "year":
		return time.Date(t.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
}

// next is the start of the bucket after the one that starts at t.
func (i Interval) next(t time.Time) time.Time {
	switch i {
	case "hour":
		return t.Add(time.Hour)
	case "week":
		return t.AddDate(0, 0, 7)
	case "month":
		return t.AddDate(0, 1, 0)
	case "year":
		return t.AddDate(1, 0, 0)
	}
	return t.AddDate(0, 0, 1)
}

// Growth is one bucket of time.
type Growth struct {
	Timestamp      time.Time `json:"timestamp"`
	NewCustomers   int       `json:"new_customers"`
	TotalCustomers int       `json:"total_customers"`
}

type growthInput struct {
	OrganizationID id.ID     `query:"organization_id"`
	Start          time.Time `query:"start"`
	End            time.Time `query:"end"`
	Interval       Interval  `query:"interval"`
}

func (s *Service) growth(ctx context.Context, sub auth.Subject, in growthInput) ([]Growth, error) {
	if !sub.May(in.OrganizationID, auth.CustomersView) {
		return nil, fault.NotPermitted.New(auth.CustomersView.Denied())
	}
	first, last := in.Start.UTC().Truncate(24*time.Hour), in.End.UTC().Truncate(24*time.Hour)
	if first.After(last) || int(last.Sub(first)/(24*time.Hour)) > widest[in.Interval] {
		return nil, schema.ValueError("The interval is too small for the given date range. Use a larger interval or reduce the date range.",
			schema.StringNode(string(in.Interval)), "query", "interval")
	}
	return s.buckets(ctx, in)
}

// buckets counts in one pass over the index of creation times; the times of
// the window are few beside what a query per bucket would cost.
func (s *Service) buckets(ctx context.Context, in growthInput) (out []Growth, err error) {
	from, end := in.Interval.floor(in.Start), in.Interval.next(in.Interval.floor(in.End))
	out = []Growth{}
	err = s.DB.Read(ctx, func(q db.Querier) error {
		total, err := db.One[int64](ctx, q, `SELECT COUNT(*) FROM customers
			WHERE organization_id = ? AND created_at < ? AND deleted_at IS NULL`, in.OrganizationID, from)
		if err != nil {
			return err
		}
		counts := map[int64]int{}
		for t, err := range db.Each[time.Time](ctx, q, `SELECT created_at FROM customers
			WHERE organization_id = ? AND created_at >= ? AND created_at < ? AND deleted_at IS NULL`, in.OrganizationID, from, end) {
			if err != nil {
				return err
			}
			counts[in.Interval.floor(t).Unix()]++
		}
		for t := from; t.Before(end); t = in.Interval.next(t) {
			n := counts[t.Unix()]
			total += int64(n)
			out = append(out, Growth{t, n, int(total)})
		}
		return nil
	})
	return out, err
}

// Top is a customer with what they brought in, in minor currency units.
type Top struct {
	ID         id.ID   `json:"id"`
	Email      *string `json:"email"`
	Name       *string `json:"name"`
	AvatarURL  *string `json:"avatar_url"`
	OrderCount int     `json:"order_count"`
	NetRevenue int64   `json:"net_revenue"`
}

type topInput struct {
	OrganizationID id.ID      `query:"organization_id"`
	Start          *time.Time `query:"start"`
	End            *time.Time `query:"end"`
	Limit          int        `query:"limit" ge:"1" le:"50" default:"10"`
}

type topRow struct {
	Row
	OrderCount int
	NetRevenue int64
}

// lastYear is later than any order.
var lastYear = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// top ranks customers by what they paid, less what was given back. Those who
// were deleted since keep their place: it is the organization's past.
func (s *Service) top(ctx context.Context, sub auth.Subject, in topInput) ([]Top, error) {
	if !sub.May(in.OrganizationID, auth.CustomersView) {
		return nil, fault.NotPermitted.New(auth.CustomersView.Denied())
	}
	// The table of orders is that of a package above, as with subscribed.
	w := db.Where("organization_id = ?", in.OrganizationID).And("status IN ('paid', 'partially_refunded')").
		If(in.Start, "created_at >= ?").If(in.End, "created_at < ?")
	if in.Start != nil && in.End == nil {
		w.And("created_at < ?", lastYear) // a span, which SQLite takes for shorter than all since a day
	}
	text := `SELECT ` + columns + `, order_count, net_revenue FROM (
			SELECT customer_id, COUNT(*) AS order_count, CAST(SUM(net_amount - refunded_amount) AS bigint) AS net_revenue
			FROM orders` + w.SQL() + ` GROUP BY customer_id ORDER BY net_revenue DESC, customer_id LIMIT ?
		) AS ranked JOIN customers ON customers.organization_id = ? AND customers.id = ranked.customer_id
		ORDER BY net_revenue DESC, id`
	var rows []topRow
	err := s.DB.Read(ctx, func(q db.Querier) (err error) {
		rows, err = db.All[topRow](ctx, q, text, append(w.Args(), in.Limit, in.OrganizationID)...)
		return err
	})
	out := make([]Top, len(rows))
	for i, r := range rows {
		c := s.Public(r.Row)
		out[i] = Top{c.ID, c.Email, c.Name, c.AvatarURL, r.OrderCount, r.NetRevenue}
	}
	return out, err
}
