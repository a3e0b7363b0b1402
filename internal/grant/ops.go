package grant

import (
	"net/http"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/fault"
)

// Operations are the operations on grants and license keys.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.BenefitsRead, auth.BenefitsWrite
	return append([]*api.Operation{
		api.Get("/v1/benefits/{id}/grants", s.ofBenefit).Scopes(read, write).Named("benefits:grants", "List Benefit Grants").
			About("List who has, had or should have a benefit, newest first.").Fails(fault.NotFound, "Benefit not found."),
		api.Get("/v1/benefit-grants/", s.list).Scopes(read, write).Named("benefit-grants:list", "List Benefit Grants").
			About("List the grants of all benefits, those of deleted benefits and customers included."),
	}, s.keyOperations()...)
}

const (
	keyNotFound    = "License key not found."
	aboutDisabled  = "License key activation not supported or limit reached. Use validate for keys without activations."
	aboutNoAccess  = "Not authorized to manage license keys."
	aboutAnonymous = "\n\nAnyone may call this, without a token: it is for the program that the key is for. " +
		"The operator may limit how often one address may; whoever asks too often gets a 429 with Retry-After."
)

func (s *Service) keyOperations() []*api.Operation {
	read, write := auth.LicenseKeysRead, auth.LicenseKeysWrite
	const keys, portal = "/v1/license-keys/", "/v1/customer-portal/license-keys/"
	return []*api.Operation{
		api.Get(keys, s.listKeys).Scopes(read, write).Named("license_keys:list", "List License Keys").
			Fails(fault.Unauthorized, aboutNoAccess).Fails(fault.NotFound, keyNotFound),
		api.Get(keys+"{id}", s.getKey).Scopes(read, write).Named("license_keys:get", "Get License Key").
			Fails(fault.Unauthorized, aboutNoAccess).Fails(fault.NotFound, keyNotFound),
		api.Patch(keys+"{id}", s.updateKey).Scopes(write).Named("license_keys:update", "Update License Key").
			About("Update a license key.\n\nA new status is also that of the grant which the key belongs to: it is revoked, or granted again.").
			Fails(fault.Unauthorized, aboutNoAccess).Fails(fault.NotFound, keyNotFound),
		api.Get(keys+"{id}/activations/{activation_id}", s.getActivation).Scopes(read, write).
			Named("license_keys:get_activation", "Get Activation").
			Fails(fault.Unauthorized, aboutNoAccess).Fails(fault.NotFound, keyNotFound),
		answering(http.StatusOK, api.Post(keys+"{id}/rotate", s.rotateKey)).Scopes(write).Named("license_keys:rotate", "Rotate License Key").
			About("Replace the text of a key by a new one. The old one stops working at once; everything else stays.").
			Fails(fault.RotateNotPermitted, "The key is revoked.").
			Fails(fault.Unauthorized, aboutNoAccess).Fails(fault.NotFound, keyNotFound),
		answering(http.StatusOK, api.Post(keys+"validate", s.validate)).Scopes(write).Named("license_keys:validate", "Validate License Key").
			Fails(fault.NotFound, keyNotFound),
		answering(http.StatusOK, api.Post(keys+"activate", s.activate)).Scopes(write).Named("license_keys:activate", "Activate License Key").
			Fails(fault.NotPermitted, aboutDisabled).Fails(fault.NotFound, keyNotFound),
		answering(http.StatusNoContent, api.Post(keys+"deactivate", s.deactivate)).Scopes(write).
			Named("license_keys:deactivate", "Deactivate License Key").Fails(fault.NotFound, keyNotFound),

		answering(http.StatusOK, api.Post(portal+"validate", s.validateAnyone)).Public().Limited().
			Named("customer_portal:license_keys:validate", "Validate License Key").About("Validate a license key."+aboutAnonymous).
			Fails(fault.NotFound, keyNotFound),
		answering(http.StatusOK, api.Post(portal+"activate", s.activateAnyone)).Public().Limited().
			Named("customer_portal:license_keys:activate", "Activate License Key").About("Activate a license key on a device."+aboutAnonymous).
			Fails(fault.NotPermitted, aboutDisabled).Fails(fault.NotFound, keyNotFound),
		answering(http.StatusNoContent, api.Post(portal+"deactivate", s.deactivateAnyone)).Public().Limited().
			Named("customer_portal:license_keys:deactivate", "Deactivate License Key").About("End an activation of a license key."+aboutAnonymous).
			Fails(fault.NotFound, keyNotFound),
	}
}

// answering is an operation that answers with another status than others of
// its method.
func answering(status int, o *api.Operation) *api.Operation {
	o.Status = status
	return o
}
