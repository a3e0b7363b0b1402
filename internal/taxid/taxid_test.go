package taxid

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFormatsMatchTheTables(t *testing.T) {
	t.Parallel()

	all := Formats()
	if len(all) != 76 {
		t.Errorf("there are %d formats, want 76", len(all))
	}
	if len(countries) != 79 {
		t.Errorf("there are %d countries, want 79", len(countries))
	}
	sorted := slices.Sorted(slices.Values(all))
	if unique := slices.Compact(slices.Clone(sorted)); len(unique) != len(all) {
		t.Error("a format is listed twice")
	}
	for country, list := range countries {
		for _, f := range list {
			if !slices.Contains(all, f) {
				t.Errorf("%s lists %q, which is no format", country, f)
			}
		}
	}
	for f := range validators {
		if !slices.Contains(all, f) {
			t.Errorf("there is a validator for %q, which is no format", f)
		}
	}
}

func TestFormatsIsACopy(t *testing.T) {
	t.Parallel()

	Formats()[0] = "changed"
	if got := Formats()[0]; got != "ad_nrt" {
		t.Errorf("Formats()[0] = %q after a caller changed its copy", got)
	}
}

func TestCountriesWithoutValidatorsRejectEverything(t *testing.T) {
	t.Parallel()

	for _, country := range strings.Fields("BH BO CN DO EG KZ LI MY NG NZ OM PH SA UA ZA") {
		for _, value := range []string{"4000000000", "123456789", "123456789012345", "DE136695976"} {
			if got, f, ok := Validate(country, value); ok {
				t.Errorf("Validate(%s, %s) = %q, %s", country, value, got, f)
			}
		}
	}
}

