package grant

import (
	"encoding/json"
	"reflect"

	"floe/internal/benefit"
	"floe/internal/schema"
)

// Properties are what a grant carries, by the type of its benefit.
type Properties json.RawMessage

// AppendJSON writes the text as it is.
func (p Properties) AppendJSON(dst []byte) []byte { return append(dst, p...) }

// DecodeNode is never used: grants are only answered.
func (p *Properties) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (Properties) SchemaName() string { return "" }

// DescribeSchema lists the variants. What the grant of a meter credit carries
// is not one of them: it is shown without properties.
func (Properties) DescribeSchema(b *schema.Builder) *schema.Schema {
	var variants []*schema.Schema
	for _, t := range []reflect.Type{
		reflect.TypeFor[discordProperties](), reflect.TypeFor[gitHubRepositoryProperties](),
		reflect.TypeFor[downloadablesProperties](), reflect.TypeFor[licenseKeysProperties](),
		reflect.TypeFor[customProperties](), reflect.TypeFor[featureFlagProperties](),
		reflect.TypeFor[slackSharedChannelProperties](),
	} {
		variants = append(variants, b.Of(t))
	}
	return &schema.Schema{AnyOf: variants}
}

// visible is what answers show of what a grant carries.
func visible(t benefit.Type, stored json.RawMessage) Properties {
	if t == benefit.MeterCredit || len(stored) == 0 {
		return Properties(empty)
	}
	return Properties(stored)
}

// What a grant carries depends on the type of its benefit. A key is there once
// its value is known, so none is required.

type discordProperties struct {
	AccountID        *string `json:"account_id,omitempty" doc:"The Discord account that the role was given to."`
	GuildID          string  `json:"guild_id,omitempty"`
	RoleID           string  `json:"role_id,omitempty"`
	GrantedAccountID string  `json:"granted_account_id,omitempty"`
}

// SchemaName is the name of the reference.
func (discordProperties) SchemaName() string { return "BenefitGrantDiscordProperties" }

type gitHubRepositoryProperties struct {
	AccountID        *string                      `json:"account_id,omitempty" doc:"The GitHub account that was invited."`
	RepositoryOwner  string                       `json:"repository_owner,omitempty"`
	RepositoryName   string                       `json:"repository_name,omitempty"`
	Permission       benefit.RepositoryPermission `json:"permission,omitempty" doc:"What the account may do in the repository."`
	GrantedAccountID string                       `json:"granted_account_id,omitempty"`
}

// SchemaName is the name of the reference.
func (gitHubRepositoryProperties) SchemaName() string {
	return "BenefitGrantGitHubRepositoryProperties"
}

type downloadablesProperties struct {
	Files []string `json:"files,omitempty" doc:"The IDs of the files."`
}

// SchemaName is the name of the reference.
func (downloadablesProperties) SchemaName() string { return "BenefitGrantDownloadablesProperties" }

type licenseKeysProperties struct {
	UserProvidedKey string `json:"user_provided_key,omitempty"`
	LicenseKeyID    string `json:"license_key_id,omitempty"`
	DisplayKey      string `json:"display_key,omitempty" doc:"The end of the key, the rest hidden."`
}

// SchemaName is the name of the reference.
func (licenseKeysProperties) SchemaName() string { return "BenefitGrantLicenseKeysProperties" }

type customProperties struct{}

// SchemaName is the name of the reference.
func (customProperties) SchemaName() string { return "BenefitGrantCustomProperties" }

type featureFlagProperties struct{}

// SchemaName is the name of the reference.
func (featureFlagProperties) SchemaName() string { return "BenefitGrantFeatureFlagProperties" }

type slackSharedChannelProperties struct {
	InvitedEmail    string `json:"invited_email,omitempty" doc:"Where the invitation was sent."`
	ChannelID       string `json:"channel_id,omitempty"`
	ChannelName     string `json:"channel_name,omitempty"`
	InviteID        string `json:"invite_id,omitempty"`
	InviteURL       string `json:"invite_url,omitempty"`
	ConnectedTeamID string `json:"connected_team_id,omitempty"`
}

// SchemaName is the name of the reference.
func (slackSharedChannelProperties) SchemaName() string {
	return "BenefitGrantSlackSharedChannelProperties"
}
