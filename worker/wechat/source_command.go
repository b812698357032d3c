package wechat

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os/exec"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// commandTimeout bounds one run of a token command.
const commandTimeout = 30 * time.Second

// commandSource runs a program that prints a token. Its standard error is not repeated, since it may have secrets.
type commandSource struct {
	client  *Client
	account Account
}

func (s commandSource) fetch(ctx context.Context, _ bool) (grant, error) {
	const op = "get access token from the command"
	ctx, cancel := context.WithTimeoutCause(ctx, commandTimeout, errCommandSlow)
	defer cancel()
	out := &bounded{room: maxAnswer}
	cmd := exec.CommandContext(ctx, s.account.Command[0], s.account.Command[1:]...)
	cmd.Stdout = out
	cmd.WaitDelay = time.Second // a grandchild may keep the pipe open
	err := cmd.Run()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	switch {
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return grant{}, &tasks.Error{Code: tasks.AccountHeld, Op: op, Err: plain(err),
			Hint: "check the account's command: its path, and that this user may run it", RetryAfter: recheckAccount}
	case err != nil:
		return grant{}, &tasks.Error{Code: tasks.Temporary, Op: op, Err: plain(err), Hint: "run the account's command by hand"}
	}
	return s.client.foreignGrant(request{op: op, zone: s.account.ResetZone}, reply{status: http.StatusOK, body: out.Bytes()})
}

var (
	errCommandSlow = tasks.Textf("it did not end within 30 s")
	errCommandLong = tasks.Textf("it printed more than any token has")
)

// bounded is a buffer that refuses to grow above its bound.
type bounded struct {
	bytes.Buffer
	room int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.room {
		return 0, errCommandLong
	}
	return b.Buffer.Write(p)
}
