package organization_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/schema"
)

func (b *bench) tryUser(address string, role auth.Role, orgs ...id.ID) error {
	return b.db.Write(b.t.Context(), func(tx *db.Tx) error {
		_, err := b.orgs.CreateUser(b.t.Context(), tx, system, address, role, orgs...)
		return err
	})
}

func (b *bench) role(address string, org id.ID) auth.Role {
	b.t.Helper()
	role, err := db.One[auth.Role](b.t.Context(), b.db, `SELECT m.role FROM memberships m JOIN users u ON u.id = m.user_id
		WHERE u.email = ? AND m.organization_id = ?`, address, org)
	if err != nil {
		b.t.Fatal(err)
	}
	return role
}

// TestFirstUserOwns: also case 25, that nobody joins twice.
func TestFirstUserOwns(t *testing.T) {
	each(t, func(b *bench) {
		one, two := b.organization("one"), b.organization("two")
		b.user("first@example.com", "", one)
		b.user("second@example.com", "", one, two)
		b.user("third@example.com", auth.Finance, one)
		for address, want := range map[string]auth.Role{"first@example.com": auth.Owner, "second@example.com": auth.Plain, "third@example.com": auth.Finance} {
			if got := b.role(address, one); got != want {
				t.Errorf("%s is %s, want %s", address, got, want)
			}
		}
		if got := b.role("second@example.com", two); got != auth.Owner {
			t.Errorf("the first user of another organization is %s", got)
		}
		if err := b.tryUser("FIRST@example.com", ""); !isKind(err, fault.AlreadyExists) {
			t.Errorf("a known address: %v", err)
		}
		if err := b.tryUser("fourth@example.com", auth.Owner, one); !isKind(err, fault.AlreadyExists) {
			t.Errorf("a second owner: %v", err)
		}
		if err := b.tryUser("fourth@example.com", "", id.New()); !isKind(err, fault.NotFound) {
			t.Errorf("an unknown organization: %v", err)
		}
		if err := b.tryUser("nobody", ""); err == nil || fault.Of(err) != nil {
			t.Errorf("no address: %v", err)
		}
		u, err := organization.UserByEmail(t.Context(), b.db, "First@Example.com")
		if err != nil || u.Email != "first@example.com" {
			t.Errorf("found %+v: %v", u, err)
		}
		err = b.db.Write(t.Context(), func(tx *db.Tx) error {
			_, err := b.orgs.Join(t.Context(), tx, system, u, one, auth.Admin)
			return err
		})
		if !isKind(err, fault.AlreadyExists) {
			t.Errorf("joining twice: %v", err)
		}
	})
}

// Who belongs where is listed, and ends when they leave, but for the owner: case
// 24. Who is alone is the owner.
func TestLeave(t *testing.T) {
	each(t, func(b *bench) {
		one, two := b.organization("one"), b.organization("two")
		b.user("first@example.com", "", one)
		b.user("second@example.com", auth.Finance, one, two)
		b.user("nowhere@example.com", "")
		leave := func(address string, org id.ID) error {
			u, err := organization.UserByEmail(t.Context(), b.db, address)
			if err != nil {
				t.Fatal(err)
			}
			return b.db.Write(t.Context(), func(tx *db.Tx) error { return b.orgs.Leave(t.Context(), tx, system, u, org) })
		}
		list := func(org id.ID) (out []string) {
			all, err := organization.Belongings(t.Context(), b.db, org)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range all {
				if (v.OrganizationID == nil) != (v.Slug == "") {
					t.Errorf("%+v", v)
				}
				out = append(out, v.Email+" "+v.Slug+" "+string(v.Role))
			}
			return out
		}
		want := []string{"first@example.com one owner", "second@example.com one finance", "second@example.com two finance", "nowhere@example.com  "}
		if got := list(""); !slices.Equal(got, want) {
			t.Errorf("all are %q", got)
		}
		if got := list(one); !slices.Equal(got, want[:2]) {
			t.Errorf("of one: %q", got)
		}
		if err := leave("first@example.com", one); !isKind(err, fault.NotPermitted) {
			t.Errorf("the owner leaves: %v", err)
		}
		if err := leave("nowhere@example.com", one); !isKind(err, fault.NotFound) {
			t.Errorf("who does not belong leaves: %v", err)
		}
		if err := leave("second@example.com", one); err != nil {
			t.Error(err)
		}
		if got := list(""); !slices.Equal(got, append(want[:1:1], want[2:]...)) {
			t.Errorf("then all are %q", got)
		}
		n, err := db.One[int64](t.Context(), b.db, `SELECT COUNT(*) FROM journal WHERE organization_id = ? AND type = 'organization_member.deleted'`, one)
		if err != nil || n != 1 {
			t.Errorf("%d entries in the journal: %v", n, err)
		}
	})
}

func TestOneOwnerAmongThoseWhoJoinTogether(t *testing.T) {
	each(t, func(b *bench) {
		org := b.organization("one")
		var group sync.WaitGroup
		for i := range 6 {
			group.Go(func() {
				if err := b.tryUser(string(rune('a'+i))+"@example.com", "", org); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		n, err := db.One[int64](t.Context(), b.db, `SELECT COUNT(*) FROM memberships WHERE organization_id = ? AND role = 'owner'`, org)
		if err != nil || n != 1 {
			t.Errorf("%d owners: %v", n, err)
		}
	})
}

func TestSlugRace(t *testing.T) {
	each(t, func(b *bench) {
		in, err := organization.Draft("Race", "race")
		if err != nil {
			t.Fatal(err)
		}
		errs := make([]error, 4)
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() {
				errs[i] = b.db.Write(t.Context(), func(tx *db.Tx) error {
					_, err := b.orgs.Create(t.Context(), tx, system, in)
					return err
				})
			})
		}
		group.Wait()
		made := 0
		for _, err := range errs {
			if err == nil {
				made++
			} else if _, ok := errors.AsType[*schema.Problems](err); !ok {
				t.Errorf("a race ends in %v", err)
			}
		}
		if made != 1 {
			t.Errorf("%d were made", made)
		}
	})
}

func TestDraftChecks(t *testing.T) {
	t.Parallel()
	_, err := organization.Draft("ab", "login")
	if p, ok := errors.AsType[*schema.Problems](err); !ok || len(p.List) != 2 {
		t.Errorf("draft: %v", err)
	}
}

func TestDeletedOrganizations(t *testing.T) {
	each(t, func(b *bench) {
		org := b.organization("gone")
		user := b.user("a@example.com", "", org)
		bearer := b.orgToken(org)
		b.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE organizations SET deleted_at = ? WHERE id = ?`, tx.Now(), org)
			tx.AfterCommit(b.tokens.Forget)
			return err
		})
		b.call(bearer, "GET", "/v1/organizations/", "").is(401, "invalid_token")
		b.call(user, "GET", "/v1/organizations/"+string(org), "").is(404)
		b.call(user, "POST", "/v1/organizations/", `{"name":"Again","slug":"gone"}`).is(422, "already exists")
		if list, err := organization.List(t.Context(), b.db); err != nil || len(list) != 0 {
			t.Errorf("%d left: %v", len(list), err)
		}
	})
}
