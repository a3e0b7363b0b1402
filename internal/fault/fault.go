// Package fault is the whole list of errors that a caller of the API may see.
//
// A Fault keeps the caller's message and the operator's cause apart: Detail is
// sent, Cause is only logged. Anything that is not a Fault (and not a
// schema.Problems) reaches the caller as a 500 without detail.
package fault

import (
	"errors"
	"fmt"
	"net/http"
)

// Kind fixes the status and the value of the "error" key of a class of faults.
type Kind struct {
	Status int
	Name   string
	Detail string // what is said when nothing more exact is
}

// The kinds. Names and texts are those of the API that Floe is compatible with.
var (
	BadRequest        = Kind{http.StatusBadRequest, "BadRequest", "Bad request"}
	Unauthorized      = Kind{http.StatusUnauthorized, "Unauthorized", "Unauthorized"}
	NotPermitted      = Kind{http.StatusForbidden, "NotPermitted", "Not permitted"}
	NotFound          = Kind{http.StatusNotFound, "ResourceNotFound", "Not found"}
	AlreadyExists     = Kind{http.StatusConflict, "ResourceAlreadyExists", "Already exists"}
	Gone              = Kind{http.StatusGone, "ResourceUnavailable", "Unavailable"}
	LengthRequired    = Kind{http.StatusLengthRequired, "LengthRequired", "A Content-Length header is required."}
	BodyTooLarge      = Kind{http.StatusRequestEntityTooLarge, "RequestBodyTooLarge", "Request body exceeded the maximum allowed size."}
	BodyEncoded       = Kind{http.StatusUnsupportedMediaType, "UnsupportedContentEncoding", "Request bodies must not be compressed."}
	RequestTimeout    = Kind{http.StatusRequestTimeout, "RequestTimeout", "The request body did not arrive in time."}
	Internal          = Kind{http.StatusInternalServerError, "InternalServerError", "Internal Server Error"}
	Unavailable       = Kind{http.StatusServiceUnavailable, "ServiceUnavailable", "The database can't be reached or written right now. Try again."}
	AmbiguousExternal = Kind{http.StatusConflict, "AmbiguousExternalCustomerID", "Several customers across your organizations share this external customer ID. Use an organization-scoped token, the Polar customer ID, or a unique external ID to disambiguate."}

	InvalidRequestedOrganization = Kind{http.StatusBadRequest, "InvalidRequestedOrganization",
		"The Polar-Organization header must be an organization ID."}
	RequestedOrganizationNotAccessible = Kind{http.StatusForbidden, "RequestedOrganizationNotAccessible",
		"The organization in the Polar-Organization header is not accessible with this credential."}
	CannotCreateOrganization = Kind{http.StatusForbidden, "CannotCreateOrganizationError",
		"You cannot create an organization from a session restricted to a specific organization."}
	SSOEnforcementRequiresConnection = Kind{http.StatusConflict, "SSOEnforcementRequiresConnection",
		"Single sign-on cannot be enforced without a connection."}
	DisputeAutoAcceptNotEnabled = Kind{http.StatusForbidden, "DisputeAutoAcceptNotEnabled",
		"Dispute auto-accept is not enabled for this organization."}
)

// Fault is one error of a Kind.
type Fault struct {
	Kind   Kind
	Detail string
	Cause  error // for the log; never sent
}

// New makes a fault; without a detail the kind's own text is used.
func (k Kind) New(detail ...string) *Fault {
	f := &Fault{Kind: k, Detail: k.Detail}
	if len(detail) > 0 {
		f.Detail = detail[0]
	}
	return f
}

// Because makes a fault that remembers its cause for the log.
func (k Kind) Because(cause error) *Fault { return &Fault{Kind: k, Detail: k.Detail, Cause: cause} }

func (f *Fault) Error() string {
	if f.Cause != nil {
		return fmt.Sprintf("%s: %s: %v", f.Kind.Name, f.Detail, f.Cause)
	}
	return f.Kind.Name + ": " + f.Detail
}

func (f *Fault) Unwrap() error { return f.Cause }

// Is makes errors.Is(err, fault.NotFound.New()) true for any fault of a kind.
func (f *Fault) Is(target error) bool {
	var t *Fault
	return errors.As(target, &t) && t.Kind.Name == f.Kind.Name
}

