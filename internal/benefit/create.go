package benefit

import (
	"context"
	"encoding/json"
	"reflect"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/organization"
	"floe/internal/schema"
)

// Create is the body of a creation: one of the types.
type Create struct {
	Custom             *createCustom             `variant:"custom"`
	Discord            *createDiscord            `variant:"discord"`
	GitHubRepository   *createGitHubRepository   `variant:"github_repository"`
	Downloadables      *createDownloadables      `variant:"downloadables"`
	LicenseKeys        *createLicenseKeys        `variant:"license_keys"`
	MeterCredit        *createMeterCredit        `variant:"meter_credit"`
	FeatureFlag        *createFeatureFlag        `variant:"feature_flag"`
	SlackSharedChannel *createSlackSharedChannel `variant:"slack_shared_channel"`
}

// Union says how the types are told apart.
func (Create) Union() schema.Union { return schema.Union{Discriminator: "type", Func: "'type'"} }

// SchemaName is the name of the reference.
func (Create) SchemaName() string { return "BenefitCreate" }

// createMetadata and createCommon are what all variants have, before and after
// their type.
type createMetadata struct {
	Metadata schema.MetadataInput `json:"metadata" factory:"{}"`
}

type createCommon struct {
	Description    string      `json:"description" minLength:"3" maxLength:"42" doc:"What customers read of the benefit."`
	OrganizationID *id.ID      `json:"organization_id" doc:"The organization that will own the benefit. Required unless you use an organization token."`
	Visibility     *Visibility `json:"visibility" doc:"Whether customers see the benefit. By default they do, but for feature flags."`
}

type createCustom struct {
	createMetadata
	Type Type `json:"type" const:"custom"`
	createCommon
	Properties createCustomProperties `json:"properties"`
}

func (createCustom) SchemaName() string { return "BenefitCustomCreate" }

type createCustomProperties struct {
	Note *string `json:"note" doc:"A private note that only those who have the benefit see, such as an address to write to."`
}

func (createCustomProperties) SchemaName() string { return "BenefitCustomCreateProperties" }

type createDiscord struct {
	createMetadata
	Type Type `json:"type" const:"discord"`
	createCommon
	Properties createDiscordProperties `json:"properties"`
}

func (createDiscord) SchemaName() string { return "BenefitDiscordCreate" }

type createDiscordProperties struct {
	GuildToken guildToken `json:"guild_token" doc:"A proof that you manage the Discord server. This server is not connected to Discord and accepts none."`
	RoleID     string     `json:"role_id" doc:"The ID of the role to give."`
	KickMember bool       `json:"kick_member" doc:"Whether who loses the benefit leaves the server."`
}

func (createDiscordProperties) SchemaName() string { return "BenefitDiscordCreateProperties" }

// guildToken is what signing in to Discord would give. Nobody can have one.
type guildToken string

// DecodeNode refuses every token.
func (g *guildToken) DecodeNode(n *schema.Node, at *schema.At) {
	before := at.Count()
	schema.PlanOf(reflect.TypeFor[string](), "").Decode(n, at, reflect.ValueOf((*string)(g)).Elem())
	if at.Count() == before {
		at.ValueError("Invalid token. Please authenticate your Discord server again.", n)
	}
}

func (guildToken) SchemaName() string { return "" }

// DescribeSchema describes a text.
func (guildToken) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "string"}
}

type createGitHubRepository struct {
	createMetadata
	Type Type `json:"type" const:"github_repository"`
	createCommon
	Properties createGitHubRepositoryProperties `json:"properties"`
}

func (createGitHubRepository) SchemaName() string { return "BenefitGitHubRepositoryCreate" }

type createGitHubRepositoryProperties GitHubRepositoryProperties

func (createGitHubRepositoryProperties) SchemaName() string {
	return "BenefitGitHubRepositoryCreateProperties"
}

type createDownloadables struct {
	createMetadata
	Type Type `json:"type" const:"downloadables"`
	createCommon
	Properties createDownloadablesProperties `json:"properties"`
}

func (createDownloadables) SchemaName() string { return "BenefitDownloadablesCreate" }

type createDownloadablesProperties struct {
	Archived Archived `json:"archived" default:"{}" doc:"Which files are no longer offered."`
	Files    []id.ID  `json:"files" minItems:"1" doc:"The files, in order."`
}

