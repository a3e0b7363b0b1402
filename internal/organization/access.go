package organization

import (
	"floe/internal/auth"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/schema"
)

// ForCreate says in which organization a caller creates something, from what
// the body names (nil when it names none), and that they may. An
// organization's token must not name it, not even rightly; a user's must,
// unless the credential is confined to one.
func ForCreate(sub auth.Subject, requested *id.ID, p auth.Permission) (id.ID, error) {
	org, err := target(sub, requested)
	if err != nil {
		return "", err
	}
	if sub.Kind != auth.System && !sub.May(org, p) {
		return "", fault.NotPermitted.New(p.Denied())
	}
	return org, nil
}

func target(sub auth.Subject, requested *id.ID) (id.ID, error) {
	only := len(sub.Memberships) == 1 && sub.Narrowed
	switch {
	case requested != nil && sub.Kind == auth.Organization:
		return "", problem("organization_token", "Setting organization_id is disallowed when using an organization token.", requested)
	case requested != nil && (sub.Kind == auth.System || sub.Reach(*requested)):
		return *requested, nil
	case requested != nil:
		return "", problem("value_error", "Organization not found.", requested)
	case only:
		return sub.Memberships[0].OrganizationID, nil
	}
	return "", problem("missing", "organization_id is required.", nil)
}

func problem(typ, msg string, named *id.ID) error {
	var input *schema.Node
	if named != nil {
		input = schema.StringNode(string(*named))
	}
	return schema.Business(typ, msg, input, "body", "organization_id")
}
