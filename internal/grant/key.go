package grant

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"floe/internal/benefit"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/period"
	"floe/internal/schema"
)

// KeyStatus is whether a license key works.
type KeyStatus string

// The statuses. Disabled is what an operator does; revoked follows the grant.
const (
	KeyGranted  KeyStatus = "granted"
	KeyRevoked  KeyStatus = "revoked"
	KeyDisabled KeyStatus = "disabled"
)

// Enum lists the statuses.
func (KeyStatus) Enum() []string { return []string{"granted", "revoked", "disabled"} }

// SchemaName is the name of the reference.
func (KeyStatus) SchemaName() string { return "LicenseKeyStatus" }

// Key is a license key as it is stored.
type Key struct {
	ID               id.ID
	OrganizationID   id.ID
	CreatedAt        time.Time
	ModifiedAt       *time.Time
	CustomerID       id.ID
	MemberID         *id.ID
	BenefitID        id.ID
	GrantID          *id.ID
	Key              string
	Status           KeyStatus
	LimitActivations *int64
	Usage            int64
	LimitUsage       *int64
	Validations      int64
	LastValidatedAt  *time.Time
	ExpiresAt        *time.Time
}

const keyColumns = `id, organization_id, created_at, modified_at, customer_id, member_id, benefit_id, grant_id, key, status,
	limit_activations, usage, limit_usage, validations, last_validated_at, expires_at`

const shown = 6 // characters at the end of a key that may be seen

// displayKey hides a key but for its end.
func displayKey(key string) string {
	runes := []rune(key)
	return "****-" + string(runes[max(0, len(runes)-shown):])
}

type keyTexts struct{}

// TakeKeys makes the texts of the transaction's new keys come from a function,
// which may give the same ones again. It is for demonstration data.
func TakeKeys(tx *db.Tx, from func() string) { tx.SetValue(keyTexts{}, from) }

// newKey makes the text of a key. Ids of ours would tell when it was made, so
// it is not one of them.
func (s *Service) newKey(tx *db.Tx, prefix string) string {
	var key string
	if given, ok := tx.Value(keyTexts{}).(func() string); ok {
		key = given()
	} else if s.NewKey != nil {
		key = s.NewKey()
	} else {
		key = randomKey()
	}
	if prefix = strings.ToUpper(strings.TrimSpace(prefix)); prefix != "" {
		return prefix + "-" + key
	}
	return key
}

// randomKey is a random UUID of version 4 in capitals.
func randomKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	text := strings.ToUpper(hex.EncodeToString(b[:]))
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// terms are what a benefit says of its keys.
type terms struct {
	prefix           string
	limitActivations *int64
	limitUsage       *int64
	expiresAt        *time.Time
}

// termsOf reads a benefit's terms. Only keys that were bought once expire:
// those of a subscription end with it.
func termsOf(of benefit.Row, bought bool, now time.Time) (t terms) {
	n := schema.Metadata(of.Properties).Node()
	t.prefix = n.TextAt("prefix")
	t.limitActivations = limit(n.Get("activations").Get("limit"))
	t.limitUsage = limit(n.Get("limit_usage"))
	if e := n.Get("expires"); bought && e != nil && e.Kind == schema.Object {
		at := period.Add(now, period.Interval(e.Get("timeframe").Text), int(whole(e.Get("ttl"))))
		t.expiresAt = &at
	}
	return t
}

func limit(n *schema.Node) *int64 {
	if n == nil || n.Kind != schema.Int {
		return nil
	}
	v := whole(n)
	return &v
}

// keyChange is what happens alike to many keys that are there already.
type keyChange struct {
	benefit id.ID
	bought  bool
	anew    bool // the benefit has changed; otherwise it is given again
	at      time.Time
}

// keys finds the keys that belong to grants already.
func (b *batch) keys(list []*work) error {
	var grants []id.ID
	for _, w := range list {
		if b.benefits[w.BenefitID].Type == benefit.LicenseKeys && !w.isNew {
			grants = append(grants, w.ID)
		}
	}
	b.known = map[id.ID]knownKey{}
	for ids := range slices.Chunk(grants, piece) {
		w := db.Where("organization_id = ?", b.org).In("grant_id", ids)
		rows, err := db.All[knownKey](b.ctx, b.tx, `SELECT id, grant_id, key FROM license_keys`+w.SQL()+b.tx.ForUpdate(), w.Args()...)
		if err != nil {
			return fmt.Errorf("read license keys: %w", err)
		}
		for _, k := range rows {
			b.known[k.GrantID] = k
		}
	}
	return nil
}

