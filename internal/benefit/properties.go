package benefit

import (
	"fmt"
	"reflect"
	"strconv"

	"floe/internal/id"
	"floe/internal/schema"
)

// kind is what the document says of a type of benefit.
type kind struct {
	name string // in the names of schemas
	out  reflect.Type
}

var kinds = map[Type]kind{
	Custom:             {"Custom", reflect.TypeFor[CustomProperties]()},
	Discord:            {"Discord", reflect.TypeFor[DiscordProperties]()},
	GitHubRepository:   {"GitHubRepository", reflect.TypeFor[GitHubRepositoryProperties]()},
	Downloadables:      {"Downloadables", reflect.TypeFor[DownloadablesProperties]()},
	LicenseKeys:        {"LicenseKeys", reflect.TypeFor[LicenseKeysProperties]()},
	MeterCredit:        {"MeterCredit", reflect.TypeFor[MeterCreditProperties]()},
	FeatureFlag:        {"FeatureFlag", reflect.TypeFor[FeatureFlagProperties]()},
	SlackSharedChannel: {"SlackSharedChannel", reflect.TypeFor[SlackSharedChannelProperties]()},
}

// CustomProperties are those of a benefit that people deliver.
type CustomProperties struct {
	Note *string `json:"note" doc:"A private note that only those who have the benefit see, such as an address to write to."`
}

// SchemaName is the name of the reference.
func (CustomProperties) SchemaName() string { return "BenefitCustomProperties" }

// CheckNode wants the note to be said, be it null: a change replaces all.
func (c *CustomProperties) CheckNode(n *schema.Node, at *schema.At) {
	if n.Get("note") == nil {
		at.Key("note").Missing(n)
	}
}

// FeatureFlagProperties are none.
type FeatureFlagProperties struct{}

// SchemaName is the name of the reference.
func (FeatureFlagProperties) SchemaName() string { return "BenefitFeatureFlagProperties" }

// LicenseKeysProperties say how keys look and what limits they have.
type LicenseKeysProperties struct {
	Prefix      *string      `json:"prefix" doc:"What keys begin with."`
	Expires     *Expiration  `json:"expires" doc:"When keys that were bought once expire."`
	Activations *Activations `json:"activations" doc:"On how many devices a key may be in use."`
	LimitUsage  *int64       `json:"limit_usage" doc:"How often a key may be used."`
}

// SchemaName is the name of the reference.
func (LicenseKeysProperties) SchemaName() string { return "BenefitLicenseKeysProperties" }

// Timeframe is the unit of an expiration.
type Timeframe string

// Enum lists the units.
func (Timeframe) Enum() []string { return []string{"year", "month", "day"} }

// SchemaName says that the list is written in place.
func (Timeframe) SchemaName() string { return "" }

// longest is how far away an expiration may lie, so that its date exists.
var longest = map[Timeframe]int64{"year": 457, "month": 1200, "day": 36500}

// Expiration is a length of time.
type Expiration struct {
	TTL       int64     `json:"ttl" gt:"0" doc:"How many units."`
	Timeframe Timeframe `json:"timeframe" doc:"The unit."`
}

// SchemaName is the name of the reference.
func (Expiration) SchemaName() string { return "BenefitLicenseKeyExpirationProperties" }

// CheckNode refuses dates that no calendar has.
func (e *Expiration) CheckNode(n *schema.Node, at *schema.At) {
	if most := longest[e.Timeframe]; e.TTL > most {
		ttl := strconv.FormatInt(e.TTL, 10)
		if sent := n.Get("ttl"); sent != nil && sent.Kind == schema.Int {
			ttl = sent.Text // which may be beyond 64 bits
		}
		at.ValueError(fmt.Sprintf("ttl value %s exceeds the maximum of %d for timeframe '%s'.", ttl, most, e.Timeframe), n)
	}
}

// Activations limit on how many devices a key may be in use.
type Activations struct {
	Limit               int64 `json:"limit" doc:"How many."`
	EnableCustomerAdmin bool  `json:"enable_customer_admin" doc:"Whether customers see and end activations in the customer portal."`
}

// SchemaName is the name of the reference.
func (Activations) SchemaName() string { return "BenefitLicenseKeyActivationProperties" }

