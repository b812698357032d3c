package wechat

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// static is a token from the settings, which only an operator can renew.
type static struct{ value tasks.Secret }

func (s static) get(context.Context) (Token, error)   { return Token{Value: s.value}, nil }
func (s static) check(context.Context) (Token, error) { return Token{Value: s.value}, nil }

func (s static) refuse(context.Context, Token) time.Duration { return 0 }

func (s static) renew(context.Context, Token) (Token, error) {
	return Token{}, &tasks.Error{Code: tasks.AccountHeld, Op: opToken, Err: errStatic,
		Hint: "set a new access token for the account, or its appid and secret", RetryAfter: recheckAccount}
}

var errStatic = tasks.Textf("the static access token was refused, and nobody here can renew it")
