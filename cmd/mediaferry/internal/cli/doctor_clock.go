package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/config"
)

// maxSkew is how far this clock may be from WeChat's: receivers of webhooks take five minutes, and tokens are
// refreshed some minutes before they expire.
const maxSkew = time.Minute

// clock compares this machine's clock with the Date in an answer of WeChat's server. Any answer serves.
func (d *doctor) clock(ctx context.Context, cfg config.Config) {
	const check = "clock"
	began := time.Now()
	date, err := serverDate(ctx, cfg)
	if err != nil {
		d.good(check, "doctor.not_compared", "Why", err)
		return
	}
	skew := time.Until(date).Round(time.Second)
	took := time.Since(began)
	if skew.Abs() > maxSkew+took {
		d.bad(check, words.Fail("doctor.skew", "Skew", skew.Abs()), d.advise("doctor.ntp"))
		return
	}
	d.good(check, "doctor.clock", "Skew", max(skew.Abs(), time.Second))
}

func serverDate(ctx context.Context, cfg config.Config) (time.Time, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true
	if cfg.WeChat.Proxy != "" {
		proxy, err := url.Parse(cfg.WeChat.Proxy.Reveal())
		if err != nil {
			return time.Time{}, fmt.Errorf("wechat.proxy is not a URL")
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, cfg.WeChat.BaseURL[0], http.NoBody)
	if err != nil {
		return time.Time{}, fmt.Errorf("wechat.base_url is not a URL")
	}
	resp, err := (&http.Client{Transport: transport, Timeout: cfg.WeChat.ConnectTimeout}).Do(req)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s did not answer", req.URL.Host)
	}
	defer resp.Body.Close()
	return http.ParseTime(resp.Header.Get("Date"))
}
