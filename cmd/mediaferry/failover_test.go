package main

import (
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// bulkKey is the key of the tasks that workers take bulk uploads from.
const bulkKey = "asynq:{mediaferry:bulk}:pending"

// through is a fleet of two workers on one Redis of several servers, with uploads under way.
type through struct {
	*clitest.Ground
	ledger *ledger.Ledger
	sent   int
}

func newThrough(t *testing.T, redisURL string) *through {
	t.Helper()
	g := clitest.New(t, wechattest.Config{})
	g.Set("MEDIAFERRY_REDIS_URL", redisURL)
	g.Set("MEDIAFERRY_LEDGER_URL", ledgertest.Postgres(t))
	g.Set("MEDIAFERRY_TOKEN_KEY", strings.Repeat("0123456789abcdef", 4))
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "4")
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: 100 * time.Millisecond}, 1)
	s := &through{Ground: g, ledger: g.Ledger()}
	g.Start("worker")
	g.Start("worker")
	joined(t, s.ledger, 2)
	return s
}

// lives through something that happens while uploads are under way, and more are submitted: each succeeds all the same.
func (s *through) lives(what string, happens func()) {
	s.T.Helper()
	const before, after = 240, 40
	pictures(s.Ground, s.ledger, "default", before)
	s.sent += before
	taskstest.Until(s.T, "uploads are under way", func() bool { return number(s.T, s.ledger, in(tasks.Succeeded, "default")) > s.sent-before+16 })
	began := time.Now()
	happens()
	pictures(s.Ground, s.ledger, "default", after)
	s.sent += after
	succeed(s.T, s.ledger, "default", s.sent)
	s.T.Logf("%s: all are done %.1f s after it", what, time.Since(began).Seconds())
	outcomes(s.Ground, s.ledger, s.sent)
}

func TestAClusterThatLosesItsMasterLosesNoUpload(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	c := redistest.StartCluster(t, 3)
	newThrough(t, c.URL()).lives("a master is killed", func() { c.Holder(bulkKey).Kill() })
}

func TestAClusterIsReshardedUnderLoad(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	c := redistest.StartCluster(t, 3)
	newThrough(t, c.URL()).lives("the slot of the uploads moves", func() {
		from := c.Holder(bulkKey)
		for _, to := range c.Masters() {
			if to != from {
				c.Move(bulkKey, to)
			}
		}
		if c.Holder(bulkKey) == from {
			t.Error("it has not moved")
		}
	})
}

func TestAClusterThatLosesTheDataOfAShardLosesNoUpload(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	c := redistest.StartCluster(t, 3)
	newThrough(t, c.URL()).lives("a shard is wiped", func() {
		if err := c.Holder(bulkKey).Client().FlushAll(t.Context()).Err(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSentinelsNameAnotherPrimaryAndNoUploadIsLost(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	w := redistest.StartWatched(t)
	newThrough(t, w.URL()).lives("the primary is killed", func() { w.Primary().Kill() })
}
