package schema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"floe/internal/id"
	"floe/internal/schema"
)

type colour string

func (colour) Enum() []string { return []string{"red", "green", "blue"} }

type inner struct {
	City *string `json:"city" trim:"null"`
}

type example struct {
	Text     string               `json:"text" minLength:"1" maxLength:"5"`
	Optional *string              `json:"optional" trim:"null"`
	Number   int                  `json:"number" gt:"0" default:"1"`
	Float    float64              `json:"float" default:"0"`
	Flag     bool                 `json:"flag" default:"false"`
	ID       *id.ID               `json:"id"`
	Colour   *colour              `json:"colour"`
	When     *time.Time           `json:"when"`
	List     []string             `json:"list" maxItems:"1" default:"[]"`
	Inner    *inner               `json:"inner"`
	Meta     schema.MetadataInput `json:"meta" default:"{}"`
	Email    *schema.Email        `json:"email"`
	Locale   *schema.Locale       `json:"locale"`
	Address  *schema.AddressInput `json:"address"`
	URL      *schema.URL          `json:"url"`
}

// decode answers the problems of a body as JSON, and the value.
func decode[T any](t *testing.T, body string) (T, []map[string]any) {
	t.Helper()
	n, err := schema.Parse([]byte(body))
	if err != nil {
		t.Fatalf("parse %s: %v", body, err)
	}
	var v T
	problems := &schema.Problems{}
	schema.PlanOf(reflect.TypeFor[T](), "").Decode(n, schema.Root(problems, "body"), reflect.ValueOf(&v).Elem())
	var out struct{ Detail []map[string]any }
	if err := json.Unmarshal(problems.AppendJSON(nil), &out); err != nil {
		t.Fatal(err)
	}
	return v, out.Detail
}

