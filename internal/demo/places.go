package demo

// country is where customers live: how many of a thousand, what they speak,
// and its cities, each with its postal code after a slash (# is a digit and $
// a letter to choose) and, where it has one, its state.
type country struct {
	code    string
	weight  int
	people  *people
	locales string
	cities  string
}

var countries = []country{
	{"US", 230, english, "en-US", "New York/100##/NY,Brooklyn/112##/NY,San Francisco/941##/CA,Los Angeles/900##/CA,Chicago/606##/IL,Austin/787##/TX,Houston/770##/TX," +
		"Seattle/981##/WA,Boston/021##/MA,Denver/802##/CO,Portland/972##/OR,Miami/331##/FL,Atlanta/303##/GA,Nashville/372##/TN,Minneapolis/554##/MN," +
		"Washington/200##/DC,Honolulu/968##/HI,Phoenix/850##/AZ,Detroit/482##/MI,Salt Lake City/841##/UT"},
	{"CA", 45, english, "en-CA fr-CA", "Toronto/M5V #A#/ON,Ottawa/K1P #B#/ON,Vancouver/V6B #C#/BC,Calgary/T2P #J#/AB,Edmonton/T5J #N#/AB,Winnipeg/R3C #A#/MB," +
		"Halifax/B3J #K#/NS,Montréal/H2X #T#/QC,Québec/G1R #S#/QC,Saskatoon/S7K #H#/SK"},
	{"GB", 75, english, "en-GB", "London/E#W #$$,London/SW# #$$,Manchester/M# #$$,Birmingham/B# #$$,Leeds/LS# #$$,Bristol/BS# #$$,Edinburgh/EH# #$$,Glasgow/G# #$$,Cardiff/CF# #$$"},
	{"IE", 12, english, "en-IE", "Dublin/D0# X###,Cork/T12 $###,Galway/H91 $###"},
	{"AU", 35, english, "en-AU", "Sydney/20##/NSW,Melbourne/30##/VIC,Brisbane/40##/QLD,Perth/60##/WA,Adelaide/50##/SA,Hobart/70##/TAS"},
	{"NZ", 12, english, "en-NZ", "Auckland/10##,Wellington/60##,Christchurch/80##"},
	{"DE", 80, german, "de-DE de", "Berlin/10###,Hamburg/20###,München/80###,Köln/50###,Frankfurt am Main/60###,Stuttgart/70###,Düsseldorf/40###,Leipzig/04###,Nürnberg/90###"},
	{"AT", 14, german, "de-AT", "Wien/1##0,Graz/80##,Linz/40##,Salzburg/50##"},
	{"CH", 18, german, "de-CH fr-CH", "Zürich/80##,Bern/30##,Basel/40##,Luzern/60##"},
	{"FR", 55, french, "fr-FR fr", "Paris/750##,Lyon/6900#,Marseille/1300#,Toulouse/31###,Nantes/44###,Bordeaux/33###,Lille/59###,Strasbourg/67###"},
	{"BE", 12, dutch, "nl-BE fr-BE", "Bruxelles/10##,Antwerpen/20##,Gent/90##,Liège/40##"},
	{"NL", 25, dutch, "nl-NL nl", "Amsterdam/10## $$,Rotterdam/30## $$,Utrecht/35## $$,Den Haag/25## $$,Eindhoven/56## $$"},
	{"ES", 30, spanish, "es-ES es", "Madrid/280##,Barcelona/080##,Valencia/460##,Sevilla/410##,Bilbao/480##,Málaga/290##"},
	{"IT", 28, italian, "it-IT it", "Roma/001##/RM,Milano/201##/MI,Torino/101##/TO,Napoli/801##/NA,Bologna/401##/BO,Firenze/501##/FI"},
	{"PT", 10, portuguese, "pt-PT", "Lisboa/1###-###,Porto/4###-###,Coimbra/3###-###,Braga/47##-###"},
	{"BR", 35, portuguese, "pt-BR", "São Paulo/01###-###/SP,Rio de Janeiro/20###-###/RJ,Belo Horizonte/30###-###/MG,Curitiba/80###-###/PR,Recife/50###-###/PE,Porto Alegre/90###-###/RS"},
	{"MX", 18, spanish, "es-MX", "Ciudad de México/06###/CDMX,Guadalajara/44###/JAL,Monterrey/64###/NLE,Puebla/72###/PUE"},
	{"AR", 10, spanish, "es-AR", "Buenos Aires/C1###ABC,Córdoba/X5###ABC,Rosario/S2###ABC"},
	{"CO", 8, spanish, "es-CO", "Bogotá/11####,Medellín/05####,Cali/76####"},
	{"CL", 7, spanish, "es-CL", "Santiago/83#####,Valparaíso/23#####,Concepción/40#####"},
	{"PL", 16, polish, "pl-PL", "Warszawa/00-###,Kraków/30-###,Wrocław/50-###,Gdańsk/80-###,Poznań/60-###"},
	{"CZ", 9, czech, "cs-CZ", "Praha/1## 00,Brno/6## 00,Ostrava/7## 00"},
	{"HU", 6, hungarian, "hu-HU", "Budapest/1###,Debrecen/40##,Szeged/67##,Pécs/76##"},
	{"RO", 7, romanian, "ro-RO", "București/01####,Cluj-Napoca/40####,Timișoara/30####,Iași/70####"},
	{"GR", 6, greek, "el-GR", "Αθήνα/10# ##,Θεσσαλονίκη/54# ##,Πάτρα/26# ##"},
	{"UA", 8, ukrainian, "uk-UA", "Київ/01###,Львів/79###,Харків/61###,Одеса/65###"},
	{"SE", 16, nordic, "sv-SE", "Stockholm/11# ##,Göteborg/41# ##,Malmö/21# ##,Uppsala/75# ##"},
	{"DK", 10, nordic, "da-DK", "København/1###,Aarhus/8###,Odense/5###"},
	{"NO", 10, nordic, "nb-NO", "Oslo/0###,Bergen/5###,Trondheim/7###"},
	{"FI", 9, finnish, "fi-FI sv-FI", "Helsinki/00##0,Tampere/33##0,Turku/20##0,Oulu/90##0"},
	{"TR", 9, turkish, "tr-TR", "İstanbul/34###,Ankara/06###,İzmir/35###"},
	{"IL", 9, hebrew, "he-IL", "תל אביב/61#####,ירושלים/91#####,חיפה/31#####"},
	{"AE", 8, arabic, "ar-AE en-AE", "دبي,أبو ظبي,الشارقة"},
	{"SA", 6, arabic, "ar-SA", "الرياض/11###,جدة/21###,الدمام/31###"},
	{"EG", 5, arabic, "ar-EG", "القاهرة/11###,الإسكندرية/21###,الجيزة/12###"},
	{"IN", 50, indian, "en-IN hi-IN", "Bengaluru/5600##/KA,Mumbai/4000##/MH,Delhi/1100##/DL,Chennai/6000##/TN,Hyderabad/5000##/TG,Kolkata/7000##/WB,Pune/4110##/MH"},
	{"JP", 35, japanese, "ja-JP ja", "東京都新宿区/160-00##,大阪市北区/530-00##,名古屋市中区/460-00##,福岡市博多区/812-00##,札幌市中央区/060-00##,京都市中京区/604-80##"},
	{"KR", 18, korean, "ko-KR", "서울/0####,부산/4####,대구/4####,인천/2####"},
	{"CN", 14, chinese, "zh-CN", "北京/1000##,上海/2000##,深圳/5180##,杭州/3100##,成都/6100##"},
	{"TW", 10, taiwanese, "zh-TW", "台北市/10#,新北市/22#,台中市/40#,高雄市/80#"},
	{"SG", 14, english, "en-SG", "Singapore/0#####,Singapore/2#####,Singapore/5#####"},
	{"TH", 7, thai, "th-TH", "กรุงเทพมหานคร/10##0,เชียงใหม่/50##0,ภูเก็ต/83##0"},
	{"VN", 8, vietnamese, "vi-VN", "Hà Nội/1####0,Thành phố Hồ Chí Minh/7####0,Đà Nẵng/5####0"},
	{"ID", 10, indonesian, "id-ID", "Jakarta/10##0,Bandung/40##1,Surabaya/60##1,Denpasar/80##1"},
	{"NG", 9, african, "en-NG", "Lagos/100##1,Abuja/900##1,Port Harcourt/500##1"},
	{"KE", 7, african, "en-KE sw-KE", "Nairobi/00#00,Mombasa/80#00,Kisumu/40#00"},
	{"ZA", 11, african, "en-ZA", "Cape Town/80##,Johannesburg/20##,Durban/40##,Pretoria/00##"},
}
