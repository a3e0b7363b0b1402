package customer

import "floe/internal/id"

// LegacyUser is a customer as the API showed buyers before it had customers. It
// still stands beside the customer in answers, for clients of that time; the API
// document does not tell of it.
type LegacyUser struct {
	ID         id.ID   `json:"id"`
	Email      *string `json:"email"`
	PublicName string  `json:"public_name"` // a letter
	AvatarURL  *string `json:"avatar_url"`
}

// LegacyUser is the customer in that form.
func (c *Customer) LegacyUser() LegacyUser {
	return LegacyUser{ID: c.ID, Email: c.Email, PublicName: firstLetter(c.Name, c.Email), AvatarURL: c.AvatarURL}
}

// firstLetter is the first letter of the first text that has one.
func firstLetter(texts ...*string) string {
	for _, text := range texts {
		if text != nil {
			for _, letter := range *text {
				return string(letter)
			}
		}
	}
	return "?"
}
