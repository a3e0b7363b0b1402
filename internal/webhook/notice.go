package webhook

import (
	"context"
	"fmt"

	"floe/internal/db"
	"floe/internal/mail"
	"floe/internal/organization"
)

// notify mails everybody of the organization that an endpoint was switched off.
func (s *Service) notify(ctx context.Context, tx *db.Tx, e *Endpoint, reason string) error {
	if s.Mail == nil || s.Mail.Sender == nil {
		return nil
	}
	o, err := organization.ByID(ctx, tx, e.OrganizationID)
	if err != nil {
		return err
	}
	people, err := organization.Addresses(ctx, tx, e.OrganizationID)
	if err != nil {
		return err
	}
	text := notice(e, o.Name, reason)
	for _, address := range people {
		m := mail.Message{To: address, Subject: "Webhook endpoint disabled for " + o.Name, Text: text}
		if err := s.Mail.Queue(ctx, tx, m); err != nil {
			return err
		}
	}
	return nil
}

// notice names the host alone: the address of a chat is a password, and not
// everybody who gets the mail may see those of the organization.
func notice(e *Endpoint, organization, reason string) string {
	why := "nothing that was sent there has arrived for too long"
	if reason == reasonGone {
		why = "it answered 410 Gone, which asks for no more"
	}
	return fmt.Sprintf(`A webhook endpoint of %s was switched off, because %s:

  %s
  endpoint %s

Nothing is lost. What happens from now on is kept, and so is what had not
arrived; it can be sent when the endpoint works again. Switch it on with

  PATCH /v1/webhooks/endpoints/%s   {"enabled": true}

and send what it has missed with

  POST /v1/webhooks/replays   {"endpoint_id": "%s", "missed": true}
`, organization, why, hostOf(e.URL), e.ID, e.ID, e.ID)
}
