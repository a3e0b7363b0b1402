package benefit

import (
	"floe/internal/api"
	"floe/internal/db"
)

// Service is the operations on benefits and what they need.
type Service struct {
	DB       *db.DB
	Grants   Grants
	Products Products
	Meters   Exists // what a credit may be for
	Files    Exists // what may be downloaded
}

// Operations are the operations on benefits.
func (s *Service) Operations() []*api.Operation {
	return []*api.Operation{}
}
