package grant

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/listing"
	"floe/internal/schema"
)

// LicenseKey is a license key as the API shows it.
type LicenseKey struct {
	ID               id.ID       `json:"id" doc:"The ID of the license key."`
	CreatedAt        time.Time   `json:"created_at" doc:"When the key was created."`
	ModifiedAt       *time.Time  `json:"modified_at" doc:"When the key was last changed or validated; null until then."`
	OrganizationID   id.ID       `json:"organization_id" doc:"The organization that owns the key."`
	CustomerID       id.ID       `json:"customer_id" doc:"The customer whose key it is."`
	Customer         keyCustomer `json:"customer"`
	BenefitID        id.ID       `json:"benefit_id" doc:"The benefit that the key came with."`
	Key              string      `json:"key" doc:"The key itself."`
	DisplayKey       string      `json:"display_key" doc:"The end of the key, the rest hidden."`
	Status           KeyStatus   `json:"status" doc:"Whether the key works."`
	LimitActivations *int64      `json:"limit_activations" doc:"On how many devices it may be active; null when it cannot be activated."`
	Usage            int64       `json:"usage" doc:"How often it was used."`
	LimitUsage       *int64      `json:"limit_usage" doc:"How often it may be used; null without a limit."`
	Validations      int64       `json:"validations" doc:"How often it was found valid."`
	LastValidatedAt  *time.Time  `json:"last_validated_at" doc:"When it was last found valid."`
	ExpiresAt        *time.Time  `json:"expires_at" doc:"When it expires; null when it does not."`

	// What clients of earlier versions look for; see customer.LegacyUser.
	UserID id.ID               `json:"user_id" undocumented:"true"`
	User   customer.LegacyUser `json:"user" undocumented:"true"`
}

// SchemaName is the name of the reference.
func (LicenseKey) SchemaName() string { return "LicenseKeyRead" }

// keyCustomer is a customer without telling its two types apart.
type keyCustomer struct{ customer.Customer }

// SchemaName is the name of the reference.
func (keyCustomer) SchemaName() string { return "LicenseKeyCustomer" }

// DescribeSchema describes a customer whose e-mail may be null.
func (keyCustomer) DescribeSchema(b *schema.Builder) *schema.Schema {
	s := b.Object(reflect.TypeFor[customer.Customer]())
	s.Required = slices.DeleteFunc(s.Required, func(key string) bool { return key == "email" })
	return s
}

// Activation is a device on which a key is in use. Its conditions are never
// shown.
type Activation struct {
	ID           id.ID           `json:"id" doc:"The ID of the activation."`
	LicenseKeyID id.ID           `json:"license_key_id" doc:"The license key."`
	Label        string          `json:"label" doc:"What the device is called."`
	Meta         schema.Metadata `json:"meta"`
	CreatedAt    time.Time       `json:"created_at" doc:"When the key was activated."`
	ModifiedAt   *time.Time      `json:"modified_at" doc:"When the activation was last changed."`
	Conditions   json.RawMessage `json:"-"`
}

// SchemaName is the name of the reference.
func (Activation) SchemaName() string { return "LicenseKeyActivationBase" }

// ActivationRead is an activation with its key.
type ActivationRead struct {
	Activation
	LicenseKey LicenseKey `json:"license_key"`
}

// SchemaName is the name of the reference.
func (ActivationRead) SchemaName() string { return "LicenseKeyActivationRead" }

// LicenseKeyWithActivations is a key with where it is in use.
type LicenseKeyWithActivations struct {
	LicenseKey
	Activations []Activation `json:"activations" doc:"Where the key is in use, oldest first."`
}

// SchemaName is the name of the reference.
func (LicenseKeyWithActivations) SchemaName() string { return "LicenseKeyWithActivations" }

// ValidatedLicenseKey is a key that was found valid, with the activation that
// was asked about.
type ValidatedLicenseKey struct {
	LicenseKey
	Activation *Activation `json:"activation" required:"false"`
}

