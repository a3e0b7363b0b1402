package db

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// laterStatement waits to be sent to PostgreSQL.
type laterStatement struct {
	text string
	args []any
}

// Later runs a statement whose result does not matter. On PostgreSQL it is
// sent with the next statement that has one, or with the commit: then all of
// them cost one round trip. Its error, too, comes with those; a commit reports
// it like one of its own. On SQLite it runs at once.
func Later(ctx context.Context, tx *Tx, text string, args ...any) error {
	pg, ok := tx.run.(*pgRunner)
	if !ok {
		_, err := tx.exec(ctx, text, args)
		return err
	}
	if err := tx.usable(); err != nil {
		return err
	}
	tx.db.stats.queries.Add(1)
	pg.later = append(pg.later, laterStatement{tx.db.texts.get(text).text, tx.bind(args)})
	return nil
}

// flush sends what waits, and the end of the transaction with it when that is
// wanted.
func (p *pgRunner) flush(ctx context.Context, commit bool) error {
	if len(p.later) == 0 && !commit {
		return nil
	}
	b := p.waiting()
	if commit {
		b.Queue("COMMIT")
	}
	statements := b.Len()
	if commit && p.locate {
		b.Queue(selectPosition)
	}
	sent := p.conn.SendBatch(ctx, b)
	last, err := took(sent, statements)
	if err != nil {
		return err
	}
	if commit && last.String() != "COMMIT" { // a failed transaction ends in a rollback
		return errors.Join(fmt.Errorf("db: COMMIT answers %s", last), sent.Close())
	}
	if commit && p.locate {
		p.position = located(sent)
		_ = sent.Close() // what was committed is committed
		return nil
	}
	return sent.Close()
}

// waiting takes what waits to be sent.
func (p *pgRunner) waiting() *pgx.Batch {
	b := &pgx.Batch{}
	for _, s := range p.later {
		b.Queue(s.text, s.args...)
	}
	p.later, p.begun = nil, true
	return b
}

// took waits for the answers to so many statements, and returns the last. After
// an error there are no more.
func took(answers pgx.BatchResults, statements int) (last pgconn.CommandTag, err error) {
	for range statements {
		if last, err = answers.Exec(); err != nil {
			return last, errors.Join(err, ignoreSame(err, answers.Close()))
		}
	}
	return last, nil
}

// located reads where a commit is: everything up to there includes it.
func located(sent pgx.BatchResults) Position {
	var text string
	if sent.QueryRow().Scan(&text) != nil {
		return 0
	}
	p, _ := ParsePosition(text)
	return p
}

// ignoreSame drops an error that says what another has said.
func ignoreSame(err, again error) error {
	if again == nil || again.Error() == err.Error() {
		return nil
	}
	return again
}

func (p *pgRunner) commit(ctx context.Context) error {
	if err := p.flush(ctx, true); err != nil {
		return err
	}
	p.committed = true
	return nil
}

// rollback ends a transaction that was not committed. A connection on which
// that fails is not used again: pgx looks for open transactions.
func (p *pgRunner) rollback(ctx context.Context) {
	if p.begun && !p.committed {
		_, _ = p.conn.Exec(ctx, "ROLLBACK")
	}
}
