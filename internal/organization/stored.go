package organization

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"sync/atomic"

	"floe/internal/schema"
)

// Settings are columns of JSON. A row that was written before a key existed
// reads as if it had the key's default.

var (
	featuresPlan      = schema.PlanOf(reflect.TypeFor[FeatureSettings](), "")
	subscriptionsPlan = schema.PlanOf(reflect.TypeFor[SubscriptionSettings](), "")
	emailsPlan        = schema.PlanOf(reflect.TypeFor[CustomerEmailSettings](), "")
	portalPlan        = schema.PlanOf(reflect.TypeFor[CustomerPortalSettings](), "")
	socialsPlan       = schema.PlanOf(reflect.TypeFor[[]SocialLink](), "")
	hostsPlan         = schema.PlanOf(reflect.TypeFor[[]string](), "")
)

// read decodes stored text over what dst holds.
func read[T any](src any, plan *schema.Plan, dst *T) (*schema.Node, error) {
	var text []byte
	switch v := src.(type) {
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		return nil, fmt.Errorf("%T in a field for JSON", src)
	}
	n, err := schema.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("stored settings: %w", err)
	}
	plan.Decode(n, schema.Root(&schema.Problems{}, ""), reflect.ValueOf(dst).Elem())
	return n, nil
}

func text(v any) (driver.Value, error) { return string(schema.JSON(v)), nil }

// Scan reads the stored form.
//
// Every new customer reads the features of its organization, nearly always the
// same text as the last time, so what that meant is remembered.
func (s *FeatureSettings) Scan(src any) error {
	stored, isText := src.(string)
	if bytes, ok := src.([]byte); ok && !isText {
		stored = string(bytes)
	}
	if last := lastFeatures.Load(); last != nil && stored != "" && last.text == stored {
		*s = last.features
		return nil
	}
	*s = FeatureSettings{}
	_, err := read(src, featuresPlan, s)
	if err == nil && stored != "" {
		lastFeatures.Store(&readFeatures{stored, *s})
	}
	return err
}

// readFeatures are features and the text they were read from. Who changes
// features replaces the list in them and does not write into it.
type readFeatures struct {
	text     string
	features FeatureSettings
}

var lastFeatures atomic.Pointer[readFeatures]

// Value is the stored form.
func (s FeatureSettings) Value() (driver.Value, error) { return text(&s) }

// Scan reads the stored form.
func (s *SubscriptionSettings) Scan(src any) error {
	*s = newSubscriptionSettings()
	_, err := read(src, subscriptionsPlan, s)
	return err
}

// Value is the stored form.
func (s SubscriptionSettings) Value() (driver.Value, error) { return text(&s) }

// Scan reads the stored form. The reminder about cards that expire came later;
// who wanted no mail about a renewal wants none about the card for it.
func (s *CustomerEmailSettings) Scan(src any) error {
	*s = newCustomerEmailSettings()
	n, err := read(src, emailsPlan, s)
	if err == nil && n.Get("payment_method_expiration_reminder") == nil {
		s.PaymentMethodExpirationReminder = s.SubscriptionCycled
	}
	return err
}

// Value is the stored form.
func (s CustomerEmailSettings) Value() (driver.Value, error) { return text(&s) }

// Scan reads the stored form.
func (s *CustomerPortalSettings) Scan(src any) error {
	*s = newCustomerPortalSettings()
	_, err := read(src, portalPlan, s)
	return err
}

// Value is the stored form.
func (s CustomerPortalSettings) Value() (driver.Value, error) { return text(&s) }

// Scan reads the stored form.
func (s *Socials) Scan(src any) error {
	var list []SocialLink
	_, err := read(src, socialsPlan, &list)
	*s = list
	return err
}

// Value is the stored form.
func (s Socials) Value() (driver.Value, error) { return text(s) }

// Scan reads the stored form.
func (h *Hosts) Scan(src any) error {
	var list []string
	_, err := read(src, hostsPlan, &list)
	*h = list
	return err
}

// Value is the stored form.
func (h Hosts) Value() (driver.Value, error) { return text(h) }
