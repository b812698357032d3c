package enqueue

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

func TestEmbeddedAsksForItsPassword(t *testing.T) {
	t.Parallel()
	e, err := StartEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	o := e.Options()
	if err := connected(t, o).Ping(t.Context()).Err(); err != nil {
		t.Errorf("with its password: %v", err)
	}
	o.Password = ""
	if err := connected(t, o).Ping(t.Context()).Err(); !redis.HasErrorPrefix(err, "NOAUTH") {
		t.Errorf("without a password: %v, want NOAUTH", err)
	}
	if other, err := StartEmbedded(); err != nil {
		t.Error(err)
	} else {
		defer other.Close()
		if other.Options().Password == e.Options().Password {
			t.Error("two brokers have the same password")
		}
	}
}

func TestEmbeddedKeysExpireByThemselves(t *testing.T) {
	t.Parallel()
	c := embeddedRedis(t)
	if err := c.Set(t.Context(), "k", "v", 30*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	taskstest.Until(t, "the key is gone", func() bool { return c.Exists(t.Context(), "k").Val() == 0 })
}
