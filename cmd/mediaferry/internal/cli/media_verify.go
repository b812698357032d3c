package cli

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

const (
	// maxVerified bounds the media that one verification asks for.
	maxVerified = 10_000
	// endedWithin is how long after its end a media is still verified.
	endedWithin = 24 * time.Hour
	// askedAtOnce is how many media are asked for at a time.
	askedAtOnce = 4
)

func (a *app) mediaVerifyCommand() *cobra.Command {
	var (
		f      tasks.MediaFilter
		all    bool
		sample int
		yes    bool
		format output.Format
	)
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Ask WeChat whether media live as the record says",
		Long: `Asks WeChat's media/get for each of a sample of the media that live, or that ended within a day, and says what differs: one
that WeChat does not know any more before its end, one that it still has after its end, and one of another size. Of a video
WeChat only says whether it is there. It says first what that costs. Media that are gone early are given up by mediaferry media
invalid. It exits with 3 if something differs.`,
		Example: `  mediaferry media verify                          a sample of 20, after a question
  mediaferry media verify --sample 100 --account shop --yes
  mediaferry media verify --all --output json | jq 'select(.verdict != "alive")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case all && cmd.Flags().Changed("sample"):
				return exit.Usage(words.Fail("media.either", "One", "--all", "Other", "--sample"))
			case sample < 1 || sample > maxVerified:
				return exit.Usage(words.Fail("media.sample", "Most", maxVerified))
			case all:
				sample = maxVerified
			}
			cfg, err := a.settings()
			if err != nil {
				return err
			}
			s, err := wire.OpenLedger(cmd.Context(), cfg, a.logger(cfg, true))
			if err != nil {
				return err
			}
			defer s.Close()
			f.Ended = endedWithin
			chosen, total, err := chooseMedia(cmd.Context(), f, sample, all, s.Ledger.LiveMedia)
			if err != nil {
				return err
			}
			if total == 0 {
				a.say("media.no_match")
				return exit.With(tasks.ExitNothing)
			}
			if err := a.agreeToVerify(chosen, total, yes); err != nil {
				return err
			}
			client, err := wire.NewWeChat(cfg, s.TokenStore(), s.Log)
			if err != nil {
				return err
			}
			return a.verifyMedia(cmd.Context(), mediaVerifier{fetch: client.Fetch, now: time.Now}, chosen, format)
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&all, "all", false, fmt.Sprintf("all of them, the first %d at most", maxVerified))
	flags.IntVar(&sample, "sample", 20, "so many of them, chosen by chance")
	flags.StringVar(&f.Account, "account", "", "of this account")
	flags.BoolVarP(&yes, "yes", "y", false, "don't ask: the costs are well")
	output.FlagVar(flags, &format, output.Table, output.JSON)
	return cmd
}

// chooseMedia takes n of the media that a filter chooses, by chance, or the first n of all. total is how many there are; with
// all it looks at no more than n.
func chooseMedia(ctx context.Context, f tasks.MediaFilter, n int, all bool,
	list func(context.Context, tasks.MediaFilter) ([]tasks.KnownMedia, string, error),
) (chosen []tasks.KnownMedia, total int, err error) {
	f.Limit = 1000
	_, err = eachRow(0, func(m tasks.KnownMedia) error {
		total++
		if len(chosen) < n {
			chosen = append(chosen, m)
		} else if at := rand.IntN(total); !all && at < n { //nolint:gosec // a sample needs no secret
			chosen[at] = m
		}
		return nil
	}, func(cursor string) ([]tasks.KnownMedia, string, error) {
		f.Cursor = cursor
		page, next, err := list(ctx, f)
		if all && total+len(page) >= n {
			next = ""
		}
		return page, next, err
	})
	return chosen, total, err
}

// agreeToVerify says what it costs, and asks the person.
func (a *app) agreeToVerify(chosen []tasks.KnownMedia, total int, yes bool) error {
	var bytes int64
	for _, m := range chosen {
		if m.Type != tasks.Video { // WeChat gives a link to it
			bytes += m.Size
		}
	}
	a.say("media.verify_costs", "Count", len(chosen), "Total", total, "Size", humanize.IBytes(uint64(max(0, bytes))))
	switch {
	case yes:
		return nil
	case !output.IsTerminal(a.In):
		return exit.Usage(words.Fail("media.verify_yes"))
	}
	fmt.Fprint(a.Err, a.t("media.verify_ask")+" ")
	answer, _ := bufio.NewReader(a.In).ReadString('\n') // an end is a no
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes", "是":
		return nil
	}
	a.say("action.nothing")
	return exit.With(tasks.ExitNothing)
}

// The verdicts on a media.
const (
	mediaAlive     = "alive"           // as the record says
	mediaEnded     = "ended"           // as the record says
	mediaGoneEarly = "gone_early"      // WeChat does not know it any more
	mediaOutlives  = "alive_after_end" // WeChat knows it still
	mediaOtherSize = "other_size"      // WeChat has other bytes
	mediaUnknown   = "unknown"         // WeChat could not be asked
)

// verifiedMedia is a media with what WeChat says of it.
type verifiedMedia struct {
	tasks.KnownMedia
	Verdict string     `json:"verdict"`
	Found   int64      `json:"found_size,omitzero"` // bytes that WeChat has
	Code    tasks.Code `json:"code,omitempty"`      // why it could not be asked
	Errcode int        `json:"errcode,omitzero"`
	Reason  string     `json:"reason,omitempty"`
	err     error
}

// mediaVerifier asks for media.
type mediaVerifier struct {
	fetch func(ctx context.Context, account, mediaID string) ([]byte, error)
	now   func() time.Time
}

// all asks for each of the media, and calls told after each. What an account can't be asked for is not asked again.
func (v mediaVerifier) all(ctx context.Context, media []tasks.KnownMedia, told func()) []verifiedMedia {
	out := make([]verifiedMedia, len(media))
	var (
		mu    sync.Mutex
		stuck = map[string]error{}
		turns errgroup.Group
	)
	turns.SetLimit(askedAtOnce)
	for i, m := range media {
		turns.Go(func() error {
			mu.Lock()
			err := stuck[m.Account]
			mu.Unlock()
			if err == nil {
				err = ctx.Err()
			}
			if err != nil {
				out[i] = unasked(m, err)
			} else {
				out[i] = v.one(ctx, m)
			}
			mu.Lock()
			defer mu.Unlock()
			if code := out[i].Code; code != "" && (code.Exit() == tasks.ExitAccount || code.Exit() == tasks.ExitQuota) {
				stuck[m.Account] = out[i].err
			}
			told()
			return nil
		})
	}
	_ = turns.Wait() // what went wrong is in out
	return out
}

// one asks for one media.
func (v mediaVerifier) one(ctx context.Context, m tasks.KnownMedia) verifiedMedia {
	bytes, err := v.fetch(ctx, m.Account, m.MediaID)
	lives := m.ExpiresAt.After(v.now())
	size := int64(len(bytes))
	switch code := tasks.CodeOf(err); {
	case code == tasks.NotFound && lives:
		return verifiedMedia{KnownMedia: m, Verdict: mediaGoneEarly}
	case code == tasks.NotFound:
		return verifiedMedia{KnownMedia: m, Verdict: mediaEnded}
	case err != nil && code != tasks.Unsupported: // a video, which is there
		return unasked(m, err)
	case !lives:
		return verifiedMedia{KnownMedia: m, Verdict: mediaOutlives, Found: size}
	case err == nil && m.Size > 0 && size != m.Size:
		return verifiedMedia{KnownMedia: m, Verdict: mediaOtherSize, Found: size}
	}
	return verifiedMedia{KnownMedia: m, Verdict: mediaAlive, Found: size}
}

func unasked(m tasks.KnownMedia, err error) verifiedMedia {
	e := tasks.AsError(err)
	return verifiedMedia{KnownMedia: m, Verdict: mediaUnknown, Code: e.Code, Errcode: e.Errcode, Reason: e.Error(), err: err}
}

// verifyMedia asks, prints, and exits as what was found asks for.
func (a *app) verifyMedia(ctx context.Context, v mediaVerifier, media []tasks.KnownMedia, format output.Format) error {
	show, done := output.NewProgress(a.words, a.Err, len(media) < showFrom), 0
	found := v.all(ctx, media, func() {
		done++
		show.Update(done, len(media), a.t("media.verify_kind"))
	})
	show.Close()
	if ctx.Err() != nil {
		return exit.With(tasks.ExitInterrupted)
	}
	p := output.NewRows(format, a.Out, verifiedColumns(a.words))
	counts, code := map[string]int{}, tasks.ExitOK
	for _, m := range found {
		counts[m.Verdict]++
		if m.Verdict == mediaUnknown {
			code = worse(code, m.Code.Exit())
		}
		if format == output.JSON || m.Verdict != mediaAlive && m.Verdict != mediaEnded {
			if err := p.Print(m); err != nil {
				return err
			}
		}
	}
	if err := p.End(); err != nil {
		return err
	}
	as := counts[mediaAlive] + counts[mediaEnded]
	differ := len(found) - as - counts[mediaUnknown]
	a.say("media.verified", "Count", len(found), "As", as, "Differ", differ, "Unknown", counts[mediaUnknown])
	if counts[mediaGoneEarly] > 0 {
		a.say("media.verify_remedy")
	}
	if differ > 0 {
		code = worse(code, tasks.ExitFailed)
	}
	return exit.With(code)
}

// worse returns the exit code that says more: an account that is held before a used quota, before what differs, before what may
// be asked again.
func worse(a, b int) int {
	for _, code := range []int{tasks.ExitAccount, tasks.ExitQuota, tasks.ExitFailed, tasks.ExitTemporary} {
		if a == code || b == code {
			return code
		}
	}
	return max(a, b)
}

func verifiedColumns(w *words.Words) output.Columns[verifiedMedia] {
	return output.Columns[verifiedMedia]{
		Headings: w.Headings("MEDIA_ID", "ACCOUNT", "TYPE", "EXPIRES", "VERDICT", "SOURCE"),
		Cells: func(m verifiedMedia) []string {
			verdict := w.T("media.verdict_"+m.Verdict, "Size", humanize.IBytes(uint64(m.Size)), "Found", humanize.IBytes(uint64(m.Found)))
			if m.Verdict == mediaUnknown {
				verdict += ": " + w.Reason(lang.Cause{Code: m.Code, Errcode: m.Errcode, Reason: m.Reason})
			}
			return []string{m.MediaID, m.Account, w.Type(m.Type), output.Local(m.ExpiresAt), verdict, output.Source(m.Source)}
		},
	}
}
