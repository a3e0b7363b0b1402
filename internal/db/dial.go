package db

import (
	"cmp"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// connectTime is how long a server may take to let somebody in, unless the URL
	// says otherwise (connect_timeout). Where that names several, the next one is
	// tried then.
	connectTime = 10 * time.Second
	// silence is how long a server may leave unconfirmed what it was sent. One that
	// has lost its power, or its network, says nothing more, and the system would
	// hope for a quarter of an hour.
	silence = 20 * time.Second
)

// wary makes connections that notice when the other end is gone without a word.
// Where the URL does not say how long it may take to connect, it is so long.
func wary(config *pgx.ConnConfig, connect time.Duration) {
	config.ConnectTimeout = cmp.Or(config.ConnectTimeout, connect)
	dialer := &net.Dialer{
		Timeout:         config.ConnectTimeout,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: silence / 2, Interval: silence / 4, Count: 4},
		Control:         boundSilence,
	}
	config.DialFunc = dialer.DialContext
}