// SchemaName is the name of the reference.
func (ValidatedLicenseKey) SchemaName() string { return "ValidatedLicenseKey" }

func (s *Service) publicKey(k *Key, c customer.Row) LicenseKey {
	public := s.Customers.Public(c)
	return LicenseKey{
		ID: k.ID, CreatedAt: k.CreatedAt, ModifiedAt: k.ModifiedAt, OrganizationID: k.OrganizationID, CustomerID: k.CustomerID,
		Customer: keyCustomer{public}, BenefitID: k.BenefitID, Key: k.Key, DisplayKey: displayKey(k.Key), Status: k.Status,
		LimitActivations: k.LimitActivations, Usage: k.Usage, LimitUsage: k.LimitUsage, Validations: k.Validations,
		LastValidatedAt: k.LastValidatedAt, ExpiresAt: k.ExpiresAt,
		UserID: k.CustomerID, User: public.LegacyUser(),
	}
}

// withCustomers shows keys with whose they are.
func (s *Service) withCustomers(ctx context.Context, q db.Querier, keys ...Key) ([]LicenseKey, error) {
	ids, orgs := make([]id.ID, len(keys)), make([]id.ID, len(keys))
	for i := range keys {
		ids[i], orgs[i] = keys[i].CustomerID, keys[i].OrganizationID
	}
	slices.Sort(orgs)
	who, err := customer.Rows(ctx, q, slices.Compact(orgs), ids)
	if err != nil {
		return nil, err
	}
	out := make([]LicenseKey, len(keys))
	for i := range keys {
		out[i] = s.publicKey(&keys[i], who[keys[i].CustomerID])
	}
	return out, nil
}

func (s *Service) oneWithCustomer(ctx context.Context, q db.Querier, k Key) (LicenseKey, error) {
	list, err := s.withCustomers(ctx, q, k)
	if err != nil {
		return LicenseKey{}, err
	}
	return list[0], nil
}

type listKeysInput struct {
	Organizations schema.Many[id.ID]     `query:"organization_id" doc:"Filter by organization ID."`
	Benefits      schema.Many[id.ID]     `query:"benefit_id" doc:"Filter by benefit ID."`
	Statuses      schema.Many[KeyStatus] `query:"status" doc:"Filter by status."`
	listing.Page
}

func (s *Service) listKeys(ctx context.Context, sub auth.Subject, in listKeysInput) (out listing.Result[LicenseKey], err error) {
	orgs := keysOf(&sub, in.Organizations...)
	if len(orgs) == 0 {
		return listing.Empty[LicenseKey](), nil
	}
	w := new(db.W).In("organization_id", orgs)
	if in.Benefits != nil {
		w.In("benefit_id", in.Benefits)
	}
	if in.Statuses != nil {
		w.In("status", in.Statuses)
	}
	rows, err := listing.Run[Key](ctx, s.DB, listing.Query{Columns: keyColumns, From: "license_keys", Where: w,
		Order: " ORDER BY created_at, id", Page: in.Page})
	if err != nil {
		return out, err
	}
	out.Pagination = rows.Pagination
	out.Items, err = s.withCustomers(ctx, s.DB, rows.Items...)
	return out, err
}

// keysOf are the organizations whose keys the subject may see.
func keysOf(sub *auth.Subject, wanted ...id.ID) []id.ID {
	return sub.Organizations(auth.CustomersView, wanted...)
}

func keyByID(ctx context.Context, q db.Querier, orgs []id.ID, key id.ID, lock string) (Key, error) {
	w := db.Where("id = ?", key).In("organization_id", orgs)
	k, err := db.One[Key](ctx, q, `SELECT `+keyColumns+` FROM license_keys`+w.SQL()+lock, w.Args()...)
	return k, notFound(err)
}

const activationColumns = `id, license_key_id, label, meta, created_at, modified_at, conditions`

