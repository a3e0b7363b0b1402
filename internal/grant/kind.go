package grant

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"floe/internal/benefit"
	"floe/internal/id"
	"floe/internal/schema"
)

// This file is what differs between the types of benefit: what giving, taking
// and renewing one does to what its grant carries. License keys, which have
// rows of their own, are in key.go.

// single says whether every grant of the type stands for a thing of its own,
// so that one ends whatever else the holder has.
func single(t benefit.Type) bool { return t == benefit.LicenseKeys }

// matters says whether grants have to run anew after a benefit has changed.
func matters(before, after benefit.Row) bool {
	switch after.Type {
	case benefit.Custom, benefit.FeatureFlag, benefit.MeterCredit:
		return false
	case benefit.LicenseKeys:
		return differs(before, after, "expires", "activations", "limit_usage")
	case benefit.Downloadables:
		return !maps.Equal(set(active(before)), set(active(after)))
	case benefit.SlackSharedChannel:
		return differs(before, after, "team_invitees")
	case benefit.Discord:
		return differs(before, after, "guild_id", "role_id")
	case benefit.GitHubRepository:
		return differs(before, after, "repository_owner", "repository_name", "permission")
	}
	return false
}

func differs(a, b benefit.Row, keys ...string) bool {
	x, y := schema.Metadata(a.Properties).Node(), schema.Metadata(b.Properties).Node()
	return slices.ContainsFunc(keys, func(key string) bool { return text(x.Get(key)) != text(y.Get(key)) })
}

func text(n *schema.Node) string {
	if n == nil {
		return "null"
	}
	return string(n.Append(nil))
}

// granted is what a grant carries once it is given, or what the customer has
// to do first. Services outside that this server is not connected to always
// ask for something.
func (b *batch) granted(w *work, of benefit.Row, anew bool) (properties json.RawMessage, problem string) {
	switch of.Type {
	case benefit.LicenseKeys:
		return b.giveKey(w, of, anew), ""
	case benefit.MeterCredit:
		return credit(of, b.timeOf(w)), ""
	case benefit.Downloadables:
		return schema.JSON(map[string][]id.ID{"files": active(of)}), ""
	case benefit.Discord:
		return nil, "The customer needs to connect their Discord account"
	case benefit.GitHubRepository:
		return nil, "The customer needs to connect their GitHub account"
	case benefit.SlackSharedChannel:
		return nil, "The Slack integration is not installed for this benefit."
	}
	return empty, ""
}

// revoked is what a grant carries once what it stood for has ended.
func (b *batch) revoked(w *work, t benefit.Type) json.RawMessage {
	switch t {
	case benefit.LicenseKeys:
		at := b.timeOf(w)
		b.revokedKeys[at] = append(b.revokedKeys[at], w.ID)
		return w.Properties
	case benefit.MeterCredit:
		return takeBack(w.Properties)
	case benefit.Discord, benefit.GitHubRepository:
		return keep(w.Properties, "account_id")
	case benefit.SlackSharedChannel:
		return keep(w.Properties, "invited_email", "channel_id", "channel_name")
	}
	return empty
}

// renewed is what a grant carries after a renewal.
func (b *batch) renewed(w *work, of benefit.Row) json.RawMessage {
	switch of.Type {
	case benefit.Custom, benefit.FeatureFlag:
		return empty
	case benefit.MeterCredit:
		return credit(of, b.timeOf(w))
	}
	return w.Properties
}

// credited is what the grant of a meter credit carries.
type credited struct {
	MeterID id.ID  `json:"last_credited_meter_id"`
	Units   int64  `json:"last_credited_units"`
	At      string `json:"last_credited_at"`
}

func credit(of benefit.Row, at time.Time) json.RawMessage {
	n := schema.Metadata(of.Properties).Node()
	c := credited{At: schema.Offset(at)}
	if v := n.Get("meter_id"); v != nil {
		c.MeterID = id.ID(v.Text)
	}
	c.Units = whole(n.Get("units"))
	return schema.JSON(&c)
}

// takeBack is a credit with its units below zero; nothing when there was none.
func takeBack(properties json.RawMessage) json.RawMessage {
	n := schema.Metadata(properties).Node()
	units := n.Get("last_credited_units")
	if units == nil {
		return properties
	}
	if v := whole(units); v > 0 {
		*units = schema.Node{Kind: schema.Int, Text: string(schema.JSON(-v))}
	}
	return n.Append(nil)
}

func whole(n *schema.Node) int64 {
	if n == nil || n.Kind != schema.Int {
		return 0
	}
	var v int64
	if json.Unmarshal([]byte(n.Text), &v) != nil {
		return 0
	}
	return v
}

// keep drops all but some keys.
func keep(properties json.RawMessage, keys ...string) json.RawMessage {
	n := schema.Metadata(properties).Node()
	out := schema.Node{Kind: schema.Object}
	for i, key := range n.Keys {
		if slices.Contains(keys, key) {
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, n.Items[i])
		}
	}
	return out.Append(nil)
}

// active are the files of a benefit that are offered, in order.
func active(r benefit.Row) []id.ID {
	n := schema.Metadata(r.Properties).Node()
	out := []id.ID{}
	files, archived := n.Get("files"), n.Get("archived")
	if files == nil {
		return out
	}
	for i := range files.Items {
		file := files.Items[i].Text
		if archived != nil {
			if v := archived.Get(file); v != nil && v.Bool {
				continue
			}
		}
		out = append(out, id.ID(file))
	}
	return out
}

func set(ids []id.ID) map[id.ID]bool {
	out := make(map[id.ID]bool, len(ids))
	for _, v := range ids {
		out[v] = true
	}
	return out
}