// The exact texts of the catalogue, one trigger each.
func TestMessages(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, body, want string }{
		{"missing", `{}`, `{"type":"missing","loc":["body","text"],"msg":"Field required","input":{}}`},
		{"not an object", `[]`, `{"type":"model_attributes_type","loc":["body"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[]}`},
		{"string type", `{"text":1}`, `{"type":"string_type","loc":["body","text"],"msg":"Input should be a valid string","input":1}`},
		{"string null", `{"text":null}`, `{"type":"string_type","loc":["body","text"],"msg":"Input should be a valid string","input":null}`},
		{"too short", `{"text":""}`, `{"type":"string_too_short","loc":["body","text"],"msg":"String should have at least 1 character","input":"","ctx":{"min_length":1}}`},
		{"too long", `{"text":"abcdef"}`, `{"type":"string_too_long","loc":["body","text"],"msg":"String should have at most 5 characters","input":"abcdef","ctx":{"max_length":5}}`},
		{"nul", `{"text":"a\u0000b"}`, `{"type":"value_error","loc":["body","text"],"msg":"Value error, This value contains invalid characters","input":"a\u0000b","ctx":{"error":{}}}`},
		{"int null", `{"text":"a","number":null}`, `{"type":"int_type","loc":["body","number"],"msg":"Input should be a valid integer","input":null}`},
		{"int text", `{"text":"a","number":"abc"}`, `{"type":"int_parsing","loc":["body","number"],"msg":"Input should be a valid integer, unable to parse string as an integer","input":"abc"}`},
		{"int fraction", `{"text":"a","number":1.5}`, `{"type":"int_from_float","loc":["body","number"],"msg":"Input should be a valid integer, got a number with a fractional part","input":1.5}`},
		{"int bound", `{"text":"a","number":0}`, `{"type":"greater_than","loc":["body","number"],"msg":"Input should be greater than 0","input":0,"ctx":{"gt":0}}`},
		{"float type", `{"text":"a","float":[]}`, `{"type":"float_type","loc":["body","float"],"msg":"Input should be a valid number","input":[]}`},
		{"float text", `{"text":"a","float":"x"}`, `{"type":"float_parsing","loc":["body","float"],"msg":"Input should be a valid number, unable to parse string as a number","input":"x"}`},
		{"bool type", `{"text":"a","flag":{}}`, `{"type":"bool_type","loc":["body","flag"],"msg":"Input should be a valid boolean","input":{}}`},
		{"bool text", `{"text":"a","flag":"maybe"}`, `{"type":"bool_parsing","loc":["body","flag"],"msg":"Input should be a valid boolean, unable to interpret input","input":"maybe"}`},
		{"uuid type", `{"text":"a","id":7}`, `{"type":"uuid_type","loc":["body","id"],"msg":"UUID input should be a string, bytes or UUID object","input":7}`},
		{"uuid text", `{"text":"a","id":"not-a-uuid"}`, "{\"type\":\"uuid_parsing\",\"loc\":[\"body\",\"id\"],\"msg\":\"Input should be a valid UUID, invalid character: found `n` at 1\",\"input\":\"not-a-uuid\",\"ctx\":{\"error\":\"invalid character: found `n` at 1\"}}"},
		{"uuid version", `{"text":"a","id":"00000000-0000-0000-0000-000000000000"}`, `{"type":"uuid_version","loc":["body","id"],"msg":"UUID version 4 expected","input":"00000000-0000-0000-0000-000000000000","ctx":{"expected_version":4}}`},
		{"enum", `{"text":"a","colour":"pink"}`, `{"type":"enum","loc":["body","colour"],"msg":"Input should be 'red', 'green' or 'blue'","input":"pink","ctx":{"expected":"'red', 'green' or 'blue'"}}`},
		{"datetime", `{"text":"a","when":"2020"}`, `null`},
		{"datetime short", `{"text":"a","when":"20x"}`, `{"type":"datetime_from_date_parsing","loc":["body","when"],"msg":"Input should be a valid datetime or date, input is too short","input":"20x","ctx":{"error":"input is too short"}}`},
		{"datetime exponent", `{"text":"a","when":"1e9"}`, `{"type":"datetime_from_date_parsing","loc":["body","when"],"msg":"Input should be a valid datetime or date, input is too short","input":"1e9","ctx":{"error":"input is too short"}}`},
		{"datetime milliseconds", `{"text":"a","when":"176722560012223"}`, `null`},
		{"datetime too late", `{"text":"a","when":253402300800000}`, `{"type":"datetime_parsing","loc":["body","when"],"msg":"Input should be a valid datetime, dates after 9999 are not supported as unix timestamps","input":253402300800000,"ctx":{"error":"dates after 9999 are not supported as unix timestamps"}}`},
		{"datetime too early", `{"text":"a","when":-1e300}`, `{"type":"datetime_parsing","loc":["body","when"],"msg":"Input should be a valid datetime, dates before 0000 are not supported as unix timestamps","input":-1e300,"ctx":{"error":"dates before 0000 are not supported as unix timestamps"}}`},
		{"datetime year", `{"text":"a","when":"0000-01-01"}`, `{"type":"datetime_parsing","loc":["body","when"],"msg":"Input should be a valid datetime, year 0 is out of range","input":"0000-01-01","ctx":{"error":"year 0 is out of range"}}`},
		{"datetime hour", `{"text":"a","when":"2026-01-01T0:00:00Z"}`, `{"type":"datetime_from_date_parsing","loc":["body","when"],"msg":"Input should be a valid datetime or date, unexpected extra characters at the end of the input","input":"2026-01-01T0:00:00Z","ctx":{"error":"unexpected extra characters at the end of the input"}}`},
		{"datetime month", `{"text":"a","when":"2020-13-01"}`, `{"type":"datetime_from_date_parsing","loc":["body","when"],"msg":"Input should be a valid datetime or date, month value is outside expected range of 1-12","input":"2020-13-01","ctx":{"error":"month value is outside expected range of 1-12"}}`},
		{"list", `{"text":"a","list":"x"}`, `{"type":"list_type","loc":["body","list"],"msg":"Input should be a valid list","input":"x"}`},
		{"list long", `{"text":"a","list":["x","y"]}`, `{"type":"too_long","loc":["body","list"],"msg":"List should have at most 1 item after validation, not 2","input":["x","y"],"ctx":{"field_type":"List","max_length":1,"actual_length":2}}`},
		{"list item", `{"text":"a","list":[1]}`, `{"type":"string_type","loc":["body","list",0],"msg":"Input should be a valid string","input":1}`},
		{"nested", `{"text":"a","inner":[]}`, `{"type":"model_attributes_type","loc":["body","inner"],"msg":"Input should be a valid dictionary or object to extract fields from","input":[]}`},
		{"dict", `{"text":"a","meta":null}`, `{"type":"dict_type","loc":["body","meta"],"msg":"Input should be a valid dictionary","input":null}`},
		{"e-mail", `{"text":"a","email":""}`, `{"type":"value_error","loc":["body","email"],"msg":"value is not a valid email address: An email address must have an @-sign.","input":"","ctx":{"reason":"An email address must have an @-sign."}}`},
		{"locale", `{"text":"a","locale":"und"}`, `{"type":"value_error","loc":["body","locale"],"msg":"Value error, Invalid IETF BCP 47 language tag","input":"und","ctx":{"error":{}}}`},
		{"state", `{"text":"a","address":{"country":"us","state":"ca"}}`, `{"type":"value_error","loc":["body","address"],"msg":"Value error, Invalid US state","input":{"country":"us","state":"ca"},"ctx":{"error":{}}}`},
		{"url", `{"text":"a","url":"nope"}`, `{"type":"url_parsing","loc":["body","url"],"msg":"Input should be a valid URL, relative URL without a base","input":"nope","ctx":{"error":"relative URL without a base"}}`},
		{"url scheme", `{"text":"a","url":"ftp://a.b"}`, `{"type":"url_scheme","loc":["body","url"],"msg":"URL scheme should be 'http' or 'https'","input":"ftp://a.b","ctx":{"expected_schemes":"'http' or 'https'"}}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, got := decode[example](t, test.body)
			var want map[string]any
			if err := json.Unmarshal([]byte(test.want), &want); err != nil {
				t.Fatal(err)
			}
			if want == nil {
				if len(got) > 0 {
					t.Fatalf("got %v, want no problem", got)
				}
				return
			}
			if diff := cmp.Diff([]map[string]any{want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestProblemsComeInFieldOrder(t *testing.T) {
	t.Parallel()
	_, got := decode[example](t, `{"url":1,"colour":1,"number":"x","meta":[]}`)
	var locs []string
	for _, p := range got {
		locs = append(locs, p["loc"].([]any)[1].(string))
	}
	if want := "text number colour meta url"; strings.Join(locs, " ") != want {
		t.Errorf("got %v, want %s", locs, want)
	}
}

func TestLaxValues(t *testing.T) {
	t.Parallel()
	got, problems := decode[example](t, `{"text":"a","optional":"  ","number":" +0_7.0 ","float":"2.5","flag":"YES","when":"2024-02-29 10:00:00.1234567+02:00",
		"id":"{992FAE2A-2A17-4B7A-8D9E-E287CF90131B}","inner":{"city":" Paris "},"unknown":1}`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if got.Optional != nil || got.Number != 7 || got.Float != 2.5 || !got.Flag || *got.Inner.City != "Paris" {
		t.Errorf("got %+v", got)
	}
	if *got.ID != "992fae2a-2a17-4b7a-8d9e-e287cf90131b" {
		t.Errorf("id %s", *got.ID)
	}
	if want := time.Date(2024, 2, 29, 8, 0, 0, 123456000, time.UTC); !got.When.Equal(want) {
		t.Errorf("when %v", got.When)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	got, problems := decode[example](t, `{"text":"a","meta":{"b":true,"i":1,"f":1.0,"s":"1","t":"true","z":" ","big":123456789012345678901234567890,"e":1e2}}`)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if want := `{"b":true,"i":1,"f":1.0,"s":"1","t":"true","z":" ","big":123456789012345678901234567890,"e":100.0}`; string(got.Meta) != want {
		t.Errorf("got %s, want %s", got.Meta, want)
	}
	for value, want := range map[string]string{
		`null`:                               "string_type int_type float_type bool_type",
		`[]`:                                 "string_type int_type float_type bool_type",
		`{}`:                                 "string_type int_type float_type bool_type",
		`""`:                                 "string_too_short int_parsing float_parsing bool_parsing",
		`"` + strings.Repeat("x", 501) + `"`: "string_too_long int_parsing float_parsing bool_parsing",
	} {
		_, problems := decode[example](t, `{"text":"a","meta":{"k":`+value+`}}`)
		var types, branches []string
		for _, p := range problems {
			types = append(types, p["type"].(string))
			branches = append(branches, p["loc"].([]any)[3].(string))
		}
		if strings.Join(types, " ") != want || strings.Join(branches, " ") != "constrained-str int float bool" {
			t.Errorf("%.20s: %v at %v", value, types, branches)
		}
	}
	entries := make([]string, 51)
	for i := range entries {
		entries[i] = `"k` + strings.Repeat("x", i%40) + string(rune('a'+i%26)) + `":1`
	}
	if _, problems := decode[example](t, `{"text":"a","meta":{`+strings.Join(entries, ",")+`}}`); len(problems) == 0 {
		t.Error("51 entries were accepted")
	}
	if _, problems := decode[example](t, `{"text":"a","meta":{"`+strings.Repeat("k", 41)+`":1}}`); len(problems) != 1 || problems[0]["type"] != "string_too_long" {
		t.Errorf("long key: %v", problems)
	}
}

func TestOpt(t *testing.T) {
	t.Parallel()
	type patch struct {
		Name schema.Opt[*string]              `json:"name" trim:"null"`
		Meta schema.Opt[schema.MetadataInput] `json:"meta"`
	}
	got, _ := decode[patch](t, `{}`)
	if got.Name.Set || got.Meta.Set {
		t.Error("absent fields are set")
	}
	got, _ = decode[patch](t, `{"name":null}`)
	if !got.Name.Set || got.Name.Value != nil {
		t.Error("null is not null")
	}
	if got, _ = decode[patch](t, `{"name":" x "}`); *got.Name.Value != "x" {
		t.Errorf("got %q", *got.Name.Value)
	}
	if _, problems := decode[patch](t, `{"meta":null}`); len(problems) != 1 {
		t.Error("null was accepted for a map")
	}
}

func TestSyntaxErrors(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]schema.SyntaxError{
		``:                   {Reason: "Expecting value", Offset: 0},
		`{"a":`:              {Reason: "Expecting value", Offset: 5},
		`{"a" 1}`:            {Reason: "Expecting ':' delimiter", Offset: 5},
		`{"a":1 "b":2}`:      {Reason: "Expecting ',' delimiter", Offset: 7},
		`{a:1}`:              {Reason: "Expecting property name enclosed in double quotes", Offset: 1},
		`{} x`:               {Reason: "Extra data", Offset: 3},
		`"abc`:               {Reason: "Unterminated string starting at", Offset: 0},
		`{"é":"b}`:           {Reason: "Unterminated string starting at", Offset: 5},
		`[1,]`:               {Reason: "Expecting value", Offset: 3},
		`NaN`:                {Reason: "Expecting value", Offset: 0},
		`{"a":Infinity}`:     {Reason: "Expecting value", Offset: 5},
		`"\u12g4"`:           {Reason: "Invalid \\uXXXX escape", Offset: 2},
		`"\u1234`:            {Reason: "Invalid \\uXXXX escape", Offset: 2},
		`"é\ud800"`:          {Reason: "Half of a surrogate pair", Offset: 3},
		`"\ude00\ud83d"`:     {Reason: "Half of a surrogate pair", Offset: 2},
		`{"\ud83d\u0041":1}`: {Reason: "Half of a surrogate pair", Offset: 3},
	} {
		_, err := schema.Parse([]byte(text))
		got, ok := err.(*schema.SyntaxError)
		if !ok || *got != want {
			t.Errorf("%s: got %v, want %v", text, err, want)
		}
	}
	if _, err := schema.Parse([]byte(strings.Repeat("[", 1_000_000))); err == nil {
		t.Error("a million brackets were accepted")
	}
	if _, err := schema.Parse([]byte("[" + strings.Repeat("1,", 2_000_000) + "1]")); err == nil || !strings.Contains(err.Error(), "Too many values") {
		t.Errorf("two million values: %v", err)
	}
}

// A body of ten megabytes must not cost hundreds: neither as a tree, nor to
// those who have no credential, nor as complaints.
func TestCost(t *testing.T) {
	text := []byte("[" + strings.Repeat("[1],", 500_000) + "1]")
	cost := func(what string, limit uint64, fn func()) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		fn()
		runtime.ReadMemStats(&after)
		if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > limit {
			t.Errorf("%s allocated %d MB, want at most %d", what, mb, limit)
		}
	}
	cost("checking", 4, func() {
		if err := schema.Check(text); err != nil {
			t.Error(err)
		}
	})
	cost("parsing", 400, func() {
		if _, err := schema.Parse(text); err != nil {
			t.Error(err)
		}
	})
	big := schema.StringNode(strings.Repeat("x", 8<<20))
	problems := &schema.Problems{}
	for range 14 {
		schema.Root(problems, "body").Missing(big)
	}
	if n := len(problems.AppendJSON(nil)); n > 48<<20 {
		t.Errorf("the answer has %d MB", n>>20)
	}
}

