package fleet

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
)

// freePort finds a port below those of outgoing connections: none of them can take it while its server is down.
func freePort() (int, error) {
	const first, last, tries = 10000, 32000, 200
	for range tries {
		port := first + rand.IntN(last-first)
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port, nil
		}
	}
	return 0, errors.New("no free port on loopback")
}