// valid lists one example or more for each format, and what becomes of it.
var valid = []struct {
	country, value, want string
	format               Format
}{
	{"AD", "U-132950-X", "U132950X", "ad_nrt"},
	{"AD", "f699999z", "F699999Z", "ad_nrt"},
	{"AE", "104-479-084-600-003", "104479084600003", "ae_trn"},
	{"AR", "20-05536168-2", "20055361682", "ar_cuit"},
	{"AU", "83 914 571 673", "83914571673", "au_abn"},
	{"BR", "11.222.333/0001-81", "11222333000181", "br_cnpj"},
	{"BR", "12.ABC.345/01DE-35", "12ABC34501DE35", "br_cnpj"},
	{"BR", "12.abc.345/01de-35", "12ABC34501DE35", "br_cnpj"},
	{"BR", "16.727.230/0001-97", "16727230000197", "br_cnpj"},
	{"BR", "390.533.447-05", "39053344705", "br_cpf"},
	{"CA", "234567899 RT0001", "234567899RT0001", "ca_gst_hst"},
	{"CA", "12302 6635 RC 0001", "123026635RC0001", "ca_gst_hst"},
	{"CA", "234567899", "234567899", "ca_bn"},
	{"CH", "CHE-100.155.212", "CHE100155212", "ch_uid"},
	{"CH", "100.155.212", "CHE100155212", "ch_uid"},
	{"CH", "CHE107787577IVA", "CHE107787577IVA", "ch_vat"},
	{"CH", "CHE-107.787.577 IVA", "CHE107787577IVA", "ch_vat"},
	{"CL", "12.531.909-2", "125319092", "cl_tin"},
	{"CL", "CL 76086428-5", "760864285", "cl_tin"},
	{"CO", "213.123.432-1", "2131234321", "co_nit"},
	{"CR", "3-101-999999", "3101999999", "cr_tin"},
	{"CR", "4 000 042138", "4000042138", "cr_tin"},
	{"EC", "1792060346-001", "1792060346001", "ec_ruc"},
	{"EC", "1793213150001", "1793213150001", "ec_ruc"},
	{"GB", "GB980780684", "980780684", "gb_vat"},
	{"GB", "gb 980 7806 84", "980780684", "gb_vat"},
	{"GB", "GB 980 7806 84 001", "980780684001", "gb_vat"},
	{"GB", "340804329", "340804329", "gb_vat"},
	{"GB", "HA599", "HA599", "gb_vat"},
	{"GB", "GD001", "GD001", "gb_vat"},
	{"GB", "GD888800101", "GD888800101", "gb_vat"},
	{"GE", "ge123456789", "123456789", "ge_vat"},
	{"GE", "01234567890", "01234567890", "ge_vat"},
	{"HK", "1234567(8)", "12345678", "hk_br"},
	{"HK", "12345678", "12345678", "hk_br"},
	{"ID", "01.312.166.0-091.000", "013121660091000", "id_npwp"},
	{"ID", "0013121660091000", "0013121660091000", "id_npwp"},
	{"ID", "3171011708450001", "3171011708450001", "id_npwp"},
	{"ID", "3171012902001234", "3171012902001234", "id_npwp"},
	{"ID", "3171015708450001", "3171015708450001", "id_npwp"},
	{"IL", "3933742-3", "039337423", "il_vat"},
	{"IN", "27AAPFU0939F1ZV", "27AAPFU0939F1ZV", "in_gst"},
	{"IS", "IS 00621", "00621", "is_vat"},
	{"JP", "5-8356-7825-6246", "5835678256246", "jp_cn"},
	{"KE", "P051365947M", "P051365947M", "ke_pin"},
	{"KR", "116-82-00276", "1168200276", "kr_brn"},
	{"MK", "MK4057009501106", "4057009501106", "mk_vat"},
	{"MK", "мк 4057009501106", "4057009501106", "mk_vat"},
	{"MU", "28392339", "28392339", "mu_tan"},
	{"MX", "MAB-930714-8T4", "MAB9307148T4", "mx_rfc"},
	{"MX", "GODE 561231 GR8", "GODE561231GR8", "mx_rfc"},
	{"MX", "COMG-600703", "COMG600703", "mx_rfc"},
	{"MX", "ñ&a 930714 8t4", "Ñ&A9307148T4", "mx_rfc"},
	{"NO", "NO 995 525 828 MVA", "995525828MVA", "no_vat"},
	{"PE", "20512333797", "20512333797", "pe_ruc"},
	{"RS", "101134702", "101134702", "rs_pib"},
	{"RU", "7707083893", "7707083893", "ru_inn"},
	{"RU", "123456789047", "123456789047", "ru_inn"},
	{"SG", "197401143C", "197401143C", "sg_uen"},
	{"SG", "00192200M", "00192200M", "sg_uen"},
	{"SG", "s16fc0121d", "S16FC0121D", "sg_uen"},
	{"SG", "T01FC6132D", "T01FC6132D", "sg_uen"},
	{"SV", "0614-050707-104-8", "06140507071048", "sv_nit"},
	{"SV", "SV 0614-050707-104-8", "06140507071048", "sv_nit"},
	{"TH", "0-99-4-000-61772-1", "0994000617721", "th_vat"},
	{"TR", "4540536920", "4540536920", "tr_tin"},
	{"TW", "6214-0097", "62140097", "tw_vat"},
	{"US", "91-1144442", "911144442", "us_ein"},
	{"US", "911144442", "911144442", "us_ein"},
	{"UY", "21-100342-001-7", "211003420017", "uy_ruc"},
	{"VE", "V-11470283-4", "V114702834", "ve_rif"},
	{"VN", "0314409058-002", "0314409058002", "vn_tin"},
	{"VN", "0314409058", "0314409058", "vn_tin"},

	{"AT", "ATU13585627", "ATU13585627", "eu_vat"},
	{"AT", "AT U 57194903", "ATU57194903", "eu_vat"},
	{"BE", "BE 428759497", "BE0428759497", "eu_vat"},
	{"BE", "BE(0)403019261", "BE0403019261", "eu_vat"},
	{"BG", "BG175074752", "BG175074752", "eu_vat"},
	{"BG", "BG 752316 926 3", "BG7523169263", "eu_vat"}, // EGN
	{"BG", "BG8032056031", "BG8032056031", "eu_vat"},    // EGN
	{"BG", "BG7542011030", "BG7542011030", "eu_vat"},    // EGN of 2075
	{"BG", "BG7111042925", "BG7111042925", "eu_vat"},    // PNF
	{"CY", "CY10259033P", "CY10259033P", "eu_vat"},
	{"CZ", "CZ25123891", "CZ25123891", "eu_vat"},
	{"CZ", "CZ7103192745", "CZ7103192745", "eu_vat"}, // birth number
	{"CZ", "CZ710319/2745", "CZ7103192745", "eu_vat"},
	{"CZ", "CZ991231123", "CZ991231123", "eu_vat"}, // birth number of 1899
	{"CZ", "CZ640903926", "CZ640903926", "eu_vat"},
	{"CZ", "CZ682127228", "CZ682127228", "eu_vat"},
	{"DE", "DE136695976", "DE136695976", "eu_vat"},
	{"DE", "de 136,695 976", "DE136695976", "eu_vat"},
	{"DK", "DK13585628", "DK13585628", "eu_vat"},
	{"EE", "EE100594102", "EE100594102", "eu_vat"},
	{"ES", "ESB64717838", "ESB64717838", "eu_vat"},
	{"ES", "ES54362315K", "ES54362315K", "eu_vat"}, // DNI
	{"ES", "ES X-5253868-R", "ESX5253868R", "eu_vat"},
	{"ES", "ESJ99216582", "ESJ99216582", "eu_vat"},
	{"ES", "ESM1234567L", "ESM1234567L", "eu_vat"},
	{"FI", "FI20774740", "FI20774740", "eu_vat"},
	{"FR", "FR61954506077", "FR61954506077", "eu_vat"},
	{"FR", "Fr 40 303 265 045", "FR40303265045", "eu_vat"},
	{"FR", "FRK7399859412", "FRK7399859412", "eu_vat"},
	{"FR", "FR4Z123456782", "FR4Z123456782", "eu_vat"},
	{"GR", "EL094259216", "EL094259216", "eu_vat"},
	{"GR", "GR094259216", "GR094259216", "eu_vat"},
	{"GR", "EL94259216", "EL094259216", "eu_vat"},
	{"HR", "HR33392005961", "HR33392005961", "eu_vat"},
	{"HU", "HU12892312", "HU12892312", "eu_vat"},
	{"IE", "IE6433435OA", "IE6433435OA", "eu_vat"},
	{"IE", "IE6433435F", "IE6433435F", "eu_vat"},
	{"IE", "IE8D79739I", "IE8D79739I", "eu_vat"},
	{"IT", "IT00743110157", "IT00743110157", "eu_vat"},
	{"LT", "LT119511515", "LT119511515", "eu_vat"},
	{"LT", "LT 100001919017", "LT100001919017", "eu_vat"},
	{"LT", "LT100004801610", "LT100004801610", "eu_vat"}, // second weighing
	{"LU", "LU15027442", "LU15027442", "eu_vat"},
	{"LV", "LV40003521600", "LV40003521600", "eu_vat"},
	{"LV", "LV161175-19997", "LV16117519997", "eu_vat"}, // personal code
	{"MT", "MT11679112", "MT11679112", "eu_vat"},
	{"NL", "NL4495445B01", "NL004495445B01", "eu_vat"},
	{"NL", "NL002455799B11", "NL002455799B11", "eu_vat"}, // ISO 7064
	{"PL", "PL8567346215", "PL8567346215", "eu_vat"},
	{"PT", "PT501964843", "PT501964843", "eu_vat"},
	{"RO", "RO18547290", "RO18547290", "eu_vat"},
	{"RO", "RO 185 472 90", "RO18547290", "eu_vat"},
	{"RO", "RO1630615123457", "RO1630615123457", "eu_vat"}, // CNP
	{"SE", "SE123456789701", "SE123456789701", "eu_vat"},
	{"SI", "SI50223054", "SI50223054", "eu_vat"},
	{"SK", "SK2022749619", "SK2022749619", "eu_vat"},
	{"SK", "SK7103192745", "SK7103192745", "eu_vat"}, // birth number

	// The prefix decides, not the country.
	{"FR", "DE114103379", "DE114103379", "eu_vat"},
	{"IE", "XI980780684", "XI980780684", "eu_vat"},
	{"IE", "XIGD001", "XIGD001", "eu_vat"},
	{"DE", "EU 372022452", "EU372022452", "eu_vat"},
	{"DE", "IM3720224529", "IM3720224529", "eu_vat"},
}

