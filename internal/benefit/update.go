package benefit

import (
	"context"
	"encoding/json"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

// Update is the body of a change: that of the benefit's type.
type Update struct {
	Custom             *updateCustom             `variant:"BenefitCustomUpdate"`
	Discord            *updateDiscord            `variant:"BenefitDiscordUpdate"`
	GitHubRepository   *updateGitHubRepository   `variant:"BenefitGitHubRepositoryUpdate"`
	Downloadables      *updateDownloadables      `variant:"BenefitDownloadablesUpdate"`
	LicenseKeys        *updateLicenseKeys        `variant:"BenefitLicenseKeysUpdate"`
	MeterCredit        *updateMeterCredit        `variant:"BenefitMeterCreditUpdate"`
	FeatureFlag        *updateFeatureFlag        `variant:"BenefitFeatureFlagUpdate"`
	SlackSharedChannel *updateSlackSharedChannel `variant:"BenefitSlackSharedChannelUpdate"`
}

// Union says that every type is tried: the body's type fits one of them.
func (Update) Union() schema.Union { return schema.Union{} }

type updateCommon struct {
	Metadata    schema.Opt[schema.MetadataInput] `json:"metadata"`
	Description schema.Opt[*string]              `json:"description" minLength:"3" maxLength:"42" doc:"What customers read of the benefit. Null changes nothing."`
}

type updateVisibility struct {
	Visibility schema.Opt[*Visibility] `json:"visibility" doc:"Whether customers see the benefit. Null is what new benefits of the type have."`
}

type updateCustom struct {
	updateCommon
	updateVisibility
	Type       Type                          `json:"type" const:"custom"`
	Properties schema.Opt[*CustomProperties] `json:"properties" doc:"Replaces all properties."`
}

func (updateCustom) SchemaName() string { return "BenefitCustomUpdate" }

type updateDiscord struct {
	updateCommon
	Type       Type                                 `json:"type" const:"discord"`
	Properties schema.Opt[*createDiscordProperties] `json:"properties" doc:"Replaces all properties."`
}

func (updateDiscord) SchemaName() string { return "BenefitDiscordUpdate" }

type updateGitHubRepository struct {
	updateCommon
	Type       Type                                          `json:"type" const:"github_repository"`
	Properties schema.Opt[*createGitHubRepositoryProperties] `json:"properties" doc:"Replaces all properties."`
}

func (updateGitHubRepository) SchemaName() string { return "BenefitGitHubRepositoryUpdate" }

type updateDownloadables struct {
	updateCommon
	Type       Type                                       `json:"type" const:"downloadables"`
	Properties schema.Opt[*createDownloadablesProperties] `json:"properties" doc:"Replaces all properties."`
}

func (updateDownloadables) SchemaName() string { return "BenefitDownloadablesUpdate" }

type updateLicenseKeys struct {
	updateCommon
	updateVisibility
	Type       Type                                     `json:"type" const:"license_keys"`
	Properties schema.Opt[*createLicenseKeysProperties] `json:"properties" doc:"Replaces all properties. What is left out goes back to its default."`
}

func (updateLicenseKeys) SchemaName() string { return "BenefitLicenseKeysUpdate" }

type updateMeterCredit struct {
	updateCommon
	updateVisibility
	Type       Type                                     `json:"type" const:"meter_credit"`
	Properties schema.Opt[*createMeterCreditProperties] `json:"properties" doc:"Replaces all properties."`
}

func (updateMeterCredit) SchemaName() string { return "BenefitMeterCreditUpdate" }

type updateFeatureFlag struct {
	updateCommon
	updateVisibility
	Type       Type                               `json:"type" const:"feature_flag"`
	Properties schema.Opt[*FeatureFlagProperties] `json:"properties"`
}

func (updateFeatureFlag) SchemaName() string { return "BenefitFeatureFlagUpdate" }

type updateSlackSharedChannel struct {
	updateCommon
	Type       Type                                            `json:"type" const:"slack_shared_channel"`
	Properties schema.Opt[*createSlackSharedChannelProperties] `json:"properties" doc:"Replaces all properties."`
}

func (updateSlackSharedChannel) SchemaName() string { return "BenefitSlackSharedChannelUpdate" }

// updated is a body taken apart. Properties are nil when they shall stay.
type updated struct {
	updateCommon
	updateVisibility
	Type       Type
	Properties any
	Given      bool // the key, be it null
}

// sent are properties for updated: a nil pointer in an interface is not nil.
func sent[P any](o schema.Opt[*P]) any {
	if o.Value == nil {
		return nil
	}
	return o.Value
}

func (u Update) parts() updated {
	switch {
	case u.Custom != nil:
		return updated{u.Custom.updateCommon, u.Custom.updateVisibility, Custom, sent(u.Custom.Properties), u.Custom.Properties.Set}
	case u.Discord != nil:
		return updated{u.Discord.updateCommon, updateVisibility{}, Discord, sent(u.Discord.Properties), u.Discord.Properties.Set}
	case u.GitHubRepository != nil:
		return updated{u.GitHubRepository.updateCommon, updateVisibility{}, GitHubRepository, sent(u.GitHubRepository.Properties), u.GitHubRepository.Properties.Set}
	case u.Downloadables != nil:
		return updated{u.Downloadables.updateCommon, updateVisibility{}, Downloadables, sent(u.Downloadables.Properties), u.Downloadables.Properties.Set}
	case u.LicenseKeys != nil:
		return updated{u.LicenseKeys.updateCommon, u.LicenseKeys.updateVisibility, LicenseKeys, sent(u.LicenseKeys.Properties), u.LicenseKeys.Properties.Set}
	case u.MeterCredit != nil:
		return updated{u.MeterCredit.updateCommon, u.MeterCredit.updateVisibility, MeterCredit, sent(u.MeterCredit.Properties), u.MeterCredit.Properties.Set}
	case u.FeatureFlag != nil:
		return updated{u.FeatureFlag.updateCommon, u.FeatureFlag.updateVisibility, FeatureFlag, sent(u.FeatureFlag.Properties), u.FeatureFlag.Properties.Set}
	}
	return updated{u.SlackSharedChannel.updateCommon, updateVisibility{}, SlackSharedChannel, sent(u.SlackSharedChannel.Properties), u.SlackSharedChannel.Properties.Set}
}

// empty says whether the body names no field but the type.
func (u *updated) empty() bool {
	return !(u.Metadata.Set || u.Description.Set || u.Visibility.Set || u.Given)
}

type updateInput struct {
	ID   id.ID `path:"id" doc:"The benefit ID."`
	Body Update
}

func (s *Service) update(ctx context.Context, sub auth.Subject, in updateInput) (out Benefit, err error) {
	u := in.Body.parts()
	var holders Holders // of all tries
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := s.manageable(ctx, tx, sub, in.ID, &holders, func(r *Row) { r.apply(&u) })
		if err != nil {
			return err
		}
		if u.Type != r.Type {
			return schema.ValueError("Benefit type cannot be changed.", schema.StringNode(string(u.Type)), "body", "type")
		}
		if u.Properties != nil {
			if err := s.check(ctx, tx, r.OrganizationID, u.Properties); err != nil {
				return err
			}
		}
		out, err = s.change(ctx, tx, sub, r, &u)
		return err
	})
	return out, err
}

