package customer

import "strings"

// Remembers says whether a text is in memory for guessing how rare letters are.
func (s *Service) Remembers(text string) bool {
	now := s.samples.current.Load()
	if now == nil {
		return false
	}
	for _, t := range now.texts {
		if strings.Contains(t, text) {
			return true
		}
	}
	return false
}