func activationOf(ctx context.Context, q db.Querier, k *Key, activation id.ID, lock string) (Activation, error) {
	a, err := db.One[Activation](ctx, q, `SELECT `+activationColumns+` FROM license_key_activations
		WHERE organization_id = ? AND license_key_id = ? AND id = ? AND deleted_at IS NULL`+lock, k.OrganizationID, k.ID, activation)
	return a, notFound(err)
}

type keyPath struct {
	ID id.ID `path:"id" doc:"The license key ID."`
}

func (s *Service) getKey(ctx context.Context, sub auth.Subject, in keyPath) (out LicenseKeyWithActivations, err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		k, err := keyByID(ctx, q, keysOf(&sub), in.ID, "")
		if err != nil {
			return err
		}
		if out.LicenseKey, err = s.oneWithCustomer(ctx, q, k); err != nil {
			return err
		}
		out.Activations, err = db.All[Activation](ctx, q, `SELECT `+activationColumns+` FROM license_key_activations
			WHERE organization_id = ? AND license_key_id = ? AND deleted_at IS NULL ORDER BY created_at, id`, k.OrganizationID, k.ID)
		return err
	})
	return out, err
}

type activationPath struct {
	keyPath
	ActivationID id.ID `path:"activation_id" doc:"The activation ID."`
}

func (s *Service) getActivation(ctx context.Context, sub auth.Subject, in activationPath) (out ActivationRead, err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		k, err := keyByID(ctx, q, keysOf(&sub), in.ID, "")
		if err != nil {
			return err
		}
		if out.Activation, err = activationOf(ctx, q, &k, in.ActivationID, ""); err != nil {
			return err
		}
		out.LicenseKey, err = s.oneWithCustomer(ctx, q, k)
		return err
	})
	return out, err
}

// KeyUpdate is the body of a change to a key. What is absent stays.
type KeyUpdate struct {
	Status           schema.Opt[*KeyStatus] `json:"status" doc:"Whether the key works. Null changes nothing."`
	Usage            schema.Opt[usage]      `json:"usage" doc:"How often it was used. Left out, it stays."`
	LimitActivations schema.Opt[*int64]     `json:"limit_activations" ge:"-2147483648" gt:"0" le:"2147483647" doc:"On how many devices it may be active; null ends activations."`
	LimitUsage       schema.Opt[*int64]     `json:"limit_usage" ge:"-2147483648" gt:"0" le:"2147483647" doc:"How often it may be used; null for no limit."`
	ExpiresAt        schema.Opt[*time.Time] `json:"expires_at" doc:"When it expires; null for never."`
}

// SchemaName is the name of the reference.
func (KeyUpdate) SchemaName() string { return "LicenseKeyUpdate" }

// usage is a number whose absence changes nothing, although the document of
// the reference says that it is then zero.
type usage int64

const usageLimits = `ge:"-2147483648" le:"2147483647"`

// DecodeNode reads a number of 32 bits.
func (u *usage) DecodeNode(n *schema.Node, at *schema.At) {
	schema.PlanOf(reflect.TypeFor[int64](), usageLimits).Decode(n, at, reflect.ValueOf((*int64)(u)).Elem())
}

func (usage) SchemaName() string { return "" }

// DescribeSchema describes a number with the default that it has on paper.
func (usage) DescribeSchema(b *schema.Builder) *schema.Schema {
	s := schema.PlanOf(reflect.TypeFor[int64](), usageLimits).Schema(b)
	s.Default = json.RawMessage("0")
	return s
}

type updateKeyInput struct {
	keyPath
	Body KeyUpdate
}

