package sdktest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/floetest"
)

// step is a request as people paste it from documentation into a shell. $HOST,
// $TOKEN, $ID and the like are filled in; keep names what later steps fill in.
type step struct {
	name   string
	curl   string
	status int
	want   map[string]any // a part of the answer, by path
	keep   string
}

// page is what the public Customers page shows, with bodies of our own. The
// paths there have no trailing slash, and its tokens are those of users.
var page = []step{
	{"create", `
curl -X POST "$HOST/v1/customers" \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{
    "email": "customer@example.com",
    "name": "John Doe",
    "external_id": "user_123",
    "metadata": {"tier": "gold", "seats": 5, "trial": false},
    "billing_address": {
      "line1": "1 Market St",
      "city": "San Francisco",
      "state": "CA",
      "postal_code": "94105",
      "country": "US"
    },
    "tax_id": "91-1144442"$OWNER
  }'`, 201, map[string]any{
		"email": "customer@example.com", "name": "John Doe", "external_id": "user_123", "type": "individual",
		"metadata.tier": "gold", "metadata.seats": json.Number("5"), "metadata.trial": false,
		"billing_address.state": "US-CA", "billing_address.country": "US", "billing_address.line2": nil,
		"tax_id.0": "911144442", "tax_id.1": "us_ein", "modified_at": nil,
	}, "ID"},
	{"create with the least", `
curl -X POST "$HOST/v1/customers" \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"email": "second@example.com"$OWNER}'`, 201,
		map[string]any{"email": "second@example.com", "name": nil, "billing_address": nil, "tax_id": nil}, "SECOND"},
	{"list", `
curl -X GET "$HOST/v1/customers" \
  -H "Authorization: Bearer $TOKEN"`, 200, map[string]any{
		"pagination.total_count": json.Number("2"), "pagination.max_page": json.Number("1"),
		"items.0.email": "second@example.com", "items.1.email": "customer@example.com",
	}, ""},
	{"get", `
curl -X GET "$HOST/v1/customers/$ID" \
  -H "Authorization: Bearer $TOKEN"`, 200, map[string]any{"name": "John Doe"}, ""},
	{"get by external id", `
curl -X GET "$HOST/v1/customers/external/user_123" \
  -H "Authorization: Bearer $TOKEN"`, 200, map[string]any{"name": "John Doe"}, ""},
	{"update", `
curl -X PATCH "$HOST/v1/customers/$ID" \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "Jane Doe",
    "metadata": {"tier": "platinum"}
  }'`, 200, map[string]any{"name": "Jane Doe", "metadata.tier": "platinum", "metadata.seats": nil, "tax_id.1": "us_ein"}, ""},
	{"update the address", `
curl -X PATCH "$HOST/v1/customers/$SECOND" \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{
    "billing_address": {
      "line1": "350 Mission St",
      "city": "San Francisco",
      "state": "CA",
      "postal_code": "94105",
      "country": "US"
    }
  }'`, 200, map[string]any{"billing_address.line1": "350 Mission St", "billing_address.state": "US-CA", "billing_address.country": "US"}, ""},
	{"update by external id", `
curl -X PATCH "$HOST/v1/customers/external/user_123" \
  -H "Authorization: Bearer $TOKEN" \
  -H "Content-Type: application/json" \
  -d '{"name": "J. Doe"}'`, 200, map[string]any{"name": "J. Doe", "external_id": "user_123"}, ""},
	{"state", `
curl -X GET "$HOST/v1/customers/$ID/state" \
  -H "Authorization: Bearer $TOKEN"`, 200, map[string]any{"name": "J. Doe", "external_id": "user_123", "email": "customer@example.com"}, ""},
	{"state by external id", `
curl -X GET "$HOST/v1/customers/external/user_123/state" \
  -H "Authorization: Bearer $TOKEN"`, 200, map[string]any{"name": "J. Doe"}, ""},
	{"export", `
curl -X GET "$HOST/v1/customers/export" \
  -H "Authorization: Bearer $TOKEN"`, 200, nil, ""},
	{"delete", `
curl -X DELETE "$HOST/v1/customers/$ID" \
  -H "Authorization: Bearer $TOKEN"`, 204, nil, ""},
	{"delete with anonymize", `
curl -X DELETE "$HOST/v1/customers/$SECOND?anonymize=true" \
  -H "Authorization: Bearer $TOKEN"`, 204, nil, ""},
}

