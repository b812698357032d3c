package wechat

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

const opToken = "get access token"

// grant is a token as a source returned it.
type grant struct {
	value tasks.Secret
	life  time.Duration // from the moment it was asked for
}

// source returns tokens. force asks for another one than before, if the source can do that. Its errors are *tasks.Error.
type source interface {
	fetch(ctx context.Context, force bool) (grant, error)
}

func (c *Client) newSource(a Account) source {
	switch a.Source {
	case PlainToken:
		return plainSource{c, a}
	case TokenURL:
		return urlSource{c, a}
	case TokenCommand:
		return commandSource{c, a}
	}
	return stableSource{c, a}
}

// bareLife is the life of a token that came without expires_in.
const bareLife = 5 * time.Minute

// maxLife keeps a nonsensical expires_in from becoming a token that is never renewed. WeChat's live two hours.
const maxLife = 24 * time.Hour

var errNoToken = tasks.Textf("there is no access token in the answer")

// grantIn reads {"access_token","expires_in"}.
func grantIn(o object) (grant, error) {
	value := o.text("access_token")
	if !looksLikeToken(value) {
		return grant{}, errNoToken
	}
	life := bareLife
	if s, ok := o.number("expires_in"); ok {
		life = time.Duration(min(max(s, 0), int64(maxLife/time.Second))) * time.Second
	}
	return grant{tasks.Secret(value), life}, nil
}

// looksLikeToken reports whether s may be a token. An error page is not one.
func looksLikeToken(s string) bool {
	return s != "" && len(s) <= 4096 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '<' || r == '{' })
}

// foreignGrant reads the answer of a token URL or command: the JSON of WeChat's token call, its JSON of an error, or a bare
// token.
func (c *Client) foreignGrant(q request, r reply) (grant, error) {
	if bare := strings.TrimSpace(string(r.body)); r.status < 300 && looksLikeToken(bare) {
		return grant{tasks.Secret(bare), bareLife}, nil
	}
	o, err := c.judge(APIToken, q, r)
	if err != nil {
		return grant{}, err
	}
	g, err := grantIn(o)
	if err != nil {
		return grant{}, &tasks.Error{Code: tasks.Temporary, Op: q.op, Err: err}
	}
	return g, nil
}

// fromWeChat makes a token call.
func (c *Client) fromWeChat(ctx context.Context, q request) (grant, error) {
	q.op, q.short = opToken, true
	q.secrets = append(q.secrets, c.proxy...)
	r, err := c.exchange(ctx, q)
	if err != nil {
		return grant{}, err
	}
	o, err := c.judge(APIToken, q, r)
	if err != nil {
		return grant{}, err
	}
	g, err := grantIn(o)
	if err != nil || r.status != http.StatusOK {
		return grant{}, &tasks.Error{Code: tasks.Temporary, Op: q.op, Err: errNoToken}
	}
	return g, nil
}