func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	if n, err := schema.Parse([]byte("\ufeff{}")); err != nil || n.Kind != schema.Object {
		t.Errorf("got %v, %v", n, err)
	}
	if _, err := schema.Parse([]byte("{\ufeff}")); err == nil {
		t.Error("a mark was accepted in the middle")
	}
}

func TestDuplicateKeysLastWins(t *testing.T) {
	t.Parallel()
	n, err := schema.Parse([]byte(`{"a":1,"b":2,"a":3}`))
	if err != nil || string(n.Append(nil)) != `{"a":3,"b":2}` {
		t.Errorf("got %s, %v", n.Append(nil), err)
	}
}

func TestEntries(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``: "", `{}`: "", `{ }`: "", `[]`: "", `null`: "", `{`: "", `{"a"`: "", `{"a":`: "",
		`{"a":1, "b" : "x\n","c":[1,{"d":2}],"e":{}}`: `a=1 b="x\n" c=[1,{"d":2}] e={} `,
		`{"a":1,"a":2}`: "a=1 a=2 ",
		`{"a":1;"b":2}`: "a=1 ",
		`{"a":1,`:       "a=1 ",
	} {
		got := ""
		for key, v := range schema.Entries([]byte(text)) {
			got += key + "=" + string(v.Append(nil)) + " "
		}
		if got != want {
			t.Errorf("%s has the entries %q, want %q", text, got, want)
		}
	}
	for range schema.Entries([]byte(`{"a":1,"b":2}`)) {
		break // is no panic
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	when := time.Date(2025, 1, 3, 13, 37, 0, 123456789, time.UTC)
	type doc struct {
		When  time.Time         `json:"when"`
		Whole *time.Time        `json:"whole"`
		None  *string           `json:"none"`
		F     []float64         `json:"f"`
		Empty []string          `json:"empty"`
		Map   map[string]string `json:"map"`
		Text  string            `json:"text"`
		Gone  *int              `json:"gone,omitempty"`
	}
	whole := when.Truncate(time.Second)
	got := string(schema.JSON(&doc{When: when, Whole: &whole, F: []float64{25, 1e16, 1e-6, 0.1}, Text: "<é\u2028\"\\\n\x01>"}))
	want := `{"when":"2025-01-03T13:37:00.123456Z","whole":"2025-01-03T13:37:00Z","none":null,"f":[25.0,1e+16,1e-6,0.1],"empty":[],"map":{},"text":"<é` + "\u2028" + `\"\\\n\u0001>"}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// Decoding agrees with encoding/json on what is valid JSON, never panics, and
// what it prints parses again to the same text.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,2.5e3,"x\u00e9\ud83d\ude00",null,true]}`, `"\ud800"`, `[[[]]]`, `{"a":1,"a":2}`, `-0`, `01`, "\"\x01\"", `1.`, `{"":""}`} {
		f.Add([]byte(s))
	}
	plan := schema.PlanOf(reflect.TypeFor[example](), "")
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := schema.Parse(text)
		if checked := schema.Check(text); fmt.Sprint(checked) != fmt.Sprint(err) {
			t.Fatalf("%q: Check says %v, Parse %v", text, checked, err)
		}
		if valid := json.Valid(bytes.TrimPrefix(text, []byte("\ufeff"))); valid != (err == nil) && !acceptable(text, err) {
			t.Fatalf("%q: json.Valid says %v, we say %v", text, valid, err)
		}
		if err != nil {
			return
		}
		printed := n.Append(nil)
		again, err := schema.Parse(printed)
		if err != nil || string(again.Append(nil)) != string(printed) {
			t.Fatalf("%q prints as %q, which does not parse to itself: %v", text, printed, err)
		}
		var v example
		problems := &schema.Problems{}
		plan.Decode(n, schema.Root(problems, "body"), reflect.ValueOf(&v).Elem())
		if !json.Valid(problems.AppendJSON(nil)) {
			t.Fatalf("%q: the problems are not JSON", text)
		}
	})
}