func (s *Service) updateKey(ctx context.Context, sub auth.Subject, in updateKeyInput) (out LicenseKey, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		k, c, err := s.lockKey(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		if to := in.Body.Status.Value; c.AnonymizedAt != nil && to != nil && *to != KeyRevoked { // what devices are called could not be erased again
			return schema.ValueError("The customer was anonymised; their license keys stay revoked.", schema.StringNode(string(*to)), "body", "status")
		}
		was := s.publicKey(&k, c)
		in.Body.apply(&k, tx.Now())
		if err := saveKey(ctx, tx, &k); err != nil {
			return err
		}
		if in.Body.Status.Value != nil {
			if err := s.follow(ctx, tx, sub, c, &k); err != nil {
				return err
			}
			// Giving the grant again puts the benefit's terms on the key.
			if k, err = keyByID(ctx, tx, []id.ID{k.OrganizationID}, k.ID, ""); err != nil {
				return err
			}
		}
		out = s.publicKey(&k, c)
		recordKey(tx, sub, "license_key.updated", &was, &out)
		return nil
	})
	return out, err
}

// lockKey reads a key that the subject may change, and locks what hangs on it
// in the order of all transactions: customer, grant, key.
func (s *Service) lockKey(ctx context.Context, tx *db.Tx, sub auth.Subject, key id.ID) (k Key, c customer.Row, err error) {
	if k, err = keyByID(ctx, tx, keysOf(&sub), key, ""); err != nil {
		return k, c, err
	}
	if !sub.May(k.OrganizationID, auth.CustomersManage) {
		return k, c, fault.NotPermitted.New(auth.CustomersManage.Denied())
	}
	if c, err = s.Customers.Lock(ctx, tx, k.OrganizationID, k.CustomerID); err != nil {
		return k, c, err
	}
	if k.GrantID != nil {
		if _, _, err = byID(ctx, tx, k.OrganizationID, *k.GrantID); err != nil {
			return k, c, err
		}
	}
	k, err = keyByID(ctx, tx, []id.ID{k.OrganizationID}, key, tx.ForUpdate())
	return k, c, err
}

func (u *KeyUpdate) apply(k *Key, now time.Time) {
	if u.Status.Value != nil {
		k.Status = *u.Status.Value
	}
	if u.Usage.Set {
		k.Usage = int64(u.Usage.Value)
	}
	u.LimitActivations.To(&k.LimitActivations)
	u.LimitUsage.To(&k.LimitUsage)
	u.ExpiresAt.To(&k.ExpiresAt)
	if u.Status.Set || u.Usage.Set || u.LimitActivations.Set || u.LimitUsage.Set || u.ExpiresAt.Set {
		k.ModifiedAt = &now
	}
}

// saveKey writes every column that an operation changes.
func saveKey(ctx context.Context, tx *db.Tx, k *Key) error {
	_, err := db.Exec(ctx, tx, `UPDATE license_keys SET modified_at = ?, key = ?, status = ?, limit_activations = ?, usage = ?, limit_usage = ?,
		validations = ?, last_validated_at = ?, expires_at = ? WHERE organization_id = ? AND id = ?`,
		k.ModifiedAt, k.Key, k.Status, k.LimitActivations, k.Usage, k.LimitUsage, k.Validations, k.LastValidatedAt, k.ExpiresAt, k.OrganizationID, k.ID)
	if err != nil {
		return fmt.Errorf("save a license key: %w", err)
	}
	return nil
}

// follow brings the grant of a key to where its new status belongs. A key
// without a grant is on its own, and nobody who was deleted gets anything.
func (s *Service) follow(ctx context.Context, tx *db.Tx, actor auth.Subject, c customer.Row, k *Key) error {
	if k.GrantID == nil {
		return nil
	}
	r, ok, err := byID(ctx, tx, k.OrganizationID, *k.GrantID)
	if err != nil || !ok {
		return err
	}
	b := s.batch(ctx, tx, actor, k.OrganizationID)
	list := []*work{{Row: r, before: r}}
	if err := b.types(list); err != nil {
		return err
	}
	revoke := k.Status == KeyRevoked
	switch {
	case revoke && r.RevokedAt != nil, !revoke && r.GrantedAt != nil:
		return nil
	case revoke:
		err = b.take(list, false)
	default:
		var able bool
		if able, err = b.givable(&c, &r); err != nil || !able {
			return err
		}
		err = b.give(list, false)
	}
	if err != nil {
		return err
	}
	return b.save()
}

