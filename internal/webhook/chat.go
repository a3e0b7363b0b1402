package webhook

import (
	"strconv"
	"strings"

	"floe/internal/money"
	"floe/internal/schema"
)

// accent is the colour beside messages in Discord.
const accent = 0x2F6FEB

// said is what a chat is told: a title and a few facts.
type said struct {
	title  string
	fields []fact
}

type fact struct{ Name, Value string }

// chat writes a message for a chat; empty when there is nothing worth saying.
func chat(f Format, typ string, data *schema.Node, organization string) string {
	m := say(typ, data, organization)
	if m == nil {
		return ""
	}
	if f == Slack {
		return string(schema.JSON(m.slack(organization)))
	}
	return string(schema.JSON(m.discord(organization)))
}

var subscriptionTitles = map[string]string{
	"created": "New Subscription", "active": "Active Subscription", "canceled": "Canceled Subscription",
	"uncanceled": "Uncanceled Subscription", "revoked": "Revoked Subscription", "past_due": "Past Due Subscription",
	"resumed": "Resumed Subscription", "cycled": "Cycled Subscription", "paused": "Paused Subscription",
}

func say(typ string, data *schema.Node, organization string) *said {
	kind, verb, _ := strings.Cut(typ, ".")
	switch kind {
	case "order":
		return sayOrder(verb, data)
	case "subscription":
		if verb == "updated" {
			if verb = telling(data); verb == "" {
				return nil
			}
		}
		return saySubscription(verb, data)
	case "refund":
		title := map[string]string{"created": "Refund Created", "updated": "Refund Updated"}[verb]
		return &said{title, []fact{{"Amount", amount(data, "amount")}, {"Status", text(data, "status")}}}
	}
	return &said{typ, []fact{{"Object", text(data, "id")}, {"Organization", organization}}}
}

// telling is what an update of a subscription amounts to; an update that ends
// nothing is not for a chat.
func telling(data *schema.Node) string {
	switch {
	case text(data, "status") == "past_due":
		return "past_due"
	case text(data, "ended_at") != "":
		return "revoked"
	case text(data, "canceled_at") != "":
		return "canceled"
	}
	return ""
}

func sayOrder(verb string, data *schema.Node) *said {
	m := &said{"New Order", []fact{
		{"Product", or(text(data, "description"), text(data.Get("product"), "name"))},
		{"Amount", amount(data, "net_amount")}, {"Customer", person(data)},
	}}
	if text(data, "subscription_id") != "" {
		m.fields = append(m.fields, fact{"Subscription", "Yes"})
	}
	if verb == "refunded" {
		m.title = "Order Refunded"
		if text(data, "status") == "refunded" {
			m.fields = append(m.fields, fact{"Fully Refunded", "Yes"})
		}
	}
	return m
}

func saySubscription(verb string, data *schema.Node) *said {
	price := amount(data, "amount") + "/" + text(data, "recurring_interval")
	if a := data.Get("amount"); a == nil || a.Text == "0" || a.Kind == schema.Null {
		price = "Free"
	}
	m := &said{subscriptionTitles[verb], []fact{
		{"Product", text(data.Get("product"), "name")}, {"Amount", price}, {"Customer", person(data)}, {"Status", text(data, "status")},
	}}
	switch verb {
	case "canceled":
		m.fields = append(m.fields, fact{"Ends At", or(text(data, "ends_at"), "-")})
	case "paused":
		m.fields = append(m.fields, fact{"Resumes At", or(text(data, "resumes_at"), "-")})
	}
	return m
}

func person(data *schema.Node) string {
	c := data.Get("customer")
	return or(or(text(c, "email"), text(c, "name")), "Team Customer")
}

// text is the value at a key as people read it; empty for null and for what is
// not there.
func text(n *schema.Node, key string) string {
	if n == nil || n.Kind != schema.Object {
		return ""
	}
	v := n.Get(key)
	if v == nil || v.Kind == schema.Null {
		return ""
	}
	return v.Text
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// amount writes an amount of minor units with its currency.
func amount(n *schema.Node, key string) string {
	minor, err := strconv.ParseInt(text(n, key), 10, 64)
	if err != nil {
		return "-"
	}
	return money.Format(minor, text(n, "currency"))
}

// longestSaid is how much of a name a chat is told. Discord refuses a message with
// a value beyond 1024 units, as Slack does beyond 3000.
const longestSaid = 500

func short(s string) string {
	n := 0
	for i := range s {
		if n++; n > longestSaid {
			return s[:i] + "…"
		}
	}
	return s
}

type discordMessage struct {
	Content string  `json:"content"`
	Embeds  []embed `json:"embeds"`
}

type embed struct {
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Color       int            `json:"color"`
	Author      named          `json:"author"`
	Fields      []discordField `json:"fields"`
	Footer      footer         `json:"footer"`
}

type named struct {
	Name string `json:"name"`
}

type footer struct {
	Text string `json:"text"`
}

type discordField struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

func (m *said) discord(organization string) any {
	e := embed{Title: m.title, Description: m.title + " for " + short(organization), Color: accent, Author: named{"Floe"}, Footer: footer{"Floe"}, Fields: []discordField{}}
	for _, f := range m.fields {
		e.Fields = append(e.Fields, discordField{f.Name, or(short(f.Value), "-"), true})
	}
	return &discordMessage{m.title, []embed{e}}
}

type slackMessage struct {
	Text   string `json:"text"`
	Blocks []any  `json:"blocks"`
}

type section struct {
	Type   string      `json:"type"`
	Text   slackText   `json:"text"`
	Fields []slackText `json:"fields"`
}

type slackText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

type slackContext struct {
	Type     string      `json:"type"`
	Elements []slackText `json:"elements"`
}

// mrkdwn keeps what users have typed from being taken for markup.
var mrkdwn = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func (m *said) slack(organization string) any {
	s := section{"section", slackText{"mrkdwn", "*" + m.title + "*"}, []slackText{}}
	for _, f := range m.fields {
		s.Fields = append(s.Fields, slackText{"mrkdwn", "*" + f.Name + "*\n" + mrkdwn.Replace(or(short(f.Value), "-"))})
	}
	return &slackMessage{m.title, []any{s, slackContext{"context", []slackText{{"mrkdwn", "Floe · " + mrkdwn.Replace(short(organization))}}}}}
}
