package enqueue

import (
	"cmp"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// clusterReload is how old the view of a cluster may be. go-redis looks once a minute only, for which a failover lasts longer.
const clusterReload = 2 * time.Second

// Connect returns a client for one server, for a cluster (more than one address, or IsClusterMode), or for the primary that
// Sentinels name (MasterName). An address that begins with "/" is a unix socket. Connect does not dial yet; call Belt.Check
// to learn whether the server serves. The caller closes the client.
//
// Connect sets the zero fields of o so that an absent server is noticed within seconds, and calls end with their context.
func Connect(o redis.UniversalOptions) redis.UniversalClient {
	o.DialTimeout = cmp.Or(o.DialTimeout, 3*time.Second)
	o.ReadTimeout = cmp.Or(o.ReadTimeout, 5*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 5*time.Second)
	o.MaxRetries = cmp.Or(o.MaxRetries, 1)
	o.DialerRetries = cmp.Or(o.DialerRetries, 1)
	o.ContextTimeoutEnabled = true
	o.DisableIdentity = true // one round trip less for each connection
	if o.MaintNotificationsConfig == nil {
		o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	}
	if o.MasterName == "" && (o.IsClusterMode || len(o.Addrs) > 1) {
		cluster := o.Cluster()
		cluster.ClusterStateReloadInterval = clusterReload
		return redis.NewClusterClient(cluster)
	}
	return redis.NewUniversalClient(&o)
}
