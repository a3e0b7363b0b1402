package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
)

// KeyValidate is the body of a question whether a key is valid.
type KeyValidate struct {
	Key            string               `json:"key" doc:"The license key."`
	OrganizationID id.ID                `json:"organization_id" doc:"The organization that sold it."`
	ActivationID   *id.ID               `json:"activation_id" doc:"An activation that must be there."`
	BenefitID      *id.ID               `json:"benefit_id" doc:"The benefit that the key must be of."`
	CustomerID     *id.ID               `json:"customer_id" doc:"The customer whose key it must be."`
	IncrementUsage *int64               `json:"increment_usage" ge:"0" doc:"How often it is used with this."`
	Conditions     schema.MetadataInput `json:"conditions" factory:"{}" doc:"What the activation was made for; it must be the same."`
}

// SchemaName is the name of the reference.
func (KeyValidate) SchemaName() string { return "LicenseKeyValidate" }

// KeyActivate is the body of an activation.
type KeyActivate struct {
	Key            string               `json:"key" doc:"The license key."`
	OrganizationID id.ID                `json:"organization_id" doc:"The organization that sold it."`
	Label          string               `json:"label" doc:"What to call the device."`
	Conditions     schema.MetadataInput `json:"conditions" factory:"{}" doc:"What validations through this activation must say. It is never shown."`
	Meta           schema.MetadataInput `json:"meta" factory:"{}" doc:"Your own key-value pairs."`
}

// SchemaName is the name of the reference.
func (KeyActivate) SchemaName() string { return "LicenseKeyActivate" }

// KeyDeactivate is the body of the end of an activation.
type KeyDeactivate struct {
	Key            string `json:"key" doc:"The license key."`
	OrganizationID id.ID  `json:"organization_id" doc:"The organization that sold it."`
	ActivationID   id.ID  `json:"activation_id" doc:"The activation to end."`
}

// SchemaName is the name of the reference.
func (KeyDeactivate) SchemaName() string { return "LicenseKeyDeactivate" }

type validateInput struct{ Body KeyValidate }

type activateInput struct{ Body KeyActivate }

type deactivateInput struct{ Body KeyDeactivate }

// reachable refuses keys of organizations that the subject does not belong to,
// in the words of a key that does not exist.
func reachable(sub *auth.Subject, org id.ID) error {
	if !sub.Reach(org) {
		return fault.NotFound.New()
	}
	return nil
}

// anyone is who calls what needs no token: whoever sends one of another
// organization is nobody in this one, whose records do not show it.
func anyone(sub auth.Subject, org id.ID) auth.Subject {
	if sub.Reach(org) {
		return sub
	}
	return auth.Subject{RequestID: sub.RequestID}
}

func (s *Service) validate(ctx context.Context, sub auth.Subject, in validateInput) (ValidatedLicenseKey, error) {
	if err := reachable(&sub, in.Body.OrganizationID); err != nil {
		return ValidatedLicenseKey{}, err
	}
	return s.Validate(ctx, in.Body)
}

func (s *Service) validateAnyone(ctx context.Context, _ auth.Subject, in validateInput) (ValidatedLicenseKey, error) {
	return s.Validate(ctx, in.Body)
}

func (s *Service) activate(ctx context.Context, sub auth.Subject, in activateInput) (ActivationRead, error) {
	if err := reachable(&sub, in.Body.OrganizationID); err != nil {
		return ActivationRead{}, err
	}
	return s.Activate(ctx, sub, in.Body)
}

func (s *Service) activateAnyone(ctx context.Context, sub auth.Subject, in activateInput) (ActivationRead, error) {
	return s.Activate(ctx, anyone(sub, in.Body.OrganizationID), in.Body)
}

func (s *Service) deactivate(ctx context.Context, sub auth.Subject, in deactivateInput) (api.None, error) {
	if err := reachable(&sub, in.Body.OrganizationID); err != nil {
		return api.None{}, err
	}
	return api.None{}, s.Deactivate(ctx, sub, in.Body)
}

func (s *Service) deactivateAnyone(ctx context.Context, sub auth.Subject, in deactivateInput) (api.None, error) {
	return api.None{}, s.Deactivate(ctx, anyone(sub, in.Body.OrganizationID), in.Body)
}

// timedKey is a key with the time of an organization that has a test clock.
type timedKey struct {
	Key
	TestClock *time.Time
}

