package arbitrary

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"slices"
	"sort"
	"strings"
)

// Known is what a caller has heard of: ids by what they are of, external ids,
// keys. It forgets the oldest.
type Known struct {
	values   map[string][]string
	parents  map[string]string // by what is part of something: a member, an activation
	external map[string]string // external ids of customers
	status   map[string]string // by id
	// Stranger, when set, gives an id now and then, for what is called by a name
	// such as customer_id, that the caller should not know, or one of nothing at all.
	Stranger func(name string) string
}

// parent is what something of a kind is part of, in the words of the path.
func (k *Known) parent(text, name string) string {
	switch name {
	case "member_id", "activation_id":
		return k.parents[text]
	case "member_external_id":
		return k.external[k.parents[text]]
	}
	return ""
}

// note remembers about an object what a caller can put together from it.
func (k *Known) note(of string, object map[string]any) {
	text := func(name string) string { s, _ := object[name].(string); return s }
	if k.status == nil {
		k.parents, k.external, k.status = map[string]string{}, map[string]string{}, map[string]string{}
	}
	id := text("id")
	if s := text("status"); s != "" {
		k.status[id] = s
	}
	switch kind(of, object) {
	case "product":
		if recurring, ok := object["is_recurring"].(bool); ok {
			k.status[id] = map[bool]string{true: "recurring", false: "once"}[recurring]
		}
		if object["is_archived"] == true {
			k.status[id] = "archived"
		}
	case "benefit":
		k.status[id] = text("type")
	case "member":
		k.parents[id], k.parents[text("external_id")] = text("customer_id"), text("customer_id")
	case "activation":
		k.parents[id] = text("license_key_id")
	case "customer":
		k.external[id], k.status[id] = text("external_id"), text("type")
		k.status[text("external_id")] = text("type")
	case "license_key":
		if old := k.parents[id]; old != text("key") {
			k.status[old] = "rotated"
		}
		k.parents[id], k.status[text("key")] = text("key"), text("status")
	}
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

// One is a value of a name, or "" when none is known.
func (k *Known) One(random *rand.Rand, name string) string {
	if list := k.values[name]; len(list) > 0 {
		return list[random.IntN(len(list))]
	}
	return ""
}

// Answered remembers what an answer to a request speaks of, and forgets what is
// not there any more.
func (k *Known) Answered(r Request, status int, answer []byte) {
	if r.Method == "DELETE" && status < 300 || status == 404 {
		path, _, _ := strings.Cut(r.Path, "?")
		last, _ := url.PathUnescape(path[strings.LastIndex(path, "/")+1:])
		for name, list := range k.values {
			if k.values[name] = slices.DeleteFunc(list, func(s string) bool { return s == last }); len(k.values[name]) == 0 {
				delete(k.values, name)
			}
		}
	}
	k.Hear(r.ID, answer)
}

// Hear remembers what an answer of an operation speaks of.
func (k *Known) Hear(operation string, answer []byte) {
	var v any
	if json.Unmarshal(answer, &v) != nil {
		return
	}
	resource, what, _ := strings.Cut(operation, ":")
	switch {
	case strings.HasPrefix(what, "timeline"):
		resource = "entries"
	case strings.HasPrefix(what, "list_payment_methods"):
		resource = "payment_methods"
	}
	if list, ok := v.(map[string]any); ok && list["items"] != nil && list["id"] == nil {
		v = list["items"]
	}
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
		k.note(of, v)
		for _, name := range names {
			k.hearProperty(v, name, of)
		}
	}
}

func (k *Known) hearProperty(object map[string]any, name, of string) {
	text, isText := object[name].(string)
	switch {
	case !isText && name == "metadata":
	case !isText:
		k.hear(object[name], name)
	case name == "id":
		k.Add(kind(of, object)+"_id", text)
	case strings.HasSuffix(name, "_id") && len(text) == 36:
		k.Add(name, text)
	case name == "external_id" && kind(of, object) == "member":
		k.Add("member_external_id", text)
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
	case of == "webhooks" && has("finished_at"):
		return "replay"
	case of == "webhooks" && has("url"), of == "webhook_endpoint":
		return "endpoint"
	case of == "webhooks" && has("webhook_event"):
		return "delivery"
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
		return m.Known.Stranger(name)
	}
	if strings.Contains(name, "external") {
		return m.external(name)
	}
	for _, try := range []string{name, name + "_id", strings.TrimPrefix(name, "exclude_")} {
		if list := m.suited(m.Known.values[try], try); len(list) > 0 && m.Random.IntN(20) > 0 {
			return list[m.Random.IntN(len(list))]
		}
	}
	return m.anything()
}

// suits are the statuses or types of the things with which an operation succeeds.
var suits = map[string]map[string]string{
	"benefits:files":                        {"benefit_id": "downloadables"},
	"orders:finalize":                       {"order_id": "draft"},
	"orders:record_payment":                 {"order_id": "pending"},
	"refunds:create":                        {"order_id": "paid"},
	"orders:create":                         {"product_id": "once"},
	"subscriptions:create":                  {"product_id": "recurring"},
	"subscriptions:update":                  {"subscription_id": "active", "product_id": "recurring"},
	"subscriptions:revoke":                  {"subscription_id": "active"},
	"license_keys:activate":                 {"key": "granted"},
	"license_keys:validate":                 {"key": "granted"},
	"customer_portal:license_keys:activate": {"key": "granted"},
	"customer_portal:license_keys:validate": {"key": "granted"},
	"customers:members:create":              {"customer_id": "team"},
	"customers:members:create_external":     {"external_id": "team"},
	"customers:members:list_external":       {"external_id": "team"},
}

// suited are those of a list that an operation takes, or all when there are none.
func (m *Maker) suited(list []string, name string) []string {
	want := suits[m.operation][name]
	if want == "" || !m.careful {
		return list
	}
	var out []string
	for _, one := range list {
		if m.Known.status[one] == want {
			out = append(out, one)
		}
	}
	if len(out) == 0 {
		return list
	}
	return out
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
	if list := m.suited(m.Known.values[name], name); m.careful && len(list) > 0 && m.Random.IntN(4) > 0 {
		return m.pick(list...)
	}
	if list := append(slices.Clone(m.Known.values["external_id"]), m.Known.values[name]...); len(list) > 0 && m.Random.IntN(2) == 0 {
		return m.pick(list...)
	}
	if m.Text != nil {
		return m.Text()
	}
	return m.pick("ext-1", "EXT-1", "ext-2", "ext_3", "ext%4", "ä", "Ä", "a/b", "a b", "日本", "😀", "'", `"`, `\`, "me", "top")
}
