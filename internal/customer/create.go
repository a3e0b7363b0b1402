package customer

import (
	"context"
	"encoding/json"
	"slices"
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
	c := &creation{sub: sub, organization: org, typ: typ, email: email, in: common}
	s.grouped.Do(s.group)
	if err := s.creations.Write(ctx, c); err != nil || !c.left {
		return c.out, err
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error { return s.addOne(ctx, tx, c) })
	return c.out, err
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

// creation is a customer that somebody wants to have.
type creation struct {
	sub          auth.Subject
	organization id.ID
	typ          Type
	email        *string
	in           CreateCommon

	out  Customer
	left bool // out of its group, because something is wrong with it
}

func (c *creation) row(tx *db.Tx) Row { return newRow(tx, c.organization, c.typ, c.email, c.in) }

// addAll stores new customers with their owners and tells the journal. Of
// several, those that something is wrong with are left out: what it is can be
// said when they are alone.
func (s *Service) addAll(ctx context.Context, tx *db.Tx, list []*creation) error {
	if len(list) == 1 {
		return s.addOne(ctx, tx, list[0])
	}
	given, of := make([]Given, 0, len(list)), make(map[id.ID]*creation, len(list))
	for _, c := range list {
		r := c.row(tx)
		if c.left = c.in.TaxID != nil && r.setTaxID(*c.in.TaxID) != nil; !c.left {
			given, of[r.ID] = append(given, Given{Row: r}), c
		}
	}
	added, err := insert(ctx, tx, given, " ON CONFLICT DO NOTHING")
	if err != nil {
		return err
	}
	given = slices.DeleteFunc(given, func(g Given) bool {
		_, ok := added[g.ID]
		of[g.ID].left = !ok
		return !ok
	})
	return s.addRest(ctx, tx, given, added, of)
}

// addOne is addAll for one customer, or says what is wrong with it.
func (s *Service) addOne(ctx context.Context, tx *db.Tx, c *creation) error {
	r := c.row(tx)
	c.left = false
	if c.in.TaxID != nil {
		if err := s.newTaxID(ctx, tx, &r, *c.in.TaxID); err != nil {
			return err
		}
	}
	given := []Given{{Row: r}}
	added, err := insertFree(ctx, tx, given)
	if err != nil {
		return err
	}
	return s.addRest(ctx, tx, given, added, map[id.ID]*creation{r.ID: c})
}

// addRest adds what belongs to new customers.
func (s *Service) addRest(ctx context.Context, tx *db.Tx, given []Given, added map[id.ID]added, of map[id.ID]*creation) error {
	for i := range given {
		g := &given[i]
		g.Members = owner(&g.Row, of[g.ID].in.Owner, added[g.ID].features())
	}
	if err := insertRest(ctx, tx, given); err != nil {
		return err
	}
	for i := range given {
		c := of[given[i].ID]
		c.out = s.recordNew(tx, c.sub, &given[i], true)
	}
	return nil
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
func insertFree(ctx context.Context, tx *db.Tx, g []Given) (map[id.ID]added, error) {
	const attempts = 20
	r := &g[0].Row
	for range attempts {
		rows, err := insert(ctx, tx, g, " ON CONFLICT DO NOTHING")
		if err != nil || len(rows) > 0 {
			return rows, err
		}
		problems, err := taken(ctx, tx, r.OrganizationID, r.Email, r.ExternalID, r.ID)
		switch {
		case err != nil:
			return nil, err
		case problems.Err() != nil:
			return nil, problems
		}
	}
	return nil, fault.Unavailable.New("Another request took this e-mail address or external ID and gave it up at the same moment. Try again.")
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
