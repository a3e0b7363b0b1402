package organization

import "strings"

// Currency is a currency that prices can be shown in, as a lower-case ISO 4217
// code.
type Currency string

const currencies = `aed all amd aoa ars aud awg azn bam bbd bdt bif bmd bnd bob brl bsd bwp bzd cad cdf chf clp cny cop 
crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl htg huf idr ils 
inr isk jmd jpy kes kgs khr kmf krw kyd kzt lak lkr lrd lsl mad mdl mga mkd mnt mop mur mvr mwk mxn 
myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln pyg qar ron rsd rwf sar sbd scr sek sgd shp 
sos srd szl thb tjs top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xcg xof xpf yer zar 
zmw`

// Enum lists the currencies.
func (Currency) Enum() []string { return strings.Fields(currencies) }

// SchemaName is the name of the reference.
func (Currency) SchemaName() string { return "PresentmentCurrency" }

// TaxBehavior says whether prices include taxes.
type TaxBehavior string

// Enum lists the behaviours.
func (TaxBehavior) Enum() []string { return []string{"location", "inclusive", "exclusive"} }

// SchemaName is the name of the reference.
func (TaxBehavior) SchemaName() string { return "TaxBehaviorOption" }
