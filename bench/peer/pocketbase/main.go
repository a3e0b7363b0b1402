// Command pocketbase is PocketBase with one collection of customers, set up as
// its documentation recommends for use as a Go framework and for other servers
// as clients: the fields and indexes of Floe's customers, and an API key, which
// is a long-lived token of a superuser.
//
// FULL_SYNC=1 makes each commit wait for the disk, which it does not as it
// ships.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/pocketbase/dbx"
	"github.com/pocketbase/pocketbase"
	"github.com/pocketbase/pocketbase/core"
	"github.com/pocketbase/pocketbase/tools/types"
	"github.com/spf13/cobra"
)

func main() {
	config := pocketbase.Config{HideStartBanner: true}
	if os.Getenv("FULL_SYNC") != "" {
		config.DBConnect = connectFullSync
	}
	app := pocketbase.NewWithConfig(config)
	app.RootCmd.AddCommand(&cobra.Command{
		Use:   "load",
		Short: "Make the collection, fill it with the customers on stdin, one JSON object a line, and print an API key",
		RunE:  func(*cobra.Command, []string) error { return load(app) },
	})
	if err := app.Start(); err != nil {
		log.Fatal(err)
	}
}

// connectFullSync is core.DefaultDBConnect with synchronous(FULL).
func connectFullSync(path string) (*dbx.DB, error) {
	return dbx.Open("sqlite", path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=journal_size_limit(200000000)"+
		"&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)")
}

// collection has what a customer of Floe has, in one organization.
func collection() *core.Collection {
	c := core.NewBaseCollection("customers")
	c.Fields.Add(
		&core.SelectField{Name: "type", Values: []string{"individual", "team"}, MaxSelect: 1, Required: true},
		&core.EmailField{Name: "email"},
		&core.BoolField{Name: "email_verified"},
		&core.TextField{Name: "name", Max: 256},
		&core.TextField{Name: "billing_name", Max: 256},
		&core.TextField{Name: "external_id"},
		&core.JSONField{Name: "billing_address", MaxSize: 10_000},
		&core.TextField{Name: "tax_id"},
		&core.TextField{Name: "tax_id_format"},
		&core.TextField{Name: "locale"},
		&core.JSONField{Name: "metadata", MaxSize: 100_000},
		&core.AutodateField{Name: "created", OnCreate: true},
		&core.AutodateField{Name: "updated", OnCreate: true, OnUpdate: true},
	)
	// Unique where there is one, as its documentation has it for optional
	// fields. Its filters bind their values, which keeps SQLite from using such
	// an index for a look-up, so there is a plain one, too.
	c.AddIndex("customers_email_unique", true, "email", "email != ''")
	c.AddIndex("customers_external_id_unique", true, "external_id", "external_id != ''")
	c.AddIndex("customers_email", false, "email", "")
	c.AddIndex("customers_external_id", false, "external_id", "")
	c.AddIndex("customers_created", false, "created, id", "")
	c.AddIndex("customers_name", false, "name, id", "")
	return c
}

// customer is a line of the input.
type customer struct {
	Type, Email, Name, Locale string
	EmailVerified             bool            `json:"email_verified"`
	BillingName               string          `json:"billing_name"`
	ExternalID                string          `json:"external_id"`
	TaxID                     string          `json:"tax_id"`
	TaxIDFormat               string          `json:"tax_id_format"`
	BillingAddress            json.RawMessage `json:"billing_address"`
	Metadata                  json.RawMessage
	CreatedAt                 time.Time `json:"created_at"`
}

const batchSize = 5000

func load(app core.App) error {
	if err := app.RunAllMigrations(); err != nil {
		return err
	}
	if err := app.Save(collection()); err != nil {
		return err
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for more := true; more; {
		err := app.RunInTransaction(func(tx core.App) error {
			for range batchSize {
				if more = in.Scan(); !more {
					return in.Err()
				}
				if err := insert(tx, in.Bytes()); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	// As PocketBase itself does after migrations, so that its planner knows the table.
	if _, err := app.DB().NewQuery("PRAGMA optimize = 0x10002").Execute(); err != nil {
		return err
	}
	key, err := apiKey(app)
	if err != nil {
		return err
	}
	fmt.Println(key)
	return nil
}

// insert goes past the hooks and checks of records, which a load need not wait for.
func insert(tx core.App, line []byte) error {
	var c customer
	if err := json.Unmarshal(line, &c); err != nil {
		return err
	}
	created := c.CreatedAt.UTC().Format(types.DefaultDateLayout)
	_, err := tx.DB().Insert("customers", dbx.Params{
		"id": core.GenerateDefaultRandomId(), "type": c.Type, "email": c.Email, "email_verified": c.EmailVerified, "name": c.Name,
		"billing_name": c.BillingName, "external_id": c.ExternalID, "billing_address": orNull(c.BillingAddress), "tax_id": c.TaxID,
		"tax_id_format": c.TaxIDFormat, "locale": c.Locale, "metadata": orNull(c.Metadata), "created": created, "updated": created,
	}).Execute()
	return err
}

func orNull(text json.RawMessage) any {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	return string(text)
}

func apiKey(app core.App) (string, error) {
	superusers, err := app.FindCollectionByNameOrId(core.CollectionNameSuperusers)
	if err != nil {
		return "", err
	}
	r := core.NewRecord(superusers)
	r.SetEmail("benchmark@example.com")
	r.SetRandomPassword()
	if err := app.Save(r); err != nil {
		return "", err
	}
	return r.NewStaticAuthToken(365 * 24 * time.Hour)
}
