package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresServer is a PostgreSQL that stays on one port and one directory over its restarts.
type postgresServer struct {
	*process
	port int
}

const postgresOwner = "mediaferry"

func newPostgres(dir string) (*postgresServer, error) {
	bin, err := postgresBinaries()
	if err != nil {
		return nil, err
	}
	home := filepath.Join(dir, "postgres")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	log, err := appendFile(filepath.Join(dir, "postgres.log"))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	who, err := postgresUser(home)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(home, "data")
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...) //nolint:noctx // supervise ends it; initdb takes a second
		cmd.Dir, cmd.Env = home, append(os.Environ(), "LC_ALL=C")
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
		return cmd
	}
	initdb := run("initdb", "-D", data, "-A", "trust", "-U", postgresOwner, "-E", "UTF8", "--locale=C", "--no-sync")
	if text, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w\n%s", err, text)
	}
	s := &postgresServer{}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	// Processes are killed here, the machine's power stays on: fsync would prove nothing and slow everything down.
	s.process = newProcess("postgres", log, func() *exec.Cmd {
		return run("postgres", "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-k", home,
			"-c", "fsync=off", "-c", "max_connections=200", "-c", "shared_buffers=64MB")
	})
	return s, nil
}

func (s *postgresServer) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

func postgresURL(addr string) string {
	return "postgres://" + postgresOwner + "@" + addr + "/postgres?sslmode=disable"
}

func (s *postgresServer) answers(ctx context.Context) error {
	return untilNil(ctx, 2*time.Minute, func() error {
		conn, err := pgx.Connect(ctx, postgresURL(s.addr()))
		if err != nil {
			return err
		}
		return conn.Close(ctx)
	})
}

// postgresUser is somebody who may run the server in our place, since it refuses root, and gets home. Nil: we may.
func postgresUser(home string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil //nolint:nilnil // no other user is needed
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.Atoi(u.Uid)
		gid, errGID := strconv.Atoi(u.Gid)
		if err := errors.Join(errUID, errGID, os.Chown(home, uid, gid)); err != nil {
			return nil, fmt.Errorf("run PostgreSQL as %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root, and there is neither a user postgres nor a user nobody")
}

// postgresBinaries finds the directory of initdb and postgres, the newest version first.
func postgresBinaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	version := func(path string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 where it has no number
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if p, err := exec.LookPath("postgres"); err == nil {
		found = append(found, p)
	}
	for _, p := range found {
		dir := filepath.Dir(p)
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("there are no initdb and postgres on this machine: `make test` installs them, or: apt-get install postgresql; or run with -ledger sqlite")
}
