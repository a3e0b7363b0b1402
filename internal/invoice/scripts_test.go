package invoice

import (
	"bytes"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// scripts are names and addresses as customers write them.
var scripts = []string{
	"श्री लक्ष्मी ट्रेडर्स प्राइवेट लिमिटेड, कर्नाटक, क्षत्रिय मार्ग, नई दिल्ली 110001",
	"শ্রী লক্ষ্মী এন্টারপ্রাইজ, কলকাতা ৭০০০০১, রাষ্ট্রপতি রোড, ঢাকা",
	"ਸ੍ਰੀ ਗੁਰੂ ਨਾਨਕ ਟਰੇਡਰਜ਼, ਅੰਮ੍ਰਿਤਸਰ, ਪੰਜਾਬ",
	"શ્રી લક્ષ્મી ટ્રેડર્સ, અમદાવાદ, ગુજરાત, ક્ષત્રિય",
	"ଶ୍ରୀ ଲକ୍ଷ୍ମୀ ଟ୍ରେଡର୍ସ, ଭୁବନେଶ୍ୱର, ଓଡ଼ିଶା",
	"ஸ்ரீ லக்ஷ்மி டிரேடர்ஸ், க்ஷத்ரிய, கோயம்புத்தூர், தமிழ்நாடு, பொன்னி",
	"శ్రీ లక్ష్మీ ట్రేడర్స్, క్షత్రియ, హైదరాబాద్, తెలంగాణ",
	"ಶ್ರೀ ಲಕ್ಷ್ಮೀ ಟ್ರೇಡರ್ಸ್, ಬೆಂಗಳೂರು, ಕರ್ನಾಟಕ",
	"ശ്രീ ലക്ഷ്മി ട്രേഡേഴ്സ്, തിരുവനന്തപുരം, കേരളം, ക്ഷത്രിയ, കൊച്ചി",
	"ශ්\u200dරී ලංකා ප්\u200dරජාතාන්ත්\u200dරික, කොළඹ, ක්\u200dෂේත්\u200dර, රාජ්\u200dය",
	"บริษัท ที่อยู่ ป่าไม้ น้ำมัน จำกัด, กรุงเทพมหานคร ปู่ ฝั่ง",
	"ບໍລິສັດ ນ້ຳມັນ ຈຳກັດ, ນະຄອນຫຼວງວຽງຈັນ ທີ່ຢູ່",
	"ក្រុមហ៊ុន ភ្នំពេញ ព្រះរាជាណាចក្រកម្ពុជា ខ្ញុំ ស្ត្រី",
	"မြန်မာနိုင်ငံ ရန်ကုန်မြို့ ကုမ္ပဏီလီမိတက်",
	"አዲስ አበባ ኢትዮጵያ ኃላፊነቱ የተወሰነ የግል ማህበር",
	"شركة البرمجيات المحدودة 42، لا إله، الرياض (Riyadh) ١٢٣",
	"شرکت نرم\u200cافزاری پیشگامان، خیابان ولی\u200cعصر، پلاک ۱۲، تهران",
	"ٹیکسٹائل کمپنی لمیٹڈ، کراچی، ہے",
	"مُحَمَّد عَبْدُ ٱللَّه",
	"שָׁלוֹם עולם בע״מ, רח׳ הרצל 12 (תל אביב)",
	"Acme (שלום 123 עולם) Ltd, Haifa 31000",
	"Ọlọ́run Ẹ̀kọ́ M̀bà Ṣọ̀fọlahàn",
	"株式会社フロー 東京都千代田区, 北京市朝阳区建国路 88 号, 서울특별시",
}

// TestShape: letters change with their neighbours. What is wanted is what
// HarfBuzz 6.0 says of the same fonts: how many glyphs, and how wide they are in
// thousandths of the size.
func TestShape(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text          string
		glyphs, width int
	}{
		{"क्ष", 1, 712}, {"र्क", 2, 762}, {"कि", 2, 1021}, {"श्री", 2, 966}, {"ক্ষ", 1, 919}, {"কো", 3, 1419}, {"ਸ੍ਰੀ", 3, 855},
		{"શ્રી", 2, 985}, {"ଶ୍ରୀ", 3, 1053}, {"க்ஷ", 1, 1851}, {"ஸ்ரீ", 1, 1514}, {"கொ", 3, 2366}, {"శ్రీ", 2, 550}, {"ಶ್ರೀ", 3, 1128},
		{"ക്ഷ", 1, 1696}, {"ശ്രീ", 3, 1507}, {"ශ්\u200dරී", 2, 917}, {"ที่", 3, 609}, {"น้ำ", 4, 1019}, {"ป่า", 3, 1011}, {"ທີ່", 3, 726},
		{"ខ្ញុំ", 4, 635}, {"မြို့", 4, 1374}, {"አዲስ", 3, 2024}, {"لا", 1, 582}, {"سلام", 3, 1867},
	} {
		glyphs, width := 0, 0.0
		s := newShapes()
		for _, r := range layout(printable(test.text)) {
			if !r.shaped {
				t.Errorf("%q is not shaped", r.text)
				continue
			}
			list, err := s.of(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range list {
				width += c.width
				for _, g := range append(c.row, c.marks...) {
					if g.id != s.shapers[r.face].nothing.id {
						glyphs++
					}
				}
			}
		}
		if math.Abs(width*1000-float64(test.width)) > 0.5 || glyphs != test.glyphs {
			t.Errorf("%s has %d glyphs and is %.0f wide, want %d and %d", test.text, glyphs, width*1000, test.glyphs, test.width)
		}
	}
}

// TestFound: what is written can be found and copied, by readers who are told what
// a word is and by those who look only at its glyphs. Text from the right is found
// from the left, as everywhere.
func TestFound(t *testing.T) {
	t.Parallel()
	d := example(0)
	d.Buyer.Name = "بنك الأردن"
	for _, s := range scripts {
		d.Lines = append(d.Lines, Line{s, "$1"})
	}
	pdf, err := Render(d)
	if err != nil {
		t.Fatal(err)
	}
	told, seen := written(t, pdf)
	for _, s := range append(scripts, d.Buyer.Name) {
		if want := stands(s); !strings.Contains(told, want) {
			t.Errorf("%s is not found as %s", s, want)
		} else if !strings.Contains(norm.NFC.String(seen), norm.NFC.String(want)) {
			t.Errorf("%s is not seen as %s", s, want)
		}
	}
	if t.Failed() {
		t.Logf("told: %s\nseen: %s", told, seen)
	}
}

// stands is a text from left to right.
func stands(text string) (out string) {
	for _, r := range layout(printable(text)) {
		if r.right {
			r.text = bidi.ReverseString(r.text)
		}
		out += r.text
	}
	return out
}

// written is the text of a file, with what it says that words are and without.
func written(t *testing.T, pdf []byte) (told, seen string) {
	t.Helper()
	objects := objectsOf(t, pdf)
	fonts := map[string]map[rune]string{} // by their names on pages
	for _, o := range objects {
		for _, m := range regexp.MustCompile(`/(F[0-9a-f]+) (\d+) 0 R`).FindAllStringSubmatch(o, -1) {
			if ref := regexp.MustCompile(`/ToUnicode (\d+) 0 R`).FindStringSubmatch(objects[m[2]]); ref != nil {
				fonts[m[1]] = textsOf(objects[ref[1]])
			}
		}
	}
	token := regexp.MustCompile(`(?s)/Span <</ActualText <FEFF([0-9A-F]+)>>> BDC|EMC|/(F[0-9a-f]+) [\d.]+ Tf|Td \(((?:[^\\)]|\\.)*)\) ?Tj`)
	for _, o := range objects {
		ref := regexp.MustCompile(`/Type /Page\n(?s:.*)/Contents (\d+) 0 R`).FindStringSubmatch(o)
		if ref == nil {
			continue
		}
		font, span := map[rune]string(nil), false
		for _, m := range token.FindAllStringSubmatch(stream(t, objects[ref[1]]), -1) {
			switch {
			case m[0] == "EMC":
				span = false
			case m[1] != "":
				told, span = told+utf16Text(m[1]), true
			case m[2] != "":
				font = fonts[m[2]]
			default:
				text := codes(m[3], font)
				if seen += text; !span {
					told += text
				}
			}
		}
	}
	return told, seen
}

// objectsOf are the objects of a file by number, as its tables of references name
// them, the newest first.
func objectsOf(t *testing.T, pdf []byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	at := pdf[bytes.LastIndex(pdf, []byte("startxref\n"))+len("startxref\n"):]
	for at != nil {
		offset, err := strconv.Atoi(string(at[:bytes.IndexByte(at, '\n')]))
		if err != nil {
			t.Fatal(err)
		}
		table, keys, _ := strings.Cut(string(pdf[offset:]), "trailer\n")
		number := 0
		for _, line := range strings.Split(table, "\n")[1:] {
			if first, _, ok := strings.Cut(line, " "); ok && len(strings.Fields(line)) == 2 {
				number, _ = strconv.Atoi(first)
				continue
			}
			key := strconv.Itoa(number)
			if _, known := out[key]; !known && strings.HasSuffix(line, " n ") {
				from, _ := strconv.Atoi(line[:10])
				body, ok := strings.CutPrefix(string(pdf[from:]), key+" 0 obj\n")
				if !ok {
					t.Fatalf("object %d is not at %d", number, from)
				}
				out[key], _, _ = strings.Cut(body, "endobj")
			}
			number++
		}
		keys, _, _ = strings.Cut(keys, "startxref")
		at = nil
		if _, before, ok := strings.Cut(keys, "/Prev "); ok {
			at = []byte(before)
		}
	}
	return out
}

func stream(t *testing.T, object string) string {
	t.Helper()
	_, data, _ := strings.Cut(object, "stream\n")
	if !strings.Contains(object, "FlateDecode") {
		return data
	}
	z, err := zlib.NewReader(strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// textsOf is what the codes of a font stand for; nil where they are the letters.
func textsOf(table string) map[rune]string {
	if !strings.Contains(table, "beginbfchar") {
		return nil
	}
	out := map[rune]string{}
	for _, m := range regexp.MustCompile(`<([0-9A-F]{4})> <([0-9A-F]+)>\n`).FindAllStringSubmatch(table, -1) {
		code, _ := strconv.ParseInt(m[1], 16, 32)
		out[rune(code)] = utf16Text(m[2])
	}
	return out
}

func codes(escaped string, font map[rune]string) (out string) {
	raw := regexp.MustCompile(`(?s)\\(.)`).ReplaceAllStringFunc(escaped, func(s string) string {
		return strings.ReplaceAll(s[1:], "r", "\r")
	})
	for _, r := range utf16Text(hex.EncodeToString([]byte(raw))) {
		if font != nil {
			out += font[r]
			continue
		}
		out += string(r)
	}
	return out
}

func utf16Text(digits string) string {
	data, _ := hex.DecodeString(digits)
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = uint16(data[2*i])<<8 | uint16(data[2*i+1])
	}
	return string(utf16.Decode(units))
}

// TestStands: text from the right stands in the right order beside numbers and
// words from the left.
func TestStands(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Jane":                       "Jane",
		"אבג 12":                     "12 גבא",
		"Invoice for אב":             "Invoice for בא",
		"Invoice אב 12 for":          "Invoice 12 בא for",
		"Acme (אב 12 גד) Ltd, no. 3": "Acme (דג 12 בא) Ltd, no. 3",
		"רח׳ הרצל 12-14 (Tel Aviv)":  "(Tel Aviv) 12-14 לצרה ׳חר",
		"דרך 7, 100% Ltd":            "Ltd 100% ,7 ךרד",
		"Fee: אב 5%, then 7":         "Fee: 5% בא, then 7",
		"שלום":                       "םולש",
		"שלום\u2029abc":              "abc םולש",
	} {
		if got := stands(in); got != want {
			t.Errorf("%q stands as %q, want %q", in, got, want)
		}
	}
}

// TestLayout: which font has which part of a text, and what is shaped.
func TestLayout(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Jane & Söhne, Łódź 7": "[Jane & Söhne, Łódź 7]",
		"北京 88 号":              "droid[北京] dejavu[ 88 ] droid[号]",
		"राम, Ltd।":            "notodevanagari*[राम, ] dejavu[Ltd] notodevanagari*[।]",
		"রাম।":                 "notobengali*[রাম।]",
		"M̀bà":                 "dejavu*[M̀bà]",
		"Łódź M̀ Ω":            "dejavu*[Łódź M̀ ] dejavu[Ω]",
		"نص (ب)":               "dejavu[)] notoarabic*[ب] dejavu[(] notoarabic*[نص ]",
		"ที่ 5":                "notothai*[ที่ ] dejavu[5]",
	} {
		var got []string
		list := layout(printable(in))
		for _, r := range list {
			name := r.face.family
			if r.shaped {
				name += "*"
			} else if len(list) == 1 {
				name = ""
			}
			got = append(got, fmt.Sprintf("%s[%s]", name, r.text))
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}

// TestLatin: what most invoices have is drawn as it is, with the first font alone.
func TestLatin(t *testing.T) {
	t.Parallel()
	s := newShapes()
	d := latin()
	if _, err := draw(&d, s); err != nil {
		t.Fatal(err)
	}
	if len(s.shapers) > 0 || len(s.forms) > 0 {
		t.Errorf("%d fonts were shaped with", len(s.shapers))
	}
}

// TestFontsAreKept: drawing leaves the fonts as they are, which all documents use.
func TestFontsAreKept(t *testing.T) {
	t.Parallel()
	d := example(0)
	for _, s := range append(scripts, "주식회사 서울특별시 강남구") {
		d.Lines = append(d.Lines, Line{s, "$1"})
	}
	faces := append([]*typeface{dejavu, dejavuBold, arabicBold, droid}, noto...)
	var before [][]byte
	for _, f := range faces {
		fresh, err := unpack(f.file)
		if err != nil {
			t.Fatal(err)
		}
		before = append(before, fresh)
	}
	if _, err := Render(d); err != nil {
		t.Fatal(err)
	}
	for i, f := range faces {
		if after, _ := f.load(); !bytes.Equal(after, before[i]) {
			t.Errorf("%s has changed", f.file)
		}
	}
}

// TestUnshaped: what the library cannot shape is drawn, letter by letter.
func TestUnshaped(t *testing.T) {
	t.Parallel()
	s, err := newShaper(arabic)
	if err != nil {
		t.Fatal(err)
	}
	r := layout("سلام")[0]
	got := s.always(func(run) []cluster { panic("no") }, r)
	var text string
	for _, c := range got {
		text += c.text
	}
	if text != "مالس" || got[0].width == 0 {
		t.Errorf("%+v", got)
	}
}

// TestLines: a line does not end between a letter and what belongs to it.
func TestLines(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"กก": "ก|ก", "กั": "กั", "ก่": "ก่", "กา": "กา", "เก": "เก", "北京": "北|京", "京ก": "京|ก", "ລາວ": "ລາ|ວ",
		"राम नगर": "राम |नगर", "क्ष": "क्ष", "a b": "a |b", "ខ្ញុំ": "ខ្ញុំ",
	} {
		var got []string
		from := 0
		for _, to := range breaks(text) {
			got = append(got, text[from:to])
			from = to
		}
		if got := strings.Join(got, "|"); got != want {
			t.Errorf("lines may end at %q, want %q", got, want)
		}
	}
}

// TestLongWords: a word that is longer than a line is divided between letters.
func TestLongWords(t *testing.T) {
	t.Parallel()
	d := example(0)
	p, err := draw(&d, newShapes())
	if err != nil {
		t.Fatal(err)
	}
	p.set("", normal, 20)
	text := strings.Repeat("क्षत्रिय", 40)
	lines := p.wrap(text, 50)
	if strings.Join(lines, "") != text || len(lines) < 3 {
		t.Errorf("%q", lines)
	}
	for _, l := range lines {
		if w := p.measure(l); w > 49 {
			t.Errorf("%q is %.1f wide", l, w)
		}
	}
}

func latin() Document {
	d := example(3)
	d.Buyer = Party{"Bill to", "Zoë Łukasz & Søn", []string{"1 Main Street", "10115 Berlin", "Germany"}}
	d.Lines = d.Lines[1:]
	return d
}

func BenchmarkLatin(b *testing.B) {
	benchmark(b, latin())
}

func BenchmarkScripts(b *testing.B) {
	d := latin()
	for _, s := range scripts {
		d.Lines = append(d.Lines, Line{s, "$1"})
	}
	benchmark(b, d)
}

func benchmark(b *testing.B, d Document) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Render(d); err != nil {
			b.Fatal(err)
		}
	}
}
