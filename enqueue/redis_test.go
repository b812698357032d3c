package enqueue

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// go-redis looks once a minute by itself, and a failover would last as long.
func TestTheViewOfAClusterIsSecondsOld(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]redis.UniversalOptions{
		"one address":   {Addrs: []string{"127.0.0.1:1"}, IsClusterMode: true},
		"two addresses": {Addrs: []string{"127.0.0.1:1", "127.0.0.1:2"}},
	} {
		cluster, is := connected(t, o).(*redis.ClusterClient)
		if !is {
			t.Fatalf("%s: no client of a cluster", name)
		}
		if age := cluster.Options().ClusterStateReloadInterval; age != 2*time.Second {
			t.Errorf("%s: the view may be %v old", name, age)
		}
	}
}