// acceptable are the differences that are meant: limits and bytes that are
// not UTF-8, which encoding/json lets through.
func acceptable(text []byte, err error) bool {
	return err != nil && (strings.Contains(err.Error(), "Nested") || strings.Contains(err.Error(), "digits") || strings.Contains(err.Error(), "UTF-8") || strings.Contains(err.Error(), "surrogate"))
}

func BenchmarkAppend(b *testing.B) {
	type row struct {
		ID   string          `json:"id"`
		At   time.Time       `json:"at"`
		Meta json.RawMessage `json:"meta"`
		Name *string         `json:"name"`
	}
	v := row{ID: "x", At: time.Now(), Meta: json.RawMessage(`{"a":1}`)}
	buf := make([]byte, 0, 1024)
	for b.Loop() {
		buf = schema.Append(buf[:0], &v)
	}
}

// TestAppendTime compares what is written digit by digit with what the layout
// of the standard library says.
func TestAppendTime(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("", -(9*3600 + 30*60))
	for _, at := range []time.Time{
		{}, time.Unix(0, 0), time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(2024, 2, 29, 0, 0, 0, 1000, time.UTC),
		time.Date(2024, 12, 31, 23, 0, 0, 999, zone), time.Date(2026, 1, 2, 3, 4, 5, 60700, zone), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		layout := `"2006-01-02T15:04:05.000000Z"`
		if at.Nanosecond() < 1000 {
			layout = `"2006-01-02T15:04:05Z"`
		}
		if got, want := string(schema.AppendTime(nil, at)), at.UTC().Format(layout); got != want {
			t.Errorf("%v: %s, not %s", at, got, want)
		}
		offset := strings.Replace(strings.Trim(layout, `"`), "Z", "+00:00", 1)
		if got, want := schema.Offset(at), at.UTC().Format(offset); got != want {
			t.Errorf("%v: %s, not %s", at, got, want)
		}
	}
}

// TestStrings: every byte, wherever it stands, is written so that a decoder
// reads it again.
func TestStrings(t *testing.T) {
	t.Parallel()
	for c := range 256 {
		for before := range 18 {
			for _, after := range []int{0, 1, 9} {
				s := strings.Repeat("a", before) + string([]byte{byte(c)}) + strings.Repeat("é", after)
				text := schema.AppendString(nil, s)
				var got string
				err := json.Unmarshal(text, &got)
				if want := strings.ToValidUTF8(s, "\uFFFD"); err != nil || got != want {
					t.Fatalf("%q is written %s and read %q, %v", s, text, got, err)
				}
			}
		}
	}
}
