package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/intake"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/webhook"
)

// maxRequest is far over any webhook.
const maxRequest = 2 << 20

func (a *app) webhookVerifyCommand() *cobra.Command {
	var secretPath string
	cmd := &cobra.Command{
		Use:   "verify FILE|-",
		Short: "Verify a webhook request that was received",
		Long: `FILE has the request as it came: its headers, an empty line, and its body to the last byte. It is verified with the local
secret, or with those in --secret-file, one on each line.`,
		Example: `  mediaferry webhook verify request.txt
  mediaferry webhook verify --secret-file webhook.secret - < request.txt`,
		Args: oneArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			secrets, err := a.verifySecrets(cmd.Context(), secretPath)
			if err != nil {
				return err
			}
			header, body, err := a.readRequest(args[0])
			if err != nil {
				return err
			}
			return a.verifyWebhook(header, body, secrets)
		},
	}
	cmd.Flags().StringVar(&secretPath, "secret-file", "", "`FILE` with the secrets, one a line (default: the local secret)")
	return cmd
}

func (a *app) verifySecrets(ctx context.Context, path string) ([]tasks.Secret, error) {
	if path == "" {
		return a.localSecrets(ctx)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, exit.Usagef("--secret-file: %w", err)
	}
	var secrets []tasks.Secret
	for line := range strings.FieldsSeq(string(b)) {
		secrets = append(secrets, tasks.Secret(line))
	}
	return secrets, nil
}

// readRequest reads headers and body. It skips the request line.
func (a *app) readRequest(path string) (http.Header, []byte, error) {
	in := a.In
	if path != intake.Stdin {
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, exit.Usage(err)
		}
		defer f.Close()
		in = f
	}
	all, err := io.ReadAll(io.LimitReader(in, maxRequest))
	if err != nil {
		return nil, nil, fmt.Errorf("read request: %w", err)
	}
	if line, rest, found := bytes.Cut(all, []byte("\n")); found && bytes.Contains(line, []byte(" HTTP/")) {
		all = rest
	}
	r := bufio.NewReader(bytes.NewReader(all))
	header, err := textproto.NewReader(r).ReadMIMEHeader()
	if err != nil {
		return nil, nil, exit.Usage(words.Fail("webhook.no_request", "Path", path))
	}
	body, err := io.ReadAll(r)
	return http.Header(header), body, err
}

func (a *app) verifyWebhook(header http.Header, body []byte, secrets []tasks.Secret) error {
	err := webhook.Verify(header, body, secrets, time.Now())
	switch {
	case errors.Is(err, webhook.ErrSecret):
		return exit.Usage(err)
	case errors.Is(err, webhook.ErrTimestamp):
		fmt.Fprintln(a.Out, a.t("webhook.old_time", "Tolerance", webhook.Tolerance))
		return exit.With(tasks.ExitFailed)
	case err != nil:
		fmt.Fprintln(a.Out, err)
		return exit.With(tasks.ExitFailed)
	}
	fmt.Fprintln(a.Out, a.t("webhook.good", "ID", header.Get(webhook.HeaderID)))
	return nil
}
