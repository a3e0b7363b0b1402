package token

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"sync"

	"floe/internal/db"
)

// Hasher turns a clear token into what is stored: HMAC-SHA256 under the
// server's secret, in hexadecimal. It is safe for concurrent use.
type Hasher struct{ pool sync.Pool }

// NewHasher makes a hasher for a secret.
func NewHasher(secret []byte) *Hasher {
	return &Hasher{sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
}

// Hash is the stored form of a token.
func (h *Hasher) Hash(clear string) string {
	mac := h.pool.Get().(hash.Hash)
	defer h.pool.Put(mac)
	mac.Reset()
	_, _ = io.WriteString(mac, clear) // a hash takes everything
	var sum [sha256.Size]byte
	return hex.EncodeToString(mac.Sum(sum[:0]))
}

// secretName is the row of the settings table. Whoever loses the row has lost
// every token.
const secretName = "token_secret"

// loadSecret reads the server's secret and makes one the first time. Several
// processes may come first at once: the row that was committed counts.
func loadSecret(ctx context.Context, d *db.DB) ([]byte, error) {
	const read = `SELECT value FROM settings WHERE name = ?`
	secret, err := db.One[string](ctx, d, read, secretName)
	if !errors.Is(err, db.ErrNoRows) {
		return []byte(secret), wrap("read the token secret", err)
	}
	var fresh [32]byte
	_, _ = rand.Read(fresh[:]) // never fails
	err = d.Write(ctx, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`,
			secretName, hex.EncodeToString(fresh[:]))
		if err != nil {
			return err
		}
		secret, err = db.One[string](ctx, tx, read, secretName)
		return err
	})
	return []byte(secret), wrap("make the token secret", err)
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}
