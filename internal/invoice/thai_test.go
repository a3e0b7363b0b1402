package invoice

import "testing"

// TestLift: tones go above vowels, and signs to the left of tall stems; what is
// left of a text has its width.
func TestLift(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		rest  string
		moved []sign
	}{
		"กา":    {"กา", nil},
		"ก้าน":  {"ก้าน", nil},
		"ที่":   {"ที", []sign{{6, "่", above, 0}}},
		"น้ำ":   {"นำ", []sign{{3, "้", above, 0}}},
		"ป่า":   {"ปา", []sign{{3, "่", 0, beside}}},
		"ปู่":   {"ปู", []sign{{6, "่", 0, beside}}},
		"ฝั่ง":  {"ฝง", []sign{{3, "ั", 0, beside}, {3, "่", above, beside}}},
		"กุ้ง":  {"กุ้ง", nil},
		"Café":  {"Café", nil},
		"北京 88": {"北京 88", nil},
	} {
		rest, moved := lift(in)
		if rest != want.rest || len(moved) != len(want.moved) {
			t.Errorf("%s: %q and %v, want %q and %v", in, rest, moved, want.rest, want.moved)
			continue
		}
		for i := range moved {
			if moved[i] != want.moved[i] {
				t.Errorf("%s: %v, want %v", in, moved, want.moved)
			}
		}
	}
}

// TestThaiLines: a line does not end between a letter and what belongs to it.
func TestThaiLines(t *testing.T) {
	t.Parallel()
	for pair, want := range map[string]bool{"กก": true, "กั": false, "ก่": false, "กา": false, "เก": false, "北京": true, "京ก": true} {
		r := []rune(pair)
		if got := parts(r[0], r[1]); got != want {
			t.Errorf("a line may end within %s: %v", pair, got)
		}
	}
}
