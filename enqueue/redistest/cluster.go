package redistest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// Cluster is a Redis Cluster whose masters have a replica each. A master that is silent for a second counts as failed, and
// its replica becomes a master.
type Cluster struct {
	tb      testing.TB
	nodes   []*Server
	names   map[string]*Server // by the ID that the cluster gives them
	clients map[*Server]*redis.Client
}

const slots = 16384

// StartCluster starts a cluster that lives as long as the test, and returns when it serves. args are redis-server's own.
func StartCluster(tb testing.TB, masters int, args ...string) *Cluster {
	tb.Helper()
	c := &Cluster{tb: tb, names: map[string]*Server{}, clients: map[*Server]*redis.Client{}}
	settings := append([]string{"--cluster-node-timeout", "1000", "--repl-diskless-sync-delay", "0"}, args...)
	for range 2 * masters {
		s := serve(tb)(launchNode(tb.TempDir(), settings...))
		c.nodes = append(c.nodes, s)
		c.clients[s] = s.Client()
		c.names[c.id(s)] = s
	}
	first := c.nodes[0].process
	for i, s := range c.nodes {
		c.does(s, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
		if i < masters {
			c.does(s, "CLUSTER", "ADDSLOTSRANGE", i*slots/masters, (i+1)*slots/masters-1)
		}
		if i > 0 {
			c.does(s, "CLUSTER", "MEET", "127.0.0.1", first.port, first.bus)
		}
	}
	c.await("they all know each other", c.nodes, "CLUSTER", fmt.Sprintf("cluster_known_nodes:%d", len(c.nodes)))
	for i, s := range c.nodes[masters:] {
		c.does(s, "CLUSTER", "REPLICATE", c.id(c.nodes[i]))
	}
	c.await("the replicas follow", c.nodes[masters:], "replication", "master_link_status:up")
	c.await("the masters have a replica", c.nodes[:masters], "replication", "connected_slaves:1")
	c.await("the cluster serves", c.nodes, "CLUSTER", "cluster_state:ok")
	return c
}

// URL returns the redis-cluster:// URL of all nodes.
func (c *Cluster) URL() string {
	addrs := make([]string, len(c.nodes))
	for i, s := range c.nodes {
		addrs[i] = s.Addr()
	}
	return "redis-cluster://" + strings.Join(addrs, ",")
}

// Client returns a new client of the cluster that is closed with the test.
func (c *Cluster) Client() *redis.ClusterClient {
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{c.nodes[0].Addr()}, ContextTimeoutEnabled: true})
	c.tb.Cleanup(func() { _ = client.Close() })
	return client
}

// Holder returns the master that has a key.
func (c *Cluster) Holder(key string) *Server {
	c.tb.Helper()
	slot := c.slot(key)
	shards, err := c.clients[c.alive()[0]].ClusterShards(c.tb.Context()).Result()
	if err != nil {
		c.tb.Fatal(err)
	}
	for _, s := range shards {
		if !slices.ContainsFunc(s.Slots, func(r redis.SlotRange) bool { return r.Start <= int64(slot) && int64(slot) <= r.End }) {
			continue
		}
		for _, n := range s.Nodes {
			if n.Role == "master" && n.Health == "online" {
				return c.names[n.ID]
			}
		}
	}
	c.tb.Fatalf("no node has slot %d, of %s", slot, key)
	return nil
}

// Masters returns the nodes that are masters and alive.
func (c *Cluster) Masters() []*Server {
	c.tb.Helper()
	return slices.DeleteFunc(c.alive(), func(s *Server) bool {
		return !strings.Contains(c.says(s, "replication"), "role:master")
	})
}

// Move gives the slot of a key to another master, one key after the other, while the cluster serves.
func (c *Cluster) Move(key string, to *Server) {
	c.tb.Helper()
	slot, from := c.slot(key), c.Holder(key)
	c.does(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.id(from))
	c.does(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", c.id(to))
	for source := c.clients[from]; ; {
		const some = 10
		keys, err := source.ClusterGetKeysInSlot(c.tb.Context(), slot, some).Result()
		if err != nil {
			c.tb.Fatal(err)
		}
		if len(keys) == 0 {
			break
		}
		move := []any{"MIGRATE", "127.0.0.1", to.process.port, "", 0, 5000, "KEYS"}
		for _, k := range keys {
			move = append(move, k)
		}
		c.does(from, move...)
	}
	for _, s := range append([]*Server{to, from}, c.Masters()...) {
		c.does(s, "CLUSTER", "SETSLOT", slot, "NODE", c.id(to))
	}
}

func (c *Cluster) slot(key string) int {
	c.tb.Helper()
	n, err := c.clients[c.alive()[0]].ClusterKeySlot(c.tb.Context(), key).Result()
	if err != nil {
		c.tb.Fatal(err)
	}
	return int(n)
}

func (c *Cluster) alive() []*Server {
	return slices.DeleteFunc(slices.Clone(c.nodes), func(s *Server) bool { return !s.process.Running() })
}

func (c *Cluster) id(s *Server) string {
	c.tb.Helper()
	return fmt.Sprint(c.does(s, "CLUSTER", "MYID"))
}

func (c *Cluster) does(s *Server, command ...any) any {
	c.tb.Helper()
	answer, err := c.clients[s].Do(c.tb.Context(), command...).Result()
	if err != nil {
		c.tb.Fatalf("%v: %v", command, err)
	}
	return answer
}

// await waits until each of these nodes says a line: of CLUSTER INFO, or of a section of INFO.
func (c *Cluster) await(what string, nodes []*Server, section, line string) {
	c.tb.Helper()
	taskstest.Until(c.tb, what, func() bool {
		return !slices.ContainsFunc(nodes, func(s *Server) bool { return !strings.Contains(c.says(s, section), line+"\r\n") })
	})
}

func (c *Cluster) says(s *Server, section string) string {
	c.tb.Helper()
	if section == "CLUSTER" {
		return fmt.Sprint(c.does(s, "CLUSTER", "INFO"))
	}
	return fmt.Sprint(c.does(s, "INFO", section))
}
