package order

import (
	"log/slog"

	"floe/internal/charge"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/grant"
	"floe/internal/payment"
)

// Service is the operations on orders and what they need.
type Service struct {
	DB            *db.DB
	Logger        *slog.Logger
	Customers     *customer.Service
	Grants        *grant.Service
	Subscriptions Subscriptions
	Refunds       Refunds
	// Payments knows the processor, which moves money or does not.
	Payments *payment.Service
	// Charges asks it.
	Charges *charge.Service
	// Tax reckons taxes; nil reckons none.
	Tax Tax
}