func (createDownloadablesProperties) SchemaName() string {
	return "BenefitDownloadablesCreateProperties"
}

type createLicenseKeys struct {
	createMetadata
	Type Type `json:"type" const:"license_keys"`
	createCommon
	Properties createLicenseKeysProperties `json:"properties"`
}

func (createLicenseKeys) SchemaName() string { return "BenefitLicenseKeysCreate" }

type createLicenseKeysProperties struct {
	Prefix      *string            `json:"prefix" trim:"null" maxLength:"256" doc:"What keys begin with, in capitals."`
	Expires     *Expiration        `json:"expires" doc:"When keys that were bought once expire. Those of a subscription last as long as it does."`
	Activations *createActivations `json:"activations" doc:"On how many devices a key may be in use. Without it, keys cannot be activated."`
	LimitUsage  *int64             `json:"limit_usage" ge:"-2147483648" gt:"0" le:"2147483647" doc:"How often a key may be used."`
}

func (createLicenseKeysProperties) SchemaName() string { return "BenefitLicenseKeysCreateProperties" }

type createActivations struct {
	Limit               int64 `json:"limit" ge:"-2147483648" gt:"0" le:"2147483647" doc:"How many."`
	EnableCustomerAdmin bool  `json:"enable_customer_admin" doc:"Whether customers see and end activations in the customer portal."`
}

func (createActivations) SchemaName() string { return "BenefitLicenseKeyActivationCreateProperties" }

type createMeterCredit struct {
	createMetadata
	Type Type `json:"type" const:"meter_credit"`
	createCommon
	Properties createMeterCreditProperties `json:"properties"`
}

func (createMeterCredit) SchemaName() string { return "BenefitMeterCreditCreate" }

type createMeterCreditProperties struct {
	Units    int64 `json:"units" ge:"-2147483648" gt:"0" le:"2147483647" doc:"How many units to credit."`
	Rollover bool  `json:"rollover" doc:"Whether what is left of a period is carried into the next."`
	MeterID  id.ID `json:"meter_id" doc:"The meter to credit."`
}

func (createMeterCreditProperties) SchemaName() string { return "BenefitMeterCreditCreateProperties" }

type createFeatureFlag struct {
	createMetadata
	Type Type `json:"type" const:"feature_flag"`
	createCommon
	Properties createFeatureFlagProperties `json:"properties"`
}

func (createFeatureFlag) SchemaName() string { return "BenefitFeatureFlagCreate" }

type createFeatureFlagProperties struct{}

func (createFeatureFlagProperties) SchemaName() string { return "BenefitFeatureFlagCreateProperties" }

type createSlackSharedChannel struct {
	createMetadata
	Type Type `json:"type" const:"slack_shared_channel"`
	createCommon
	Properties createSlackSharedChannelProperties `json:"properties"`
}

func (createSlackSharedChannel) SchemaName() string { return "BenefitSlackSharedChannelCreate" }

type createSlackSharedChannelProperties SlackSharedChannelProperties

func (createSlackSharedChannelProperties) SchemaName() string {
	return "BenefitSlackSharedChannelCreateProperties"
}

// created is a body taken apart.
type created struct {
	createMetadata
	createCommon
	Type       Type
	Properties any
}

func (c Create) parts() created {
	switch {
	case c.Custom != nil:
		return created{c.Custom.createMetadata, c.Custom.createCommon, Custom, &c.Custom.Properties}
	case c.Discord != nil:
		return created{c.Discord.createMetadata, c.Discord.createCommon, Discord, &c.Discord.Properties}
	case c.GitHubRepository != nil:
		return created{c.GitHubRepository.createMetadata, c.GitHubRepository.createCommon, GitHubRepository, &c.GitHubRepository.Properties}
	case c.Downloadables != nil:
		return created{c.Downloadables.createMetadata, c.Downloadables.createCommon, Downloadables, &c.Downloadables.Properties}
	case c.LicenseKeys != nil:
		return created{c.LicenseKeys.createMetadata, c.LicenseKeys.createCommon, LicenseKeys, &c.LicenseKeys.Properties}
	case c.MeterCredit != nil:
		return created{c.MeterCredit.createMetadata, c.MeterCredit.createCommon, MeterCredit, &c.MeterCredit.Properties}
	case c.FeatureFlag != nil:
		return created{c.FeatureFlag.createMetadata, c.FeatureFlag.createCommon, FeatureFlag, &c.FeatureFlag.Properties}
	}
	return created{c.SlackSharedChannel.createMetadata, c.SlackSharedChannel.createCommon, SlackSharedChannel, &c.SlackSharedChannel.Properties}
}