// MeterCreditProperties say what is credited.
type MeterCreditProperties struct {
	Units    int64 `json:"units" doc:"How many units are credited."`
	Rollover bool  `json:"rollover" doc:"Whether what is left of a period is carried into the next."`
	MeterID  id.ID `json:"meter_id" doc:"The meter that is credited."`
}

// SchemaName is the name of the reference.
func (MeterCreditProperties) SchemaName() string { return "BenefitMeterCreditProperties" }

// DownloadablesProperties say which files may be downloaded.
type DownloadablesProperties struct {
	Archived Archived `json:"archived" doc:"Which files are no longer offered."`
	Files    []id.ID  `json:"files" doc:"The files, in order."`
}

// SchemaName is the name of the reference.
func (DownloadablesProperties) SchemaName() string { return "BenefitDownloadablesProperties" }

// Archived says of files whether they are no longer offered.
type Archived map[id.ID]bool

var (
	filePlan = schema.PlanOf(reflect.TypeFor[id.ID](), "")
	flagPlan = schema.PlanOf(reflect.TypeFor[bool](), "")
)

// DecodeNode reads a map whose keys are ids, in its order: of two keys that are
// one id the last counts, as with equal keys.
func (a *Archived) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.Object {
		at.Report("dict_type", "Input should be a valid dictionary", n)
		return
	}
	*a = make(Archived, len(n.Keys))
	for i, key := range n.Keys {
		var file id.ID
		var archived bool
		filePlan.Decode(schema.StringNode(key), at.Key(key).Key("[key]"), reflect.ValueOf(&file).Elem())
		flagPlan.Decode(&n.Items[i], at.Key(key), reflect.ValueOf(&archived).Elem())
		(*a)[file] = archived
	}
}

// SchemaName says that the schema is written in place.
func (Archived) SchemaName() string { return "" }

// DescribeSchema describes the map.
func (Archived) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "object", PropertyNames: &schema.Schema{Format: "uuid4"}, AdditionalProperties: &schema.Schema{Type: "boolean"}}
}

// DiscordProperties say which role is given on which server.
type DiscordProperties struct {
	GuildID    string `json:"guild_id" doc:"The ID of the Discord server."`
	RoleID     string `json:"role_id" doc:"The ID of the role that is given."`
	KickMember bool   `json:"kick_member" doc:"Whether who loses the benefit leaves the server."`
	GuildToken string `json:"guild_token" doc:"Empty: this server is not connected to Discord."`
}

// SchemaName is the name of the reference.
func (DiscordProperties) SchemaName() string { return "BenefitDiscordProperties" }

// RepositoryPermission is what somebody may do in a repository.
type RepositoryPermission string

// Enum lists the permissions.
func (RepositoryPermission) Enum() []string {
	return []string{"pull", "triage", "push", "maintain", "admin"}
}

// SchemaName says that the list is written in place.
func (RepositoryPermission) SchemaName() string { return "" }

// GitHubRepositoryProperties say to which repository people are invited.
type GitHubRepositoryProperties struct {
	RepositoryOwner string               `json:"repository_owner" doc:"The owner of the repository."`
	RepositoryName  string               `json:"repository_name" doc:"The name of the repository."`
	Permission      RepositoryPermission `json:"permission" doc:"What is allowed in the repository."`
}

// SchemaName is the name of the reference.
func (GitHubRepositoryProperties) SchemaName() string { return "BenefitGitHubRepositoryProperties" }

// SlackSharedChannelProperties say which channel is made for a customer.
type SlackSharedChannelProperties struct {
	SlackIntegrationID  id.ID    `json:"slack_integration_id" doc:"The connection to Slack."`
	ChannelNameTemplate string   `json:"channel_name_template" minLength:"1" maxLength:"80" doc:"How channels are named. It may contain {customer_name}, {customer_email_local} and {metadata.<key>}."`
	Private             bool     `json:"private" default:"true" required:"false" doc:"Whether channels are private."`
	WelcomeMessage      *string  `json:"welcome_message" maxLength:"4000" required:"false" doc:"What is posted first."`
	ArchiveOnRevoke     bool     `json:"archive_on_revoke" default:"true" required:"false" doc:"Whether a channel is archived when the benefit ends."`
	TeamInvitees        []string `json:"team_invitees" factory:"[]" required:"false" doc:"Who of the own team is invited to every channel."`
}

// SchemaName is the name of the reference.
func (SlackSharedChannelProperties) SchemaName() string {
	return "BenefitSlackSharedChannelProperties"
}
