package customer

import (
	"context"
	"encoding/json"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/schema"
	"floe/internal/taxid"
)

// Create is the body of a creation: an individual or a team.
type Create struct {
	Individual *CreateIndividual `variant:"individual"`
	Team       *CreateTeam       `variant:"team"`
}

// Union says how the two are told apart.
func (Create) Union() schema.Union {
	return schema.Union{Discriminator: "type", Default: "individual", Func: "_customer_create_type()"}
}

// SchemaName is the name of the reference.
func (Create) SchemaName() string { return "CustomerCreate" }

// CreateCommon is what both variants have.
type CreateCommon struct {
	Metadata       schema.MetadataInput `json:"metadata" factory:"{}"`
	ExternalID     *string              `json:"external_id" trim:"null" doc:"Your own ID of the customer, unique within the organization. It can be set once." example:"\"usr_1337\""`
	Name           *string              `json:"name" maxLength:"256" trim:"null" doc:"The name of the customer." example:"\"John Doe\""`
	BillingAddress *schema.AddressInput `json:"billing_address"`
	TaxID          *string              `json:"tax_id" trim:"null" doc:"A tax identifier; it is checked against the country of the billing address."`
	Locale         *schema.Locale       `json:"locale"`
	OrganizationID *id.ID               `json:"organization_id" doc:"The organization that will own the customer. Required unless you use an organization token."`
	Owner          *OwnerCreate         `json:"owner" doc:"The owner member to create with the customer. By default it has the customer's e-mail, name and external ID."`
}

// CreateIndividual is the body for a person.
type CreateIndividual struct {
	CreateCommon
	Type  Type         `json:"type" const:"individual" default:"\"individual\""`
	Email schema.Email `json:"email" doc:"The e-mail address, unique within the organization whatever its letter case." example:"\"customer@example.com\""`
}

// SchemaName is the name of the reference.
func (CreateIndividual) SchemaName() string { return "CustomerIndividualCreate" }

// CreateTeam is the body for a team.
type CreateTeam struct {
	CreateCommon
	Type  Type          `json:"type" const:"team"`
	Email *schema.Email `json:"email" doc:"The e-mail address; a team may have none of its own." example:"\"team@example.com\""`
}

// SchemaName is the name of the reference.
func (CreateTeam) SchemaName() string { return "CustomerTeamCreate" }

// CheckNode asks for an address that somebody can be reached at.
func (c *CreateTeam) CheckNode(n *schema.Node, at *schema.At) {
	if c.Email == nil && c.Owner == nil {
		at.ValueError("An owner with an email address is required when creating a team customer without an email.", n)
	}
}

// OwnerCreate is the owner member of a new customer.
type OwnerCreate struct {
	Email      schema.Email `json:"email" doc:"The e-mail address of the owner."`
	Name       *string      `json:"name" maxLength:"256" trim:"null"`
	ExternalID *string      `json:"external_id" trim:"null" doc:"Your own ID of the member."`
}

// SchemaName is the name of the reference.
func (OwnerCreate) SchemaName() string { return "MemberOwnerCreate" }

type createInput struct{ Body Create }

func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Customer, err error) {
	common, typ, email := in.Body.parts()
	org, err := organization.ForCreate(sub, common.OrganizationID, auth.CustomersManage)
	if err != nil {
		return out, err
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		out, err = s.add(ctx, tx, sub, newRow(tx, org, typ, email, common), common)
		return err
	})
	return out, err
}

func (c Create) parts() (CreateCommon, Type, *string) {
	if c.Team != nil {
		return c.Team.CreateCommon, Team, (*string)(c.Team.Email)
	}
	return c.Individual.CreateCommon, Individual, (*string)(&c.Individual.Email)
}

func newRow(tx *db.Tx, org id.ID, typ Type, email *string, in CreateCommon) Row {
	r := Row{
		ID: tx.NewID(tx.Now()), OrganizationID: org, CreatedAt: tx.Now(), Type: typ, Email: email, Name: in.Name,
		ExternalID: in.ExternalID, Locale: (*string)(in.Locale), Metadata: json.RawMessage(in.Metadata.Metadata()),
	}
	if in.BillingAddress != nil {
		r.BillingAddress = schema.JSON(in.BillingAddress.Address())
	}
	return r
}

// add stores a new customer with its owner and tells the journal.
func (s *Service) add(ctx context.Context, tx *db.Tx, sub auth.Subject, r Row, in CreateCommon) (out Customer, err error) {
	if in.TaxID != nil {
		if err := s.newTaxID(ctx, tx, &r, *in.TaxID); err != nil {
			return out, err
		}
	}
	g := []Given{{Row: r}}
	added, err := insertFree(ctx, tx, g)
	if err != nil {
		return out, err
	}
	g[0].Members = owner(&r, in.Owner, added.features())
	if err := insertRest(ctx, tx, g); err != nil {
		return out, err
	}
	return s.recordNew(tx, sub, &g[0], true), nil
}

// newTaxID checks a tax id after what the contract checks first: duplicates.
func (s *Service) newTaxID(ctx context.Context, tx *db.Tx, r *Row, value string) error {
	err := r.setTaxID(value)
	if err == nil {
		return nil
	}
	problems, other := taken(ctx, tx, r.OrganizationID, r.Email, r.ExternalID, r.ID)
	switch {
	case other != nil:
		return other
	case problems.Err() != nil:
		return problems
	}
	return err
}

// insertFree inserts a customer whose e-mail and external id are free, or says
// which of them is not. When both have become free since the insert ran into
// somebody, who was deleted at that moment, it tries again.
func insertFree(ctx context.Context, tx *db.Tx, g []Given) (added, error) {
	const attempts = 20
	r := &g[0].Row
	for range attempts {
		rows, err := insert(ctx, tx, g, " ON CONFLICT DO NOTHING")
		if err != nil || len(rows) > 0 {
			return rows[r.ID], err
		}
		problems, err := taken(ctx, tx, r.OrganizationID, r.Email, r.ExternalID, r.ID)
		switch {
		case err != nil:
			return added{}, err
		case problems.Err() != nil:
			return added{}, problems
		}
	}
	return added{}, fault.Unavailable.New("Another request took this e-mail address or external ID and gave it up at the same moment. Try again.")
}

// setTaxID checks a tax id against the row's country and stores its normal form.
func (r *Row) setTaxID(value string) error {
	country := r.country()
	if country == "" {
		return schema.Business("missing", "Country is required to validate tax ID.", nil, "body", "billing_address")
	}
	normal, format, ok := taxid.Validate(country, value)
	if !ok {
		return schema.Business("invalid", "Invalid tax ID.", schema.StringNode(strings.TrimSpace(value)), "body", "tax_id")
	}
	f := string(format)
	r.TaxID, r.TaxIDFormat = &normal, &f
	return nil
}
