package email_test

import (
	"testing"

	"floe/internal/email"
)

func TestAvatarURL(t *testing.T) {
	t.Parallel()
	const gravatar = "https://www.gravatar.com/avatar/e233d4a29013e9d87150c6237c6777bedf379ebf1acdc5d6126fec7e8bb74fb5?d=404"
	for _, tc := range []struct{ address, key, want string }{
		{"customer@example.com", "", gravatar},
		{"Customer@Example.COM", "", gravatar},
		{"customer@example.com", "pk_1", "https://img.logo.dev/example.com?size=64&retina=true&token=pk_1&fallback=404"},
		{"Customer@Example.COM", "pk_1", "https://img.logo.dev/example.com?size=64&retina=true&token=pk_1&fallback=404"},
		{"a@münchen.de", "pk", "https://img.logo.dev/m%C3%BCnchen.de?size=64&retina=true&token=pk&fallback=404"},
	} {
		if got := email.AvatarURL(tc.address, tc.key); got != tc.want {
			t.Errorf("AvatarURL(%q, %q) = %q, want %q", tc.address, tc.key, got, tc.want)
		}
	}
	for _, domain := range []string{
		"gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "aol.com", "icloud.com", "mail.com", "protonmail.com",
		"proton.me", "zoho.com", "gmx.com", "yandex.com", "msn.com", "live.com", "qq.com", "GMail.com",
	} {
		if got := email.AvatarURL("a@"+domain, "pk"); got != email.AvatarURL("a@"+domain, "") {
			t.Errorf("AvatarURL of a personal address at %s = %q", domain, got)
		}
	}
}