func TestValidateAccepts(t *testing.T) {
	t.Parallel()

	for _, tt := range valid {
		got, f, ok := Validate(tt.country, tt.value)
		if !ok || got != tt.want || f != tt.format {
			t.Errorf("Validate(%s, %q) = %q, %q, %v, want %q, %q", tt.country, tt.value, got, f, ok, tt.want, tt.format)
		}
		again, f, ok := Validate(tt.country, got)
		if !ok || again != got || f != tt.format {
			t.Errorf("Validate(%s, %q) = %q, %q, %v the second time", tt.country, got, again, f, ok)
		}
	}
}

func TestEveryValidatorHasAnExample(t *testing.T) {
	t.Parallel()

	seen := make(map[Format]bool)
	prefixes := make(map[string]bool)
	for _, tt := range valid {
		seen[tt.format] = true
		if tt.format == "eu_vat" {
			prefixes[tt.want[:2]] = true
		}
	}
	for f := range validators {
		if !seen[f] {
			t.Errorf("no example of %s", f)
		}
	}
	for prefix := range euRules {
		if !prefixes[prefix] {
			t.Errorf("no example of a number in %s", prefix)
		}
	}
}

func TestValidateRejects(t *testing.T) {
	t.Parallel()

	tests := []struct{ country, value string }{
		{"FR", "INVALID"},
		{"FR", "FR11111111111"},
		{"FR", "GB980780684"},
		{"FR", "61954506077"},
		{"US", "00-1234567"},
		{"US", "12 3456789"},
		{"CO", "2131234325"},
		{"EC", "1714307104001"},
		{"EC", "1793213150002"},
		{"EC", "2593213150001"},
		{"MK", "4030000375890"},
		{"GE", "1234567890"},
		{"MU", "88392339"},
		{"TW", "62140098"},
		{"CR", "1-1000-0001"},
		{"UY", "210303670014"},
		{"HK", "1234567"},
		{"IL", "516179150"},
		{"AE", "10447908460000A"},
		{"ZA", "4000000000"},

		{"", "DE136695976"},
		{"XX", "DE136695976"},
		{"de", "DE136695976"},
		{"DE", ""},
		{"DE", "DE"},
		{"DE", "D"},
		{"DE", "DE\t136695976"},
		{"DE", "DE" + strings.Repeat(" ", 64) + "136695976"},
		{"US", "911-14-4442"},
		{"US", "07-1144442"},
		{"US", "-911144442"},
		{"CA", "234567899rt0001"},
		{"CA", "234567899RX0001"},
		{"BR", "00000000000000"},
		{"BR", "00000000000"},
		{"BR", "16.727.230/0001=97"},
		{"AD", "F700000A"},
		{"AD", "A699999A"},
		{"AD", "L800000A"},
		{"AD", "B132950X"},
		{"CR", "3015999999"},
		{"CR", "2101999999"},
		{"EC", "1772060346001"},
		{"EC", "0092060346001"},
		{"EC", "5093213150001"},
		{"MX", "MAB-931314-8T4"},
		{"MX", "PUTO561231GR8"},
		{"MX", "GODE561231GR"},
		{"IN", "38AAPFU0939F1ZV"},
		{"IN", "27AAPFU0000F1ZV"},
		{"IN", "27AAPFU0939F1ZO"},
		{"KR", "100-82-00276"},
		{"KR", "116-00-00276"},
		{"KR", "116-82-00006"},
		{"ID", "9971011708450001"},
		{"ID", "3176011708450001"},
		{"ID", "3171013002001234"},
		{"GB", "802311781"},
		{"GB", "GD500"},
		{"GB", "HA499"},
		{"GB", "GD888800102"},
		{"NO", "995525828"},
		{"VN", "0314409058-000"},
		{"VN", "0300000000"},
		{"SG", "S16ZZ0121D"},
		{"SG", "F00056789H"},
		{"TH", "1994000617721"},

		{"BG", "BG175074751"},
		{"BG", "BG7552A10004"},
		{"CY", "CY10259033Z"},
		{"CY", "CY12259033P"},
		{"CZ", "CZ25123890"},
		{"CZ", "CZ95123891"},
		{"CZ", "CZ1103492745"},
		{"CZ", "CZ590312123"},
		{"CZ", "CZ7103192746"},
		{"DE", "DE036695976"},
		{"ES", "ESB64717839"},
		{"ES", "ESO1234567L"},
		{"ES", "ESJ992165831"},
		{"FR", "FR84323140391"},
		{"FR", "FRIO334175221"},
		{"IE", "IE6433435E"},
		{"IE", "IE8?79739J"},
		{"IE", "IE6433435OX"},
		{"IT", "IT00000000000"},
		{"LT", "LT100001919018"},
		{"LV", "LV40003521601"},
		{"LV", "LV16137519997"},
		{"NL", "NL123456789B90"},
		{"NL", "NL004495445B00"},
		{"NL", "NL004495445A01"},
		{"RO", "RO1632215123457"},
		{"RO", "RO1630615123458"},
		{"RO", "RO0800101221142"},
		{"SK", "SK2022749618"},
		{"DE", "EU 999022452"},
		{"DE", "EU3720224529"},
		{"DE", "IM372022452"},
	}
	for _, tt := range tests {
		if got, f, ok := Validate(tt.country, tt.value); ok || got != "" || f != "" {
			t.Errorf("Validate(%s, %q) = %q, %q, %v, want nothing", tt.country, tt.value, got, f, ok)
		}
	}
}