// givable says whether the benefit of a grant and those who would have it are
// still there.
func (b *batch) givable(c *customer.Row, r *Row) (bool, error) {
	if c.DeletedAt != nil || b.benefits[r.BenefitID].DeletedAt != nil {
		return false, nil
	}
	if r.MemberID == nil {
		return true, nil
	}
	people, err := customer.MembersByID(b.ctx, b.tx, []id.ID{b.org}, []id.ID{r.CustomerID}, []id.ID{*r.MemberID})
	m, ok := people[*r.MemberID]
	return ok && m.DeletedAt == nil, err
}

var rotatable = []KeyStatus{KeyDisabled, KeyGranted}

func (s *Service) rotateKey(ctx context.Context, sub auth.Subject, in keyPath) (out LicenseKey, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		k, c, err := s.lockKey(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		if !slices.Contains(rotatable, k.Status) {
			return fault.RotateNotPermitted.New(fmt.Sprintf(
				"License key cannot be rotated in its current status. Current status: %s. Allowed statuses: disabled, granted.", k.Status))
		}
		was := s.publicKey(&k, c)
		if err := s.rotate(ctx, tx, &k); err != nil {
			return err
		}
		out = s.publicKey(&k, c)
		recordKey(tx, sub, "license_key.rotated", &was, &out)
		return nil
	})
	return out, err
}

// rotate gives a key a new text, with the prefix that its benefit has today,
// and shows its end in the grant. Nobody is told.
func (s *Service) rotate(ctx context.Context, tx *db.Tx, k *Key) error {
	of, err := benefit.ByIDs(ctx, tx, []id.ID{k.OrganizationID}, []id.ID{k.BenefitID})
	if err != nil {
		return err
	}
	now := tx.Now()
	k.Key = s.newKey(tx, termsOf(of[k.BenefitID], false, now).prefix)
	k.ModifiedAt = &now
	if err := saveKey(ctx, tx, k); err != nil {
		return err
	}
	if k.GrantID == nil {
		return nil
	}
	r, ok, err := byID(ctx, tx, k.OrganizationID, *k.GrantID)
	if err != nil || !ok {
		return err
	}
	carried := json.RawMessage(schema.Metadata(r.Properties).With("display_key", displayKey(k.Key)))
	if _, err := db.Exec(ctx, tx, `UPDATE benefit_grants SET modified_at = ?, properties = ? WHERE organization_id = ? AND id = ?`,
		now, carried, r.OrganizationID, r.ID); err != nil {
		return fmt.Errorf("show a rotated key in its grant: %w", err)
	}
	return nil
}

// recordKey tells the journal of a change to a key. The key itself is a
// secret, and the customer is somewhere else; neither is written down.
func recordKey(tx *db.Tx, actor auth.Subject, typ string, before, after *LicenseKey) {
	was, is := journal.Changes(keyRecord(before), keyRecord(after))
	journal.Append(tx, actor, journal.Entry{Organization: after.OrganizationID, Type: typ, Customer: after.CustomerID, Subject: after.ID, Before: was, After: is})
}

func keyRecord(k *LicenseKey) any {
	return &struct {
		DisplayKey       string     `json:"display_key"`
		Status           KeyStatus  `json:"status"`
		LimitActivations *int64     `json:"limit_activations"`
		Usage            int64      `json:"usage"`
		LimitUsage       *int64     `json:"limit_usage"`
		ExpiresAt        *time.Time `json:"expires_at"`
	}{k.DisplayKey, k.Status, k.LimitActivations, k.Usage, k.LimitUsage, k.ExpiresAt}
}
