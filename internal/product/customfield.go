package product

import (
	"reflect"
	"time"

	"floe/internal/id"
	"floe/internal/schema"
)

// AttachedFieldView is a custom field that is asked for at the checkout of a
// product. There are no custom fields yet, so there is none.
type AttachedFieldView struct {
	CustomFieldID id.ID       `json:"custom_field_id" doc:"The ID of the custom field."`
	CustomField   CustomField `json:"custom_field"`
	Order         int         `json:"order" doc:"The place of the field among those of the product."`
	Required      bool        `json:"required" doc:"Whether customers have to fill it in."`
}

// SchemaName is the name of the reference.
func (AttachedFieldView) SchemaName() string { return "AttachedCustomField" }

// AttachedFieldCreate attaches a custom field to a product.
type AttachedFieldCreate struct {
	CustomFieldID id.ID `json:"custom_field_id" doc:"The ID of the custom field to attach."`
	Required      bool  `json:"required" doc:"Whether customers have to fill it in."`
}

// SchemaName is the name of the reference.
func (AttachedFieldCreate) SchemaName() string { return "AttachedCustomFieldCreate" }

// CustomField is the shape of a custom field. Its operations come later.
type CustomField struct {
	CreatedAt      time.Time       `json:"created_at"`
	ModifiedAt     *time.Time      `json:"modified_at"`
	ID             id.ID           `json:"id" doc:"The ID of the custom field."`
	Metadata       schema.Metadata `json:"metadata"`
	Type           string          `json:"type" doc:"What can be filled in."`
	Slug           string          `json:"slug" doc:"The key under which what was filled in is stored."`
	Name           string          `json:"name" doc:"The name of the custom field."`
	OrganizationID id.ID           `json:"organization_id" doc:"The organization that owns the custom field."`
	Properties     struct{}        `json:"properties"`
}

// fieldForm is how any custom field is shown in a form.
type fieldForm struct {
	Label       string `json:"form_label,omitempty" minLength:"1"`
	HelpText    string `json:"form_help_text,omitempty" minLength:"1"`
	Placeholder string `json:"form_placeholder,omitempty" minLength:"1"`
}

type textProperties struct {
	fieldForm
	Textarea  bool  `json:"textarea,omitempty"`
	MinLength int64 `json:"min_length,omitempty" ge:"0" le:"2147483647"`
	MaxLength int64 `json:"max_length,omitempty" ge:"0" le:"2147483647"`
}

func (textProperties) SchemaName() string { return "CustomFieldTextProperties" }

type rangeProperties struct {
	fieldForm
	AtLeast int64 `json:"ge,omitempty" ge:"-2147483648" le:"2147483647"`
	AtMost  int64 `json:"le,omitempty" ge:"-2147483648" le:"2147483647"`
}

type numberProperties struct{ rangeProperties }

func (numberProperties) SchemaName() string { return "CustomFieldNumberProperties" }

type dateProperties struct{ rangeProperties }

func (dateProperties) SchemaName() string { return "CustomFieldDateProperties" }

type checkboxProperties struct{ fieldForm }

func (checkboxProperties) SchemaName() string { return "CustomFieldCheckboxProperties" }

type selectProperties struct {
	fieldForm
	Options []selectOption `json:"options" minItems:"1"`
}

func (selectProperties) SchemaName() string { return "CustomFieldSelectProperties" }

type selectOption struct {
	Value string `json:"value" minLength:"1"`
	Label string `json:"label" minLength:"1"`
}

func (selectOption) SchemaName() string { return "CustomFieldSelectOption" }

// DescribeSchema describes the union of the types.
func (CustomField) DescribeSchema(b *schema.Builder) *schema.Schema {
	u := &schema.Schema{Discriminator: &schema.Discriminator{PropertyName: "type", Mapping: map[string]string{}}}
	for _, v := range []struct {
		tag, name  string
		properties any
	}{
		{"text", "Text", textProperties{}}, {"number", "Number", numberProperties{}}, {"date", "Date", dateProperties{}},
		{"checkbox", "Checkbox", checkboxProperties{}}, {"select", "Select", selectProperties{}},
	} {
		s := b.Object(reflect.TypeFor[CustomField]())
		s.Properties.Set("type", &schema.Schema{Type: "string", Const: v.tag, Description: "What can be filled in."})
		s.Properties.Set("properties", b.Of(reflect.TypeOf(v.properties)))
		ref := b.Add("CustomField"+v.name, s)
		u.OneOf = append(u.OneOf, ref)
		u.Discriminator.Mapping[v.tag] = ref.Ref
	}
	return u
}
