package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// deadConnections is how many connections of a pool may be found dead, one after the other, once a server has restarted:
// none of our pools is larger. The driver looks only at those that were idle for a second.
const deadConnections = 4

// Retry calls read until it has begun. It tries again where its connection was dead or led to the wrong server. Where the
// server has no connection left it tries until ctx ends: others give back theirs when they are idle.
func (h *Handle) Retry(ctx context.Context, read func() (began bool, err error)) error {
	for try := 1; ; try++ {
		began, err := read()
		learned := h.Learn(err)
		switch {
		case err == nil, began:
			return err
		case learned, errors.Is(err, driver.ErrBadConn), isCode(err, codesEnded...):
			if try > deadConnections {
				return err
			}
			continue
		case !isCode(err, codeTooMany):
			return err
		}
		h.spare()
		pause := time.NewTimer(min(time.Duration(try)*5*time.Millisecond, 100*time.Millisecond))
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return err
		}
	}
}

// spare keeps no more idle connections than the work needs, from now on: the server has too few of them.
func (h *Handle) spare() {
	h.Reads.SetMaxIdleConns(1)
	h.Views.SetMaxIdleConns(-1)
}
