package feed

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf16"

	"floe/internal/schema"
)

// Sum is a digest of a set: of whatever order, and kept up by adding what comes
// and taking away what goes. It is the sum, modulo 2^256, of SHA-256 hashes.
// (An exclusive or would not see what is there twice.)
type Sum struct{ words [4]uint64 } // the lowest first

// derived are fields of customers that other things decide.
var derived = []string{"avatar_url", "first_user_event_at"}

// Add adds a resource.
func (s *Sum) Add(kind, id string, text []byte) error {
	h, err := hash(kind, id, text)
	if err != nil {
		return err
	}
	var carry uint64
	for i := range s.words {
		s.words[i], carry = bits.Add64(s.words[i], h[i], carry)
	}
	return nil
}

// Remove takes a resource away that was added with this text.
func (s *Sum) Remove(kind, id string, text []byte) error {
	h, err := hash(kind, id, text)
	if err != nil {
		return err
	}
	var borrow uint64
	for i := range s.words {
		s.words[i], borrow = bits.Sub64(s.words[i], h[i], borrow)
	}
	return nil
}

// Bytes is the sum, the highest byte first.
func (s *Sum) Bytes() (out [32]byte) {
	for i, w := range s.words {
		binary.BigEndian.PutUint64(out[24-8*i:], w)
	}
	return out
}

func hash(kind, id string, text []byte) (words [4]uint64, err error) {
	n, err := schema.Parse(text)
	if err != nil {
		return words, err
	}
	b := append([]byte(nil), kind+":"+id+":"...)
	sum := sha256.Sum256(canonical(b, n, derived))
	for i := range words {
		words[i] = binary.BigEndian.Uint64(sum[24-8*i:])
	}
	return words, nil
}

// canonical writes JSON by RFC 8785: keys in the order of their UTF-16 units,
// numbers as ECMAScript prints them, nothing between.
func canonical(dst []byte, n *schema.Node, without []string) []byte {
	switch n.Kind {
	case schema.Int, schema.Float:
		return number(dst, n.Text)
	case schema.Array:
		dst = append(dst, '[')
		for i := range n.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = canonical(dst, &n.Items[i], nil)
		}
		return append(dst, ']')
	case schema.Object:
		return object(dst, n, without)
	}
	return n.Append(dst)
}

func object(dst []byte, n *schema.Node, without []string) []byte {
	order := make([]int, 0, len(n.Keys))
	for i, key := range n.Keys {
		if !slices.Contains(without, key) {
			order = append(order, i)
		}
	}
	slices.SortFunc(order, func(a, b int) int {
		return slices.Compare(utf16.Encode([]rune(n.Keys[a])), utf16.Encode([]rune(n.Keys[b])))
	})
	dst = append(dst, '{')
	for k, i := range order {
		if k > 0 {
			dst = append(dst, ',')
		}
		dst = append(schema.AppendString(dst, n.Keys[i]), ':')
		dst = canonical(dst, &n.Items[i], nil)
	}
	return append(dst, '}')
}

// number writes a number as ECMAScript does, which encoding/json does too. What
// is beyond a double is infinite there, and null in JSON; RFC 8785 has no word
// for it.
func number(dst []byte, literal string) []byte {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return append(dst, "null"...)
	}
	if f == 0 {
		f = 0 // -0 prints as 0
	}
	text, err := json.Marshal(f)
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, text...)
}
