package floetest

import (
	"context"
	"fmt"
	"maps"
	"net/http"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/organization"
)

// Product makes a product of Org with these fields over a default: a monthly
// subscription for $10.
func (f *Floe) Product(fields map[string]any) *Response {
	f.t.Helper()
	body := map[string]any{
		"name": fmt.Sprintf("Product %d", f.n.Add(1)), "recurring_interval": "month",
		"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": 1000}},
	}
	maps.Copy(body, fields)
	return f.made("/v1/products/", body)
}

// Benefit makes a benefit of Org with these fields over a default: a note.
func (f *Floe) Benefit(fields map[string]any) *Response {
	f.t.Helper()
	body := map[string]any{"type": "custom", "description": fmt.Sprintf("Benefit %d", f.n.Add(1)), "properties": map[string]any{"note": nil}}
	maps.Copy(body, fields)
	return f.made("/v1/benefits/", body)
}

// Discount makes a discount of Org with these fields over a default: 10 % for
// ever.
func (f *Floe) Discount(fields map[string]any) *Response {
	f.t.Helper()
	body := map[string]any{"name": fmt.Sprintf("Discount %d", f.n.Add(1)), "type": "percentage", "duration": "forever", "basis_points": 1000}
	maps.Copy(body, fields)
	return f.made("/v1/discounts/", body)
}

func (f *Floe) made(path string, body map[string]any) *Response {
	f.t.Helper()
	r := f.Do(http.MethodPost, path, f.AllToken, body)
	if r.Status != http.StatusCreated {
		f.t.Fatalf("POST %s: %d %s", path, r.Status, r.Body)
	}
	return r
}

// Meter makes a meter of an organization. There is no operation for it yet.
func (f *Floe) Meter(o Org, name string) id.ID {
	f.t.Helper()
	meter := id.New()
	ctx := f.t.Context()
	err := f.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `INSERT INTO meters (id, organization_id, created_at, name, unit) VALUES (?, ?, ?, ?, 'scalar')`, meter, o.ID, tx.Now(), name)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return meter
}

// Switch turns a feature of an organization on or off, as its operator does.
func (f *Floe) Switch(o Org, name organization.Feature, on bool) {
	f.t.Helper()
	f.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := f.Server.Organizations.Switch(ctx, tx, auth.NewSystem("test"), o.ID, map[organization.Feature]bool{name: on})
		return err
	})
}

// Feature switches a feature of an organization to what nobody may.
func (f *Floe) Feature(o Org, key string, on bool) {
	f.t.Helper()
	ctx := f.t.Context()
	err := f.DB.Write(ctx, func(tx *db.Tx) error {
		stored, err := db.One[string](ctx, tx, `SELECT feature_settings FROM organizations WHERE id = ?`, o.ID)
		if err != nil {
			return err
		}
		settings, err := decode([]byte(stored))
		if err != nil {
			return err
		}
		settings.(map[string]any)[key] = on
		_, err = db.Exec(ctx, tx, `UPDATE organizations SET feature_settings = ? WHERE id = ?`, show(settings), o.ID)
		return err
	})
	if err != nil {
		f.t.Fatal(err)
	}
}
