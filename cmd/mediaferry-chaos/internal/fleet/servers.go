package fleet

import (
	"context"
	"os"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/disk"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/proxy"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/redis/go-redis/v9"
)

func (f *Fleet) startRedis(context.Context) (err error) {
	appendonly := "no"
	if f.Run.AOF {
		appendonly = "yes"
	}
	if f.Redis, err = redistest.Launch(f.path("redis"), "--appendonly", appendonly); err != nil {
		return err
	}
	f.onClose(func() { _ = f.Redis.Close() }) // it may be gone already
	f.Rdb = redis.NewClient(&redis.Options{Addr: f.Redis.Addr(), ContextTimeoutEnabled: true})
	f.onClose(func() { _ = f.Rdb.Close() })
	return f.startProxy("redis", "tcp", f.Redis.Addr())
}

// LoseRedisFiles removes what Redis has written. Call it while Redis is down.
func (f *Fleet) LoseRedisFiles() error { return os.RemoveAll(f.path("redis/appendonlydir")) }

// startProxy puts a proxy in front of target. Attacks find it by name.
func (f *Fleet) startProxy(name, network, target string) error {
	p, err := proxy.New(network, target)
	if err != nil {
		return err
	}
	f.Proxies[name] = p
	f.onClose(p.Close)
	return nil
}

func (f *Fleet) startLedger(ctx context.Context) (err error) {
	direct := "sqlite:" + f.path("ledger/ledger.db")
	f.url = direct
	if f.Run.Ledger == "sqlite" {
		if err := f.makeDisk(f.path("ledger")); err != nil {
			return err
		}
	}
	if f.Run.Ledger == "postgres" {
		if f.Postgres, err = ledgertest.Launch(f.path("postgres.log")); err != nil {
			return err
		}
		f.onClose(func() { _ = f.Postgres.Close() }) // its data go with it
		if err := f.startProxy("ledger", "unix", f.Postgres.Socket()); err != nil {
			return err
		}
		direct = f.Postgres.URL()
		f.url = "postgres://" + f.Postgres.Owner() + "@" + f.Proxies["ledger"].Addr() + "/postgres?sslmode=disable"
	}
	own, err := f.clock(ownClock)
	if err != nil {
		return err
	}
	if f.ledger, err = ledger.Open(ctx, direct, ledger.Options{Now: own.Now}); err != nil {
		return err
	}
	f.onClose(func() { f.ledger.Close() })
	return nil
}

// Ballast returns a path on the disk of an SQLite ledger, for the file that fills it.
func (f *Fleet) Ballast() string { return f.path("ledger/ballast") }

// The disk of an SQLite ledger has diskBytes, and diskRow for each upload: far more than it needs.
const diskBytes, diskRow = 64 << 20, 16 << 10

// makeDisk mounts a small disk on dir, if this process may.
func (f *Fleet) makeDisk(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	size := int64(diskBytes + diskRow*f.Run.Uploads)
	if disk.Mount(dir, size) == nil {
		f.Run.Disk = size
		f.onClose(func() { _ = disk.Unmount(dir) }) // a leftover shows in the list of mounts
	}
	return nil
}
