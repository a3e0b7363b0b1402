package arbitrary

import (
	"encoding/json"
	"slices"
	"sort"
	"strings"
)

// Known is what a caller has heard of: ids by what they are of, external ids,
// keys. It forgets the oldest.
type Known struct {
	values map[string][]string
	// Stranger, when set, gives an id now and then that the caller should not
	// know, or one of nothing at all.
	Stranger func() string
}

// most is how many of a kind are remembered.
const most = 40

// Add remembers a value of a name such as customer_id.
func (k *Known) Add(name, value string) {
	if k.values == nil {
		k.values = map[string][]string{}
	}
	list := k.values[name]
	if slices.Contains(list, value) {
		return
	}
	if len(list) >= most {
		list = list[1:]
	}
	k.values[name] = append(list, value)
}

// Hear remembers what an answer of an operation speaks of.
func (k *Known) Hear(operation string, answer []byte) {
	var v any
	if json.Unmarshal(answer, &v) != nil {
		return
	}
	resource, _, _ := strings.Cut(operation, ":")
	k.hear(v, strings.ReplaceAll(resource, "-", "_"))
}

func (k *Known) hear(v any, of string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			k.hear(one, of)
		}
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		for _, name := range names {
			k.hearProperty(v, name, of)
		}
	}
}

func (k *Known) hearProperty(object map[string]any, name, of string) {
	text, isText := object[name].(string)
	switch {
	case !isText && name == "items":
		k.hear(object[name], of)
	case !isText && name == "metadata":
	case !isText:
		k.hear(object[name], name)
	case name == "id":
		k.Add(kind(of, object)+"_id", text)
	case strings.HasSuffix(name, "_id") && len(text) == 36:
		k.Add(name, text)
	case strings.HasSuffix(name, "external_id"):
		k.Add(name, text)
	case name == "key":
		k.Add("key", text)
	}
}

// kind is what an object in an answer is.
func kind(of string, object map[string]any) string {
	has := func(name string) bool { _, ok := object[name]; return ok }
	switch {
	case of == "webhooks" && has("url"), of == "webhook_endpoint":
		return "endpoint"
	case of == "webhooks" && has("webhook_event"):
		return "delivery"
	case of == "webhooks":
		return "replay"
	case of == "webhook_event":
		return "event"
	case has("role") && has("customer_id"):
		return "member"
	case of == "benefits" && has("is_granted"):
		return "benefit_grant"
	case of == "orders" && has("reference"):
		return "payment"
	case of == "activations":
		return "activation"
	}
	return singular(of)
}

// named is a value for a property or parameter of this name.
func (m *Maker) named(name string) any {
	if m.Known.Stranger != nil && strings.HasSuffix(name, "_id") && m.Random.IntN(4) == 0 {
		return m.Known.Stranger()
	}
	if strings.Contains(name, "external") {
		return m.external(name)
	}
	for _, try := range []string{name, name + "_id", strings.TrimPrefix(name, "exclude_")} {
		if list := m.Known.values[try]; len(list) > 0 && m.Random.IntN(20) > 0 {
			return list[m.Random.IntN(len(list))]
		}
	}
	return m.anything()
}

// anything is an id of whatever kind, or of nothing.
func (m *Maker) anything() string {
	if len(m.Known.values) > 0 && m.Random.IntN(2) == 0 {
		names := make([]string, 0, len(m.Known.values))
		for name := range m.Known.values {
			names = append(names, name)
		}
		sort.Strings(names)
		list := m.Known.values[m.pick(names...)]
		return m.pick(list...)
	}
	return m.pick("01e6b9a2-7c43-4d1b-8f00-4c7bd1a90c11", "00000000-0000-4000-8000-000000000000", "00000000-0000-0000-0000-000000000000")
}

// external is an external id: of few, so that they meet.
func (m *Maker) external(name string) any {
	if list := append(slices.Clone(m.Known.values["external_id"]), m.Known.values[name]...); len(list) > 0 && m.Random.IntN(2) == 0 {
		return m.pick(list...)
	}
	if m.Text != nil {
		return m.Text()
	}
	return m.pick("ext-1", "EXT-1", "ext-2", "ext_3", "ext%4", "ä", "Ä", "a/b", "a b", "日本", "😀", "'", `"`, `\`, "me", "top")
}
