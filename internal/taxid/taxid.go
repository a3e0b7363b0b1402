// Package taxid recognises and normalises tax identification numbers: the
// tax ids that customers give us for their invoices. It knows which formats
// a country issues, how each is written, and the check digits that protect
// it against typing errors.
//
// It is not a registry: a number that passes here is well formed, which says
// nothing about whether an authority ever issued it. Nothing here goes over
// the network.
package taxid

import "slices"

// Format names a kind of tax id, such as "eu_vat".
type Format string

// formats holds every legal value in the order the public schema lists them.
// Several have no validator here and are therefore never produced; they stay
// in the list because clients may see them in the schema.
var formats = []Format{
	"ad_nrt", "ae_trn", "ar_cuit", "au_abn", "au_arn", "bg_uic", "bh_vat", "bo_tin",
	"br_cnpj", "br_cpf", "ca_bn", "ca_gst_hst", "ca_pst_bc", "ca_pst_mb", "ca_pst_sk", "ca_qst",
	"ch_uid", "ch_vat", "cl_tin", "cn_tin", "co_nit", "cr_tin", "de_stn", "do_rcn",
	"ec_ruc", "eg_tin", "es_cif", "eu_oss_vat", "eu_vat", "gb_vat", "ge_vat", "hk_br",
	"hr_oib", "hu_tin", "id_npwp", "il_vat", "in_gst", "is_vat", "jp_cn", "jp_rn",
	"jp_trn", "ke_pin", "kr_brn", "kz_bin", "li_uid", "mk_vat", "mx_rfc", "my_frp",
	"my_itn", "my_sst", "ng_tin", "no_vat", "no_voec", "nz_gst", "om_vat", "pe_ruc",
	"ph_tin", "ro_tin", "rs_pib", "ru_inn", "ru_kpp", "sa_vat", "sg_gst", "sg_uen",
	"si_tin", "sv_nit", "th_vat", "tr_tin", "tw_vat", "ua_vat", "us_ein", "uy_ruc",
	"ve_rif", "vn_tin", "za_vat", "mu_tan",
}

// countries lists, for each country that has any, the formats to try and the
// order to try them in. The first that accepts a value wins.
var countries = map[string][]Format{
	"AD": {"ad_nrt"},
	"AE": {"ae_trn"},
	"AR": {"ar_cuit"},
	"AT": {"eu_vat"},
	"AU": {"au_abn", "au_arn"},
	"BE": {"eu_vat"},
	"BG": {"eu_vat"},
	"BH": {"bh_vat"},
	"BO": {"bo_tin"},
	"BR": {"br_cnpj", "br_cpf"},
	"CA": {"ca_gst_hst", "ca_pst_bc", "ca_pst_mb", "ca_pst_sk", "ca_qst", "ca_bn"},
	"CH": {"ch_uid", "ch_vat"},
	"CL": {"cl_tin"},
	"CN": {"cn_tin"},
	"CO": {"co_nit"},
	"CR": {"cr_tin"},
	"CY": {"eu_vat"},
	"CZ": {"eu_vat"},
	"DE": {"eu_vat"},
	"DK": {"eu_vat"},
	"DO": {"do_rcn"},
	"EC": {"ec_ruc"},
	"EE": {"eu_vat"},
	"EG": {"eg_tin"},
	"ES": {"eu_vat"},
	"FI": {"eu_vat"},
	"FR": {"eu_vat"},
	"GB": {"gb_vat"},
	"GE": {"ge_vat"},
	"GR": {"eu_vat"},
	"HK": {"hk_br"},
	"HR": {"eu_vat"},
	"HU": {"eu_vat"},
	"ID": {"id_npwp"},
	"IE": {"eu_vat"},
	"IL": {"il_vat"},
	"IN": {"in_gst"},
	"IS": {"is_vat"},
	"IT": {"eu_vat"},
	"JP": {"jp_cn", "jp_rn", "jp_trn"},
	"KE": {"ke_pin"},
	"KR": {"kr_brn"},
	"KZ": {"kz_bin"},
	"LI": {"li_uid"},
	"LT": {"eu_vat"},
	"LU": {"eu_vat"},
	"LV": {"eu_vat"},
	"MK": {"mk_vat"},
	"MT": {"eu_vat"},
	"MU": {"mu_tan"},
	"MX": {"mx_rfc"},
	"MY": {"my_frp", "my_itn", "my_sst"},
	"NG": {"ng_tin"},
	"NL": {"eu_vat"},
	"NO": {"no_vat", "no_voec"},
	"NZ": {"nz_gst"},
	"OM": {"om_vat"},
	"PE": {"pe_ruc"},
	"PH": {"ph_tin"},
	"PL": {"eu_vat"},
	"PT": {"eu_vat"},
	"RO": {"eu_vat"},
	"RS": {"rs_pib"},
	"RU": {"ru_inn", "ru_kpp"},
	"SA": {"sa_vat"},
	"SE": {"eu_vat"},
	"SG": {"sg_gst", "sg_uen"},
	"SI": {"eu_vat"},
	"SK": {"eu_vat"},
	"SV": {"sv_nit"},
	"TH": {"th_vat"},
	"TR": {"tr_tin"},
	"TW": {"tw_vat"},
	"UA": {"ua_vat"},
	"US": {"us_ein"},
	"UY": {"uy_ruc"},
	"VE": {"ve_rif"},
	"VN": {"vn_tin"},
	"ZA": {"za_vat"},
}

// Formats returns every legal format in the order of the public schema. The
// slice is the caller's to keep.
func Formats() []Format {
	return slices.Clone(formats)
}

// Validate reports whether value is a well formed tax id of the country, an
// ISO 3166 alpha-2 code in upper case. On success it returns the value as it
// should be stored, without the separators people type, and the format that
// accepted it. Validating a normalised value again gives the same answer.
//
// A European VAT number is judged by its own prefix, which may be that of
// another member state than country.
func Validate(country, value string) (normalised string, f Format, ok bool) {
	folded, ok := fold(value)
	if !ok {
		return "", "", false
	}
	for _, f := range countries[country] {
		validate, known := validators[f]
		if !known {
			continue
		}
		if normalised, ok := validate(folded); ok {
			return normalised, f, true
		}
	}
	return "", "", false
}