// keyByText finds a key by what its holder has. The row is locked: whoever
// counts has to see what others have counted. Who asks may have no token to
// know the organization by, so its test clock is found with the key. A
// transaction that has the time of a clock goes on in it: it may be ahead of
// what is stored.
func keyByText(ctx context.Context, tx *db.Tx, org id.ID, key string) (Key, error) {
	k, err := db.One[timedKey](ctx, tx, `SELECT `+keyColumns+`,
		(SELECT now FROM test_clocks WHERE test_clocks.organization_id = license_keys.organization_id) AS test_clock
		FROM license_keys WHERE organization_id = ? AND key = ?`+tx.ForUpdate(), org, key)
	if err == nil && k.TestClock != nil && !tx.Clocked() {
		tx.MoveTo(*k.TestClock)
	}
	return k.Key, notFound(err)
}

// Validate answers whether a key is valid for what is asked, and counts it.
// The first thing that is wrong is what the caller hears, and then nothing is
// counted. The journal is not told: programs ask with every start.
func (s *Service) Validate(ctx context.Context, in KeyValidate) (out ValidatedLicenseKey, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		k, err := keyByText(ctx, tx, in.OrganizationID, in.Key)
		if err != nil {
			return err
		}
		if err := k.usable(tx.Now()); err != nil {
			return fault.NotFound.New(err.Error())
		}
		if out.Activation, err = in.activation(ctx, tx, &k); err != nil {
			return err
		}
		if err := in.check(&k); err != nil {
			return err
		}
		tx.TouchNothing() // what is counted is no part of a customer's state
		now := tx.Now()
		k.Validations++
		k.LastValidatedAt, k.ModifiedAt = &now, &now
		if in.IncrementUsage != nil {
			k.Usage += *in.IncrementUsage
		}
		if err := saveKey(ctx, tx, &k); err != nil {
			return err
		}
		out.LicenseKey, err = s.oneWithCustomer(ctx, tx, k)
		return err
	})
	return out, err
}

// What is wrong with a key that exists.
var (
	errInactive = errors.New("License key is no longer active.") //nolint:revive,staticcheck // a text of the contract
	errExpired  = errors.New("License key has expired.")         //nolint:revive,staticcheck // a text of the contract
)

// usable says whether a key works at all.
func (k *Key) usable(now time.Time) error {
	switch {
	case k.Status != KeyGranted:
		return errInactive
	case k.ExpiresAt != nil && !now.Before(*k.ExpiresAt):
		return errExpired
	}
	return nil
}

// activation finds the activation that is asked about, if one is. One that was
// made for certain conditions must be asked about under the same.
func (in *KeyValidate) activation(ctx context.Context, tx *db.Tx, k *Key) (*Activation, error) {
	if in.ActivationID == nil {
		return nil, nil
	}
	a, err := activationOf(ctx, tx, k, *in.ActivationID, "")
	if err != nil {
		return nil, err
	}
	made := schema.Metadata(a.Conditions).Node()
	if len(made.Keys) > 0 && !equal(made, in.Conditions.Metadata().Node()) {
		return nil, fault.NotFound.New("License key does not match required conditions")
	}
	return &a, nil
}

func (in *KeyValidate) check(k *Key) error {
	switch {
	case in.BenefitID != nil && *in.BenefitID != k.BenefitID:
		return fault.NotFound.New("License key does not match given benefit.")
	case in.CustomerID != nil && *in.CustomerID != k.CustomerID:
		return fault.NotFound.New("License key does not match given user.")
	case in.IncrementUsage != nil && *in.IncrementUsage > 0 && k.LimitUsage != nil && *in.IncrementUsage > *k.LimitUsage-k.Usage:
		return fault.BadRequest.New(fmt.Sprintf("License key only has %d more usages.", *k.LimitUsage-k.Usage))
	case in.IncrementUsage != nil && *in.IncrementUsage > mostUsage-k.Usage:
		return fault.BadRequest.New(fmt.Sprintf("License key only has %d more usages.", mostUsage-k.Usage))
	}
	return nil
}

// mostUsage is as far as a key without a limit counts: the 32 bits that
// clients know a usage to have.
const mostUsage = 1<<31 - 1

// equal compares two maps of scalars whatever the order of their keys. Numbers
// are compared by value, and truth counts as one, as in the reference.
func equal(a, b *schema.Node) bool {
	if len(a.Keys) != len(b.Keys) {
		return false
	}
	for i, key := range a.Keys {
		x, y := &a.Items[i], b.Get(key)
		if y == nil || (x.Kind == schema.String) != (y.Kind == schema.String) || scalar(x) != scalar(y) {
			return false
		}
	}
	return true
}

