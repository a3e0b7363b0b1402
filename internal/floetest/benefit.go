package floetest

import (
	"fmt"
	"maps"
)

// Benefit makes a benefit of Org with these fields over a default: a custom
// one without a note.
func (f *Floe) Benefit(fields map[string]any) *Response {
	f.t.Helper()
	body := map[string]any{"type": "custom", "description": fmt.Sprintf("Benefit %d", f.n.Add(1)), "properties": map[string]any{"note": nil}}
	maps.Copy(body, fields)
	return f.made("/v1/benefits/", body)
}
