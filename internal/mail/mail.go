// Package mail sends mail to the people who run things here. A message is
// queued in the transaction that causes it and sent by a job after the commit,
// again until a server has taken it. Without a server nothing is queued. It
// does not know what messages are about.
package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/job"
)

// Message is a mail to one person.
type Message struct {
	To      string `json:"to"`
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// Sender hands a message to a mail server. The id is the same each time that it
// is tried. ErrRefused says that trying again cannot help.
type Sender interface {
	Send(ctx context.Context, id string, m Message) error
}

// ErrRefused is in errors about messages that the server will never take.
var ErrRefused = errors.New("the mail server refuses the message")

// Outbox takes messages. One without a Sender drops them.
type Outbox struct {
	Sender Sender
	Jobs   *job.Runner
	Clock  clock.Clock
	Logger *slog.Logger
}

// JobSend sends one message.
const JobSend = "mail.send"

// keepTrying is how long a message is tried.
const keepTrying = 3 * 24 * time.Hour

type letter struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
	Message
}

// Queue has messages sent if and only if the transaction commits.
func (o *Outbox) Queue(ctx context.Context, tx *db.Tx, messages ...Message) error {
	if o == nil || o.Sender == nil {
		return nil
	}
	for _, m := range messages {
		if err := o.Jobs.Enqueue(ctx, tx, JobSend, letter{string(id.New()), clock.Normal(o.Clock.Now()), m}); err != nil {
			return fmt.Errorf("queue a mail: %w", err)
		}
	}
	return nil
}

// Send is the job. What is refused, or too old, is given up; the log says so.
func (o *Outbox) Send(ctx context.Context, args json.RawMessage) error {
	var l letter
	if err := json.Unmarshal(args, &l); err != nil {
		return err
	}
	if o.Sender == nil { // there was one when it was queued
		o.Logger.Warn("a mail was dropped, because no mail server is set any more", "subject", l.Subject)
		return nil
	}
	err := o.Sender.Send(ctx, l.ID, l.Message)
	switch {
	case errors.Is(err, ErrRefused):
		o.Logger.Error("a mail was given up", "subject", l.Subject, "error", err)
		return nil
	case err != nil && o.Clock.Now().Sub(l.At) > keepTrying:
		o.Logger.Error("a mail was given up after three days", "subject", l.Subject, "error", err)
		return nil
	}
	return err
}
