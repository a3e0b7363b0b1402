package invoice

import "testing"

func TestInMetadata(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"":          "\xfe\xff",
		"Aé":        "\xfe\xff\x00A\x00\xe9",
		"👩":         "\xfe\xff\xd8\x3d\xdc\x69",
		"a\xae\xe2": "\xfe\xff\x00a\xff\xfd\xff\xfd",
	} {
		if got := inMetadata(s); got != want {
			t.Errorf("%q: % x, want % x", s, got, want)
		}
	}
}
