package worker

import (
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestAsynqIsHeardOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines countingHandler
		log := newAsynqLog(slog.New(&lines))
		for i := range 1000 {
			log.Error(fmt.Sprintf("Dequeue error: dial tcp 127.0.0.1:%d: connection refused", 40000+i))
			log.Error(fmt.Sprintf("Could not remove task id=%x type=media:run from active; will retry", i*7919))
			log.Warn("recoverer: could not list lease expired tasks")
		}
		if n := lines.n.Load(); n != 3 {
			t.Errorf("%d lines for three things said a thousand times each", n)
		}
		time.Sleep(repeatAfter)
		log.Error("Dequeue error: dial tcp 127.0.0.1:6379: connection refused")
		if n := lines.n.Load(); n != 4 {
			t.Errorf("%d lines after a minute, want one more", n)
		}
		for i := range 10 * maxSaid {
			log.Info(fmt.Sprint(string(rune('a'+i%26)), string(rune('a'+i/26%26)), string(rune('a'+i/676))))
		}
		if len(log.said) > maxSaid {
			t.Errorf("%d texts are remembered, at most %d should be", len(log.said), maxSaid)
		}
	})
}