// TestPublicPage pastes the requests one after the other, as a user who says
// which organization is meant, and as an organization, which must not.
func TestPublicPage(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		host := listen(t, f).url
		fill := map[string]string{"HOST": host, "TOKEN": f.User(auth.Owner), "OWNER": fmt.Sprintf(`, "organization_id": %q`, f.Org.ID)}
		t.Run("user", func(t *testing.T) { paste(t, fill) })
		fill = map[string]string{"HOST": host, "TOKEN": f.AllToken, "OWNER": ""}
		t.Run("organization", func(t *testing.T) { paste(t, fill) })
	})
}

func paste(t *testing.T, fill map[string]string) {
	for _, s := range page {
		t.Run(s.name, func(t *testing.T) {
			status, body := request(t, os.Expand(s.curl, func(name string) string { return fill[name] }))
			if status != s.status {
				t.Fatalf("status %d, want %d: %s", status, s.status, body)
			}
			check(t, s, body)
			if s.keep != "" {
				fill[s.keep], _ = at(t, body, "id").(string)
			}
		})
	}
}

func check(t *testing.T, s step, body string) {
	t.Helper()
	for path, want := range s.want {
		if got := at(t, body, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	switch s.name {
	case "delete", "delete with anonymize":
		if body != "" {
			t.Errorf("a body where none belongs: %s", body)
		}
	case "export":
		rows := strings.Split(body, "\r\n")
		if len(rows) != 4 || !strings.HasPrefix(rows[0], "ID,External ID,Created At,Email,Name,Tax ID,") ||
			!strings.Contains(rows[1], ",customer@example.com,J. Doe,911144442,1 Market St,,San Francisco,US-CA,94105,US,") {
			t.Errorf("the table is not as expected:\n%s", body)
		}
	}
}

// at is the value at keys and indexes with dots between them; nil for none.
func at(t *testing.T, body, path string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, body)
	}
	for key := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// request runs a command line with curl where there is one, and otherwise
// sends what it says.
func request(t *testing.T, line string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	words := split(line)
	if _, err := exec.LookPath("curl"); err != nil {
		return send(t, ctx, words[1:])
	}
	// The status comes after the body, on a line of its own.
	args := append([]string{"--silent", "--show-error", "--write-out", "\n%{http_code}"}, words[1:]...)
	out, err := exec.CommandContext(ctx, "curl", args...).Output()
	if err != nil {
		t.Fatalf("curl: %v", err)
	}
	cut := bytes.LastIndexByte(out, '\n')
	status, err = strconv.Atoi(string(out[cut+1:]))
	if err != nil {
		t.Fatal(err)
	}
	return status, string(out[:cut])
}

// send is the part of curl that the page uses.
func send(t *testing.T, ctx context.Context, args []string) (status int, body string) {
	t.Helper()
	method, url, data := http.MethodGet, "", ""
	header := http.Header{}
	for i := 0; i < len(args); i++ {
		switch args[i] {
		case "-X":
			i++
			method = args[i]
		case "-H":
			i++
			name, value, _ := strings.Cut(args[i], ": ")
			header.Set(name, value)
		case "-d":
			i++
			data = strings.ReplaceAll(args[i], "\n", "") // as curl does
		default:
			url = args[i]
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// split cuts a command line into words the way a shell does, as far as quotes
// and continued lines go.
func split(line string) (words []string) {
	var word strings.Builder
	var quote rune
	open := false // whether a word has begun
	for _, c := range strings.ReplaceAll(line, "\\\n", " ") {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, open = c, true
		case quote == 0 && (c == ' ' || c == '\n'):
			if open {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		default:
			word.WriteRune(c)
			open = true
		}
	}
	if open {
		words = append(words, word.String())
	}
	return words
}