// manageable reads and locks a benefit that the subject may change, after the
// customers to whom it will make a difference; see customer.Service.Lock.
func (s *Service) manageable(ctx context.Context, tx *db.Tx, sub auth.Subject, benefit id.ID, holders *Holders, change func(*Row)) (Row, error) {
	r, err := byID(ctx, tx, visible(&sub), benefit, "")
	if err == nil && !sub.May(r.OrganizationID, auth.ProductsManage) {
		err = fault.NotPermitted.New(auth.ProductsManage.Denied())
	}
	lock := tx.ForUpdate()
	if err != nil || lock == "" {
		return r, err
	}
	after := r
	change(&after)
	if err := s.Grants.LockHolders(ctx, tx, r, after, holders); err != nil {
		return r, fmt.Errorf("lock who has benefit %s: %w", r.ID, err)
	}
	return byID(ctx, tx, visible(&sub), benefit, lock)
}

// change applies a checked body. The event is recorded even when nothing
// changes, because clients rely on it. Grants that run anew come after it.
func (s *Service) change(ctx context.Context, tx *db.Tx, sub auth.Subject, before Row, u *updated) (Benefit, error) {
	r := before
	r.apply(u)
	if !u.empty() {
		now := tx.Now()
		r.ModifiedAt = &now
		if err := save(ctx, tx, &r); err != nil {
			return Benefit{}, err
		}
	}
	was, is := s.Public(before), s.Public(r)
	changed, _ := journal.Changes(&was, &is)
	journal.Append(tx, sub, journal.Entry{Organization: r.OrganizationID, Type: "benefit.updated", Subject: r.ID, Before: changed, After: schema.JSON(&is)})
	if u.Properties == nil {
		return is, nil
	}
	return is, s.Grants.BenefitChanged(ctx, tx, sub, before, r)
}

func (r *Row) apply(u *updated) {
	if u.Metadata.Set {
		r.Metadata = json.RawMessage(u.Metadata.Value.Metadata())
	}
	if u.Description.Value != nil {
		r.Description = *u.Description.Value
	}
	switch {
	case u.Visibility.Value != nil:
		r.Visibility = *u.Visibility.Value
	case u.Visibility.Set:
		r.Visibility = r.Type.visibility()
	}
	if u.Properties != nil {
		r.Properties = schema.JSON(u.Properties)
	}
}
