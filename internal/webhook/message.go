package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"floe/internal/db"
	"floe/internal/journal"
	"floe/internal/schema"
)

// stamp is a time with its microseconds, also where they are zero.
const stamp = "2006-01-02T15:04:05.000000Z"

// message is one entry as it is said: the object is encoded once, whoever
// listens.
type message struct {
	entry *journal.Entry
	at    time.Time
	data  json.RawMessage
	raw   string
	node  *schema.Node // of data, for the chats
}

func (s *Service) newMessage(ctx context.Context, tx *db.Tx, e *journal.Entry, at time.Time) (*message, error) {
	v := e.Payload
	render, ok := v.(journal.Render)
	if object := s.Objects[kindOf(e)]; v == nil && object != nil {
		render, ok = func(ctx context.Context, tx *db.Tx) (any, error) { return object(ctx, tx, e) }, true
	}
	if ok {
		var err error
		if v, err = render(ctx, tx); err != nil {
			return nil, fmt.Errorf("payload of %s: %w", e.Type, err)
		}
	}
	return &message{entry: e, at: at, data: schema.JSON(v)}, nil
}

// in is the message in the form of a listener; empty when that form has
// nothing to say.
func (m *message) in(l *listener) string {
	if l.Format == Raw {
		if m.raw == "" {
			m.raw = string(Envelope(m.entry.Type, m.at, m.data))
		}
		return m.raw
	}
	if m.node == nil {
		m.node, _ = schema.Parse(m.data) // what we encode always parses
	}
	return chat(l.Format, m.entry.Type, m.node, l.name)
}

// Envelope is the body of a raw message.
func Envelope(typ string, at time.Time, data json.RawMessage) []byte {
	out := schema.AppendString(append(make([]byte, 0, len(data)+96), `{"type":`...), typ)
	out = at.UTC().AppendFormat(append(out, `,"timestamp":"`...), stamp)
	out = append(append(out, `","data":`...), data...)
	return append(out, '}')
}