type createInput struct{ Body Create }

func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Benefit, err error) {
	c := in.Body.parts()
	org, err := organization.ForCreate(sub, c.OrganizationID, auth.ProductsManage)
	if err != nil {
		return out, err
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		if c.Type == SlackSharedChannel {
			return schema.ValueError("Slack shared channel benefit is not enabled for this organization.", schema.StringNode(string(c.Type)), "body", "type")
		}
		if err := s.check(ctx, tx, org, c.Properties); err != nil {
			return err
		}
		visibility := c.Type.visibility()
		if c.Visibility != nil {
			visibility = *c.Visibility
		}
		if !c.Type.Configurable() && visibility != Public {
			return schema.ValueError("Visibility is not configurable for this benefit type and must be public.", schema.StringNode(string(visibility)), "body", "visibility")
		}
		r, err := s.Add(ctx, tx, sub, Row{OrganizationID: org, Type: c.Type, Description: c.Description, Selectable: true, Deletable: true,
			Visibility: visibility, Properties: schema.JSON(c.Properties), Metadata: json.RawMessage(c.Metadata.Metadata())})
		out = s.Public(r)
		return err
	})
	return out, err
}

// Add stores a new benefit whose properties have been checked. It gives it an
// id and its time.
func (s *Service) Add(ctx context.Context, tx *db.Tx, actor auth.Subject, r Row) (Row, error) {
	r.ID, r.CreatedAt = tx.NewID(tx.Now()), tx.Now()
	if len(r.Metadata) == 0 {
		r.Metadata = json.RawMessage("{}")
	}
	if len(r.Properties) == 0 {
		r.Properties = json.RawMessage("{}")
	}
	if r.Visibility == "" {
		r.Visibility = r.Type.visibility()
	}
	if err := insert(ctx, tx, &r); err != nil {
		return r, err
	}
	public := s.Public(r)
	journal.Append(tx, actor, journal.Entry{Organization: r.OrganizationID, Type: "benefit.created", Subject: r.ID, After: schema.JSON(&public)})
	return r, nil
}

// check applies the rules on properties that need more than the body.
func (s *Service) check(ctx context.Context, tx *db.Tx, org id.ID, properties any) error {
	problems := &schema.Problems{Class: "BenefitPropertiesValidationError"}
	refuse := func(typ, msg string, input *schema.Node, at ...any) {
		problems.Add(schema.Problem{Type: typ, Loc: append([]any{"body", "properties"}, at...), Msg: msg, Input: input})
	}
	switch p := properties.(type) {
	case *createMeterCreditProperties:
		known, err := s.Meters.among(ctx, tx, org, p.MeterID)
		if err != nil {
			return err
		}
		if !known[p.MeterID] {
			refuse("value_error", "This meter does not exist.", schema.StringNode(string(p.MeterID)), "meter_id")
		}
	case *createDownloadablesProperties:
		known, err := s.Files.among(ctx, tx, org, p.Files...)
		if err != nil {
			return err
		}
		for i, file := range p.Files {
			if !known[file] {
				refuse("value_error", "File not found.", schema.StringNode(string(file)), "files", i)
			}
		}
	case *createGitHubRepositoryProperties:
		refuse("invalid_auth_subject", "We do not yet support creating this benefit with an organization token.",
			schema.StringNode(p.RepositoryOwner), "repository_owner")
	case *createSlackSharedChannelProperties:
		refuse("value_error", "Slack integration not found.", schema.StringNode(string(p.SlackIntegrationID)), "slack_integration_id")
	}
	return problems.Err()
}

func (e Exists) among(ctx context.Context, q db.Querier, org id.ID, ids ...id.ID) (map[id.ID]bool, error) {
	if e == nil {
		return nil, nil
	}
	return e(ctx, q, org, ids)
}
