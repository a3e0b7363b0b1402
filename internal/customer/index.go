package customer

import "floe/internal/db"

// maxIndexed is how long external ids and values of metadata may be to stand
// in an index as they are; see db.IndexText.
const maxIndexed = 512

func indexText(s string) string { return db.IndexText(s, maxIndexed) }

func indexed(s *string) *string {
	if s == nil {
		return nil
	}
	v := indexText(*s)
	return &v
}

// ifLong is the text itself where an index holds something else.
func ifLong(s *string) *string {
	if s == nil || len(*s) <= maxIndexed {
		return nil
	}
	return s
}
