package organization

import (
	"net/url"
	"reflect"
	"strings"

	"floe/internal/schema"
)

// Socials are an organization's profiles in social networks.
type Socials []SocialLink

// SocialLink is one profile.
type SocialLink struct {
	Platform Platform `json:"platform" doc:"The network, known from the URL."`
	URL      string   `json:"url" doc:"Where the profile is."`
}

// DecodeNode takes the URL and reads the network from its host, whatever else
// was said of it.
func (l *SocialLink) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.Object {
		at.NotObject(n)
		return
	}
	v := n.Get("url")
	if v == nil {
		at.Key("url").Missing(n)
		return
	}
	var u schema.URL
	u.DecodeNode(v, at.Key("url"))
	l.URL, l.Platform = string(u), platformOf(string(u))
}

// SchemaName is the name of the reference.
func (SocialLink) SchemaName() string { return "OrganizationSocialLink" }

// DescribeSchema describes a link.
func (SocialLink) DescribeSchema(b *schema.Builder) *schema.Schema {
	s := b.Object(reflect.TypeFor[SocialLink]())
	link := schema.URL("").DescribeSchema(b)
	link.Description = "Where the profile is."
	s.Properties.Set("url", link)
	s.Required = []string{"platform", "url"}
	return s
}

// Platform is a social network.
type Platform string

// Enum lists the networks.
func (Platform) Enum() []string {
	return []string{"x", "github", "facebook", "instagram", "youtube", "tiktok", "linkedin", "threads", "discord", "other"}
}

// SchemaName is the name of the reference.
func (Platform) SchemaName() string { return "OrganizationSocialPlatforms" }

var platforms = map[string]Platform{
	"x.com": "x", "twitter.com": "x", "github.com": "github", "facebook.com": "facebook", "fb.com": "facebook",
	"instagram.com": "instagram", "youtube.com": "youtube", "youtu.be": "youtube", "tiktok.com": "tiktok",
	"linkedin.com": "linkedin", "threads.net": "threads", "threads.com": "threads", "discord.gg": "discord",
	"discord.com": "discord",
}

func platformOf(link string) Platform {
	for host := hostOf(link); host != ""; {
		if p, ok := platforms[host]; ok {
			return p
		}
		_, host, _ = strings.Cut(host, ".")
	}
	return "other"
}

func hostOf(link string) string {
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// logoProvider serves pictures that it allows nobody to keep.
const logoProvider = "logo.dev"

// avatar drops pictures of the logo provider.
func avatar(u *schema.URL) *schema.URL {
	if u == nil {
		return nil
	}
	if host := hostOf(string(*u)); host == logoProvider || strings.HasSuffix(host, "."+logoProvider) {
		return nil
	}
	return u
}

// Hosts are the hosts that may embed a checkout.
type Hosts []string
