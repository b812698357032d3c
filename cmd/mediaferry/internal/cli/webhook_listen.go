package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/worker/webhook/webhooktest"
)

func (a *app) webhookListenCommand() *cobra.Command {
	var (
		listen, secretPath string
		count              int
		exposed            bool
	)
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Receive webhooks on this machine and print each event as a line",
		Long: `A receiver to try webhooks with. It verifies with the local secret, answers 401 if a request does not verify, and prints
each event once, even if it comes several times. The first line on stderr has its address.`,
		Example: `  mediaferry webhook listen --listen 127.0.0.1:9000
  mediaferry upload --callback http://127.0.0.1:9000/ photos/`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !exposed {
				if err := checkLoopback("--listen", listen, "loopback.receiver"); err != nil {
					return err
				}
			}
			secrets, err := a.verifySecrets(cmd.Context(), secretPath)
			if err != nil {
				return err
			}
			receiver, err := webhooktest.NewReceiver(secrets...)
			if err != nil {
				return exit.Usage(err)
			}
			return a.receive(cmd.Context(), listen, receiver, count)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:0", "loopback `address`; port 0 takes a free one")
	cmd.Flags().BoolVar(&exposed, "exposed", false, "listen where others can reach it, as in a network of containers")
	cmd.Flags().StringVar(&secretPath, "secret-file", "", "`FILE` with the secrets, one a line (default: the local secret)")
	cmd.Flags().IntVar(&count, "count", 0, "end after this many events; 0: never")
	return cmd
}

// stopTime is how long the last answers may take.
const stopTime = 10 * time.Second

// receive prints events until ctx ends, or count of them.
func (a *app) receive(ctx context.Context, address string, receiver *webhooktest.Receiver, count int) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return exit.Usagef("--listen: %w", err)
	}
	fmt.Fprintf(a.Err, "http://%s\n", l.Addr())
	server := wire.NewServer(receiver)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	err = a.printEvents(ctx, receiver, count)
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if server.Shutdown(stop) != nil { // the last answer is still on its way
		server.Close()
	}
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		return serveErr
	}
	return err
}

func (a *app) printEvents(ctx context.Context, receiver *webhooktest.Receiver, count int) error {
	for seen := 0; count == 0 || seen < count; {
		events, err := receiver.Wait(ctx, seen+1)
		if err != nil {
			return nil //nolint:nilerr // ctx is over: the person has seen enough
		}
		for _, e := range events[seen:] {
			if _, err := fmt.Fprintf(a.Out, "%s\n", e.Body); err != nil {
				return err
			}
		}
		seen = len(events)
	}
	return nil
}

// checkLoopback refuses an address that others could reach.
func checkLoopback(flag, address, instead string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return exit.Usagef("%s: %w", flag, err)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return exit.Usage(words.Fail("loopback.not", "Flag", flag, "Host", host, "Instead", words.Fail(instead)))
	}
	return nil
}
