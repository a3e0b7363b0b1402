package organization

import "floe/internal/money"

// Currency is a currency that prices can be shown in, as a lower-case ISO 4217
// code.
type Currency string

// Enum lists the currencies.
func (Currency) Enum() []string { return money.Currencies() }

// SchemaName is the name of the reference.
func (Currency) SchemaName() string { return "PresentmentCurrency" }

// TaxBehavior says whether prices include taxes.
type TaxBehavior string

// Enum lists the behaviours.
func (TaxBehavior) Enum() []string { return []string{"location", "inclusive", "exclusive"} }

// SchemaName is the name of the reference.
func (TaxBehavior) SchemaName() string { return "TaxBehaviorOption" }
