package wire

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Token tells of the access token of an account, as this process and those that share its Redis know it.
func (s *Stack) Token(ctx context.Context, name string) (tasks.TokenStatus, error) {
	return s.WeChat.Token(ctx, name)
}

// askTime is how long WeChat may take to answer a person.
const askTime = 20 * time.Second

// Probe asks WeChat about an account with its credentials as they are now: the settings are read again, and the files that
// hold secrets. It returns the errors of wechat.Client.Probe.
func (s *Stack) Probe(ctx context.Context, name string) (tasks.Probe, error) {
	now, err := s.Config.Reload()
	if err != nil {
		s.Log.WarnContext(ctx, "the settings can't be read again: WeChat is asked with those of before", "error", err)
		now = s.Config
	}
	client, err := NewWeChat(now, s.TokenStore(), s.Log)
	if err != nil {
		return tasks.Probe{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if err := client.Probe(ctx, name); err != nil {
		return tasks.Probe{}, err
	}
	quota, err := client.Quota(ctx, name)
	if err != nil {
		return tasks.Probe{}, err
	}
	token, err := client.Token(ctx, name)
	return tasks.Probe{Account: name, Used: quota.Used, DailyLimit: quota.DailyLimit, Token: &token}, err
}
