package wechat

import (
	"context"
	"net/http"
	"net/url"

	"github.com/mediaferry/mediaferry/tasks"
)

// maxMedia bounds a media that Fetch reads, in bytes. WeChat takes 10 MB at most.
const maxMedia = 32 << 20

// Fetch returns the bytes of a media, at most 32 MiB. It returns NotFound for a media_id that is wrong or has expired,
// Unsupported for a video, of which WeChat returns a link only, and otherwise the errors of Upload.
func (c *Client) Fetch(ctx context.Context, account, mediaID string) ([]byte, error) {
	a, err := c.account(account)
	if err != nil {
		return nil, err
	}
	if !isMediaID(mediaID) {
		return nil, &tasks.Error{Code: tasks.NotFound, Op: opFetch, Err: errBadID}
	}
	var body []byte
	err = c.withToken(ctx, a, func(t Token) error {
		body, err = c.fetch(ctx, a, t, mediaID)
		return err
	})
	return body, err
}

const opFetch = "get media"

var (
	errBadID = tasks.Textf("this is no media_id")
	errLink  = tasks.Textf("WeChat gives only a link to this video")
)

func (c *Client) fetch(ctx context.Context, a *account, t Token, mediaID string) ([]byte, error) {
	q := request{
		op: opFetch, method: http.MethodGet, path: "/cgi-bin/media/get",
		query: url.Values{"access_token": {t.Value.Reveal()}, "media_id": {mediaID}},
		limit: maxMedia, zone: a.known.ResetZone, secrets: a.hide(t),
	}
	r, err := c.exchange(ctx, q)
	if err != nil {
		return nil, err
	}
	if r.status == http.StatusOK && len(r.body) > 0 {
		if len(r.body) > maxAnswer {
			return r.body, nil
		}
		if _, isJSON := parse(r.body); !isJSON { // a media is never JSON
			return r.body, nil
		}
	}
	o, err := c.judge(APIGet, q, r)
	if err != nil {
		return nil, err
	}
	if o.text("video_url") != "" || o.text("down_url") != "" {
		return nil, &tasks.Error{Code: tasks.Unsupported, Op: q.op, Err: errLink}
	}
	return nil, &tasks.Error{Code: tasks.Temporary, Op: q.op, Err: noAnswer(r)}
}