func TestLookalikesAreFolded(t *testing.T) {
	t.Parallel()

	tests := []struct{ country, value, want string }{
		{"US", "91\u20111144442", "911144442"},                                  // non-breaking hyphen
		{"US", "91\u20131144442", "911144442"},                                  // en dash
		{"US", "91\u22121144442", "911144442"},                                  // minus
		{"US", "\u300091-1144442\u00A0", "911144442"},                           // spaces at the ends
		{"GB", "GB\u00A0980\u20097806\u300084", "980780684"},                    // spaces within
		{"DE", "DE136\u00B7695\u2024976", "DE136695976"},                        // dots
		{"DE", "DE136\u2215695\uFF0C976", "DE136695976"},                        // slash, comma
		{"BE", "BE\uFF10\uFF14\uFF1287594\U0001D7D7\U0001D7FD", "BE0428759497"}, // digits
		{"DK", "DK13\uFF1A585628", "DK13585628"},                                // colon
	}
	for _, tt := range tests {
		if got, _, ok := Validate(tt.country, tt.value); !ok || got != tt.want {
			t.Errorf("Validate(%s, %q) = %q, %v, want %q", tt.country, tt.value, got, ok, tt.want)
		}
	}
	if got, _ := fold("O\u2019Neil \uFF0B \u2217"); got != "O'Neil + *" {
		t.Errorf("fold gives %q", got)
	}
}

// It changes the clock, so it does not run beside others.
func TestSingaporeanYearsAreNotInTheFuture(t *testing.T) {
	defer func() { now = time.Now }()

	for year, want := range map[int]bool{2000: false, 2001: true, 2016: true} {
		now = func() time.Time { return time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC) }
		if _, _, ok := Validate("SG", "T01FC6132D"); ok != want {
			t.Errorf("in %d T01FC6132D is %v, want %v", year, ok, want)
		}
	}
	now = func() time.Time { return time.Date(1973, 6, 1, 0, 0, 0, 0, time.UTC) }
	if _, _, ok := Validate("SG", "197401143C"); ok {
		t.Error("in 1973 a number of 1974 is accepted")
	}
}