// Of returns the fault in err's chain, or nil.
func Of(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Products.
var (
	InvalidQuantity     = Kind{http.StatusBadRequest, "InvalidQuantityError", "No tier covers the quantity"}
	ProductNotDeletable = Kind{http.StatusConflict, "ProductNotDeletable", "The product has been used, so it can be archived but not deleted."}
)

// Orders.
var (
	OffSessionChargesNotEnabled  = Kind{http.StatusForbidden, "OffSessionChargesNotEnabled", "Off-session charges are not enabled for this organization."}
	OrderNotDraft                = Kind{http.StatusPreconditionFailed, "OrderNotDraft", "The order is not a draft."}
	OrderNotPending              = Kind{http.StatusInternalServerError, "OrderNotPending", "The order is not pending."}
	OrderNotAwaitingPayment      = Kind{http.StatusConflict, "OrderNotAwaitingPayment", "The order is not awaiting a payment."}
	PaymentReferenceTaken        = Kind{http.StatusConflict, "PaymentReferenceTaken", "Another payment of this order has the reference."}
	PaymentFailed                = Kind{http.StatusPaymentRequired, "PaymentFailed", "Payment failed with reason: missing_payment_method."}
	PaymentActionRequired        = Kind{http.StatusPaymentRequired, "PaymentActionRequired", "The payment needs the customer."}
	PaymentAlreadyInProgress     = Kind{http.StatusConflict, "PaymentAlreadyInProgress", "A payment is in progress."}
	OrderNotEligibleForInvoice   = Kind{http.StatusConflict, "OrderNotEligibleForInvoice", "The order can have no invoice."}
	MissingInvoiceBillingDetails = Kind{http.StatusUnprocessableEntity, "MissingInvoiceBillingDetails", "Billing name and address are required to generate an invoice for this order."}
	InvoiceDoesNotExist          = Kind{http.StatusNotFound, "InvoiceDoesNotExist", "The order has no invoice."}
	ReceiptNotAllocated          = Kind{http.StatusNotFound, "ReceiptNotAllocated", "The order has no receipt."}
	DocumentLinkInvalid          = Kind{http.StatusForbidden, "DocumentLinkInvalid", "The link is not valid, or no longer. Ask for a new one."}
	RefundsBlocked               = Kind{http.StatusForbidden, "RefundsBlocked", "Refunds are blocked for the order."}
	RefundedAlready              = Kind{http.StatusForbidden, "RefundedAlready", "Order is already fully refunded."}
	RefundDisputedPayment        = Kind{http.StatusForbidden, "RefundDisputedPayment", "Refund cannot be issued for order with disputed payment."}
	RefundPendingCreation        = Kind{http.StatusConflict, "RefundPendingCreation", "A refund of the order is in progress."}
	RefundUnknownPayment         = Kind{http.StatusNotFound, "RefundUnknownPayment", "Refund issued for unknown order."}
	RevokeSubscriptionBenefits   = Kind{http.StatusBadRequest, "RevokeSubscriptionBenefitsProhibited", "Subscription benefits can only be revoked upon cancellation"}
)

// Subscriptions.
var (
	AlreadyCanceledSubscription = Kind{http.StatusForbidden, "AlreadyCanceledSubscription", "This subscription is already canceled or will be at the end of the period."}
	InactiveSubscription        = Kind{http.StatusForbidden, "InactiveSubscription", "The subscription is not active."}
	NotBillableSubscription     = Kind{http.StatusForbidden, "NotBillableSubscription", "The subscription is not billable."}
	NotASeatBasedSubscription   = Kind{http.StatusBadRequest, "NotASeatBasedSubscription", "This subscription does not support seat-based pricing."}
	BelowMinimumSeats           = Kind{http.StatusBadRequest, "BelowMinimumSeats", "More seats required."}
	AboveMaximumSeats           = Kind{http.StatusBadRequest, "AboveMaximumSeats", "Fewer seats allowed."}
	SeatsAlreadyAssigned        = Kind{http.StatusBadRequest, "SeatsAlreadyAssigned", "More seats are assigned."}
	NotAUnitBasedSubscription   = Kind{http.StatusBadRequest, "NotAUnitBasedSubscription", "This subscription does not support unit-based pricing."}
	BelowMinimumUnits           = Kind{http.StatusBadRequest, "BelowMinimumUnits", "More units required."}
	AboveMaximumUnits           = Kind{http.StatusBadRequest, "AboveMaximumUnits", "Fewer units allowed."}
	CannotPauseSubscription     = Kind{http.StatusConflict, "CannotPauseSubscription", "This subscription cannot be paused."}
	NoScheduledPause            = Kind{http.StatusConflict, "NoScheduledPause", "This subscription is not scheduled to be paused."}
	NotPausedSubscription       = Kind{http.StatusConflict, "NotPausedSubscription", "This subscription is not paused."}
	SubscriptionLocked          = Kind{http.StatusConflict, "SubscriptionLocked", "This subscription is pending an update."}
)

// TooManyListeners is for those who would listen beside too many others.
var TooManyListeners = Kind{http.StatusConflict, "TooManyListeners", "Ten others listen to the events of the organization already."}

// Test clocks.
var TestClockExists = Kind{http.StatusConflict, "TestClockExists", "The organization has a test clock already."}

// License keys.
var (
	RotateNotPermitted = Kind{http.StatusBadRequest, "RotateNotPermitted", "License key cannot be rotated in its current status."}
)