func scalar(n *schema.Node) any {
	switch n.Kind {
	case schema.Bool:
		if n.Bool {
			return 1.0
		}
		return 0.0
	case schema.Int, schema.Float:
		var f float64
		if json.Unmarshal([]byte(n.Text), &f) == nil {
			return f
		}
	}
	return n.Text
}

// Activate puts a key to use on one more device.
func (s *Service) Activate(ctx context.Context, actor auth.Subject, in KeyActivate) (out ActivationRead, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		k, a, err := activate(ctx, tx, actor, in)
		if err != nil {
			return err
		}
		out.Activation = a
		out.LicenseKey, err = s.oneWithCustomer(ctx, tx, k)
		return err
	})
	return out, err
}

// ActivateIn is Activate in a transaction of the caller's.
func (s *Service) ActivateIn(ctx context.Context, tx *db.Tx, actor auth.Subject, in KeyActivate) error {
	_, _, err := activate(ctx, tx, actor, in)
	return err
}

func activate(ctx context.Context, tx *db.Tx, actor auth.Subject, in KeyActivate) (k Key, a Activation, err error) {
	if k, err = keyByText(ctx, tx, in.OrganizationID, in.Key); err != nil {
		return k, a, err
	}
	if err := k.activatable(ctx, tx); err != nil {
		return k, a, err
	}
	a = Activation{ID: tx.NewID(tx.Now()), LicenseKeyID: k.ID, Label: in.Label, Meta: in.Meta.Metadata(), CreatedAt: tx.Now(),
		Conditions: json.RawMessage(in.Conditions.Metadata())}
	if err := insertActivation(ctx, tx, k.OrganizationID, &a); err != nil {
		return k, a, err
	}
	recordActivation(tx, actor, "license_key.activated", &k, &a)
	return k, a, nil
}

// activatable says why a key cannot be activated, in the words for that.
func (k *Key) activatable(ctx context.Context, tx *db.Tx) error {
	switch err := k.usable(tx.Now()); {
	case errors.Is(err, errInactive):
		return fault.NotPermitted.New("License key is no longer active. This license key can not be activated.")
	case err != nil:
		return fault.NotPermitted.New(err.Error())
	case k.LimitActivations == nil || *k.LimitActivations == 0:
		return fault.NotPermitted.New("This license key does not support activations. Use the /validate endpoint instead to check license validity.")
	}
	n, err := db.One[int64](ctx, tx, `SELECT COUNT(*) FROM license_key_activations
		WHERE organization_id = ? AND license_key_id = ? AND deleted_at IS NULL`, k.OrganizationID, k.ID)
	if err != nil {
		return fmt.Errorf("count activations: %w", err)
	}
	if n >= *k.LimitActivations {
		return fault.NotPermitted.New("License key activation limit already reached")
	}
	return nil
}

func insertActivation(ctx context.Context, tx *db.Tx, org id.ID, a *Activation) error {
	_, err := db.Exec(ctx, tx, `INSERT INTO license_key_activations (id, organization_id, license_key_id, created_at, label, conditions, meta)
		VALUES (?, ?, ?, ?, ?, ?, ?)`, a.ID, org, a.LicenseKeyID, a.CreatedAt, a.Label, a.Conditions, json.RawMessage(a.Meta))
	if err != nil {
		return fmt.Errorf("insert an activation: %w", err)
	}
	return nil
}

// Deactivate frees what a device used, whatever has become of the key.
func (s *Service) Deactivate(ctx context.Context, actor auth.Subject, in KeyDeactivate) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		k, err := keyByText(ctx, tx, in.OrganizationID, in.Key)
		if err != nil {
			return err
		}
		a, err := activationOf(ctx, tx, &k, in.ActivationID, tx.ForUpdate())
		if err != nil {
			return err
		}
		now := tx.Now()
		if _, err := db.Exec(ctx, tx, `UPDATE license_key_activations SET deleted_at = ?, modified_at = ? WHERE organization_id = ? AND id = ?`,
			now, now, k.OrganizationID, a.ID); err != nil {
			return fmt.Errorf("end an activation: %w", err)
		}
		recordActivation(tx, actor, "license_key.deactivated", &k, &a)
		return nil
	})
}

func recordActivation(tx *db.Tx, actor auth.Subject, typ string, k *Key, a *Activation) {
	journal.Append(tx, actor, journal.Entry{Organization: k.OrganizationID, Type: typ, Customer: k.CustomerID, Subject: k.ID, After: schema.JSON(a)})
}