type knownKey struct {
	ID      id.ID
	GrantID id.ID
	Key     string
}

// giveKey gives a grant its key: the one that it has, with the benefit's terms
// of today, or a new one.
func (b *batch) giveKey(w *work, of benefit.Row, anew bool) json.RawMessage {
	bought := w.OrderID != nil
	k, ok := b.known[w.ID]
	if ok {
		c := keyChange{of.ID, bought, anew, b.timeOf(w)}
		b.changedKeys[c] = append(b.changedKeys[c], w.ID)
	} else {
		k = b.addKey(w, termsOf(of, bought, b.timeOf(w)))
	}
	carried := schema.Metadata(w.Properties).With("license_key_id", string(k.ID)).With("display_key", displayKey(k.Key))
	return json.RawMessage(carried)
}

func (b *batch) addKey(w *work, t terms) knownKey {
	now := b.timeOf(w)
	key := &Key{
		ID: b.tx.NewID(now), OrganizationID: b.org, CreatedAt: now, CustomerID: w.CustomerID, MemberID: w.MemberID, BenefitID: w.BenefitID,
		GrantID: &w.ID, Status: KeyGranted, LimitActivations: t.limitActivations, LimitUsage: t.limitUsage, ExpiresAt: t.expiresAt,
	}
	if key.Key = schema.Metadata(w.Properties).Node().TextAt("user_provided_key"); key.Key == "" {
		key.Key = b.s.newKey(b.tx, t.prefix)
	}
	b.newKeys = append(b.newKeys, key)
	return knownKey{key.ID, w.ID, key.Key}
}

// saveKeys writes what happened to keys. Their grants are written by then.
func (b *batch) saveKeys() error {
	if err := insertKeys(b.ctx, b.tx, b.newKeys); err != nil {
		return err
	}
	for c, grants := range b.changedKeys {
		if err := b.changeKeys(c, grants); err != nil {
			return err
		}
	}
	for at, grants := range b.revokedKeys {
		if err := b.revokeKeys(at, grants); err != nil {
			return err
		}
	}
	return nil
}

func (b *batch) revokeKeys(at time.Time, grants []id.ID) error {
	for ids := range slices.Chunk(grants, piece) {
		w := db.Where("organization_id = ? AND status <> 'revoked'", b.org).In("grant_id", ids)
		_, err := db.Exec(b.ctx, b.tx, `UPDATE license_keys SET status = 'revoked', was_disabled = (status = 'disabled'), modified_at = ?`+w.SQL(),
			append([]any{at}, w.Args()...)...)
		if err != nil {
			return fmt.Errorf("revoke license keys: %w", err)
		}
	}
	return nil
}

// changeKeys puts the terms of a benefit on keys that are there already. A key
// without a member gets that of its grant; one that was disabled stays so, also
// when its grant was revoked meanwhile.
func (b *batch) changeKeys(c keyChange, grants []id.ID) error {
	t := termsOf(b.benefits[c.benefit], c.bought, c.at)
	status := `CASE WHEN status <> 'revoked' THEN status WHEN was_disabled THEN 'disabled' ELSE 'granted' END, was_disabled = FALSE`
	if c.anew {
		status = `status`
	}
	for ids := range slices.Chunk(grants, piece) {
		w := db.Where("organization_id = ?", b.org).In("grant_id", ids)
		args := append([]any{c.at, t.limitActivations, t.limitUsage, t.expiresAt}, w.Args()...)
		_, err := db.Exec(b.ctx, b.tx, `UPDATE license_keys SET modified_at = ?, status = `+status+`, limit_activations = ?, limit_usage = ?, expires_at = ?,
			member_id = COALESCE(member_id, (SELECT g.member_id FROM benefit_grants g
				WHERE g.organization_id = license_keys.organization_id AND g.id = license_keys.grant_id))`+w.SQL(), args...)
		if err != nil {
			return fmt.Errorf("change license keys: %w", err)
		}
	}
	return nil
}

func insertKeys(ctx context.Context, tx *db.Tx, keys []*Key) error {
	var args []any
	for _, k := range keys {
		args = append(args, k.ID, k.OrganizationID, k.CreatedAt, k.ModifiedAt, k.CustomerID, k.MemberID, k.BenefitID, k.GrantID, k.Key,
			k.Status, k.LimitActivations, k.Usage, k.LimitUsage, k.Validations, k.LastValidatedAt, k.ExpiresAt)
	}
	if err := db.Insert(ctx, tx, db.Into{Table: "license_keys", Columns: keyColumns}, args); err != nil {
		return fmt.Errorf("insert license keys: %w", err)
	}
	return nil
}
