package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/config"
)

// workers returns how many processes work off what this one submits.
func (s *stack) workers(ctx context.Context) (int, error) {
	switch {
	case s.working:
		return 1, nil
	case !s.embedded:
		return s.belt.Workers(ctx)
	}
	if _, owned, err := ownerOf(s.cfg.DataDir); err != nil || !owned {
		return 0, err
	}
	return 1, nil
}

// nobodyWorks says that submitted uploads wait for somebody, and for whom.
func nobodyWorks(cfg config.Config) string {
	if cfg.RedisURL == embedded {
		return "nobody works on this data dir now: mediaferry run does"
	}
	return "no worker is alive on this Redis: what is submitted waits until mediaferry worker, or mediaferry run, is started"
}

// explainCrew says who will do the work of what was only submitted.
func (a *app) explainCrew(ctx context.Context, s *stack) error {
	if s.embedded {
		return a.explainDetached(s.cfg)
	}
	n, err := s.workers(ctx)
	if err == nil && n == 0 {
		fmt.Fprintln(a.Err, nobodyWorks(s.cfg))
	}
	return err
}

// explainDetached is explainCrew where the belt is embedded.
func (a *app) explainDetached(cfg config.Config) error {
	if cfg.RedisURL != embedded {
		return nil
	}
	who, owned, err := ownerOf(cfg.DataDir)
	switch {
	case err != nil:
		return err
	case owned:
		fmt.Fprintf(a.Err, "%s works on them\n", who)
	default:
		fmt.Fprintln(a.Err, nobodyWorks(cfg))
	}
	return nil
}

// crewInterval is how often people who follow uploads are told who works on them: a start of a worker takes as long.
const crewInterval = 2 * time.Second

// crew watches who works on what people follow, and says so when it is nobody, and when it is somebody again.
type crew struct {
	stack  *stack
	next   time.Time
	absent bool
}

// look returns what has changed; "" for nothing.
func (c *crew) look(ctx context.Context, now time.Time) string {
	if c.next.IsZero() { // a worker that is just starting is no news
		c.next = now.Add(crewInterval / 2)
	}
	if now.Before(c.next) {
		return ""
	}
	c.next = now.Add(crewInterval)
	n, err := c.stack.workers(ctx)
	if err != nil || (n == 0) == c.absent {
		return "" // while Redis does not answer, the log says so
	}
	c.absent = n == 0
	if c.absent {
		return nobodyWorks(c.stack.cfg)
	}
	return fmt.Sprintf("%s at work now", count(n, "worker is", "workers are"))
}
