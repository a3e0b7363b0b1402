package state

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
	AccountID        *string              `json:"account_id,omitempty" doc:"The GitHub account that was invited."`
	RepositoryOwner  string               `json:"repository_owner,omitempty"`
	RepositoryName   string               `json:"repository_name,omitempty"`
	Permission       repositoryPermission `json:"permission,omitempty" doc:"What the account may do in the repository."`
	GrantedAccountID string               `json:"granted_account_id,omitempty"`
}

// SchemaName is the name of the reference.
func (gitHubRepositoryProperties) SchemaName() string {
	return "BenefitGrantGitHubRepositoryProperties"
}

type repositoryPermission string

// Enum lists the permissions.
func (repositoryPermission) Enum() []string {
	return []string{"pull", "triage", "push", "maintain", "admin"}
}

// SchemaName says that the list is written in place.
func (repositoryPermission) SchemaName() string { return "" }

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
