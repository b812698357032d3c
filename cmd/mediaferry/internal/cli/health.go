package cli

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
)

func (a *app) healthCommand() *cobra.Command {
	var live bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask the run, worker or serve beside it whether it is ready",
		Long: `Asks the process that was started with the same settings, on metrics.listen (or listen, where that is off), whether it
can do its work: the ledger answers and, of a run or worker, Redis and the storage are there. It exits with 0 if so and with 3
if not, also if nobody answers. It is meant for HEALTHCHECK of a container and for probes.`,
		Example: "  mediaferry health\n  mediaferry health --live --timeout 2s",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			path := "/readyz"
			if live {
				path = "/healthz"
			}
			u, err := ownURL(cfg, path)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if err := askHealth(ctx, u); err != nil {
				fmt.Fprintln(a.Out, a.t("health.not", "Why", a.words.Error(err)))
				return exit.With(tasks.ExitFailed)
			}
			fmt.Fprintln(a.Out, a.t("health.healthy"))
			return nil
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "ask only whether it answers, not whether it is ready")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Second, "how long to wait for the answer")
	return cmd
}

// ownURL is where the process with these settings answers.
func ownURL(cfg config.Config, path string) (string, error) {
	u, at, setting := url.URL{Scheme: "http", Path: path}, cfg.Metrics.Listen, "metrics.listen"
	if at == config.MetricsOff {
		at, setting = cfg.Listen, "listen"
		if cfg.TLS.CertFile != "" {
			u.Scheme = "https"
		}
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil || port == "0" {
		return "", exit.Usage(words.Fail("health.no_port", "Setting", setting, "Address", at))
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "localhost"
	}
	u.Host = net.JoinHostPort(host, port)
	return u.String(), nil
}

func askHealth(ctx context.Context, u string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return words.Fail("health.no_url")
	}
	// It is this machine's own process, whose certificate is for another name.
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	res, err := client.Do(req)
	if err != nil {
		return words.Fail("health.no_answer", "URL", strings.TrimSuffix(u, req.URL.Path))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return words.Fail("health.not_ready", "Status", res.StatusCode)
	}
	return nil
}
