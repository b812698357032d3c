package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/attack"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/planted"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
)

// options is one command line.
type options struct {
	seed      uint64
	kills     int
	uploads   int
	duration  time.Duration
	ledger    string
	attacks   []string
	report    string
	keep      string
	checkDir  string
	workers   int
	producers int
	clients   int
	serves    int
	binary    string
	soak      time.Duration
	verbose   bool
	planted   string
	untimed   bool
	uniform   bool
}

const usageText = `Usage: mediaferry-chaos [flags]

Starts redis-server, PostgreSQL or SQLite, workers, producers, a sandbox WeChat and a webhook receiver on loopback,
attacks them by a schedule that the seed alone makes, reverts all attacks, waits until every upload and webhook has
ended, and checks all records. Exit code 3 means that something was found.

  mediaferry-chaos -seed 7 -kills 40 -uploads 5000
  mediaferry-chaos -ledger sqlite -attacks worker-kill,redis-flush -duration 20s
  mediaferry-chaos -soak 20m -ledger postgres        a steady load with faults: does any process grow?
  mediaferry-chaos -check DIR                        check once more what -keep DIR kept

Flags:
`

func parseFlags(args []string, people io.Writer) (options, error) {
	var s options
	var attacks string
	f := flag.NewFlagSet("mediaferry-chaos", flag.ContinueOnError)
	f.SetOutput(people)
	f.Usage = func() {
		fmt.Fprint(people, usageText)
		f.PrintDefaults()
		fmt.Fprintf(people, "\nAttacks:\n%s", attack.Usage())
	}
	f.Uint64Var(&s.seed, "seed", 1, "makes the uploads and the schedule of attacks")
	f.IntVar(&s.kills, "kills", 24, "processes to kill, stop or restart in all, spread over the run")
	f.IntVar(&s.uploads, "uploads", 4000, "uploads to submit in all")
	f.DurationVar(&s.duration, "duration", time.Minute, "how long to attack in all; recovery and checks come on top")
	f.StringVar(&s.ledger, "ledger", "both", "sqlite, postgres, or both one after the other")
	f.StringVar(&attacks, "attacks", "", "only these attacks, separated by commas (default all)")
	f.StringVar(&s.report, "report", "", "write the report as JSON to this `FILE`")
	f.StringVar(&s.keep, "keep", "", "keep histories and logs in this `DIR`, which must not hold any yet")
	f.StringVar(&s.checkDir, "check", "", "only check the histories in this `DIR`")
	f.IntVar(&s.workers, "workers", 3, "worker processes")
	f.IntVar(&s.producers, "producers", 2, "producer processes that use the Go package")
	f.IntVar(&s.clients, "clients", 2, "producer processes that use the HTTP API")
	f.IntVar(&s.serves, "serves", 2, "processes that serve the HTTP API")
	f.StringVar(&s.binary, "mediaferry", "", "the mediaferry binary to attack (default: built from this module); without attacks on its clock")
	f.DurationVar(&s.soak, "soak", 0, "how long to run with faults of WeChat and of the receiver, without kills, to see whether any process grows")
	f.BoolVar(&s.verbose, "v", false, "print each attack when it is made")
	f.BoolVar(&s.uniform, "uniform", false, "no diversity: workers, accounts, receivers and producers are all alike, and nobody is checked for starving")
	f.BoolVar(&s.untimed, "untimed", false, "judge nothing by how long it takes, and wait as long as it takes: for a machine that is busy with other things")
	f.StringVar(&s.planted, "planted", "", "run workers with this `BUG` (needs the build tag planted)")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("%q is no flag", f.Arg(0))
	}
	if attacks != "" {
		s.attacks = strings.Split(attacks, ",")
	}
	if s.soak > 0 {
		s.asSoak(f)
	}
	return s, s.validate()
}

// asSoak makes the run a soak. Without -kills it kills nothing. Without -attacks it attacks only WeChat and the receiver.
func (s *options) asSoak(f *flag.FlagSet) {
	kills := 0
	f.Visit(func(given *flag.Flag) {
		if given.Name == "kills" {
			kills = s.kills
		}
	})
	s.duration, s.kills = s.soak, kills
	if s.attacks != nil {
		return
	}
	for _, a := range slices.Concat(attack.WeChatAttacks(), attack.ReceiverAttacks()) {
		s.attacks = append(s.attacks, a.Name)
	}
	if kills > 0 {
		s.attacks = append(s.attacks, "worker-kill")
	}
}

func (s options) validate() error {
	switch {
	case !slices.Contains([]string{"sqlite", "postgres", "both"}, s.ledger):
		return fmt.Errorf("-ledger is %q, want sqlite, postgres or both", s.ledger)
	case s.uploads < 1, s.workers < 1, s.producers < 1, s.clients < 0, s.serves < 0, s.kills < 0:
		return errors.New("-uploads, -workers and -producers want 1 or more, -clients, -serves and -kills 0 or more")
	case s.clients > 0 && s.serves == 0:
		return errors.New("-clients want one of -serves")
	case s.duration < time.Second:
		return errors.New("-duration wants a second or more")
	case s.keep != "" && s.checkDir != "":
		return errors.New("-keep and -check exclude each other")
	case s.planted != "" && !slices.Contains(planted.Bugs, s.planted):
		return fmt.Errorf("-planted %q: want one of %q, in a binary built with -tags planted", s.planted, planted.Bugs)
	case s.planted != "" && s.ledger != "sqlite":
		return errors.New("-planted wants -ledger sqlite")
	}
	for _, name := range s.attacks {
		if attack.Find(name) == nil {
			return fmt.Errorf("-attacks: there is no %q; want some of\n%s", name, attack.Usage())
		}
	}
	return nil
}

// commandLine is the command line that makes the same run again.
func (s options) commandLine() string {
	words := []string{
		"go run ./cmd/mediaferry-chaos", fmt.Sprintf("-seed %d", s.seed), fmt.Sprintf("-ledger %s", s.ledger), fmt.Sprintf("-uploads %d", s.uploads),
	}
	if s.soak > 0 {
		words = append(words, fmt.Sprintf("-soak %v", s.soak))
	} else {
		words = append(words, fmt.Sprintf("-duration %v", s.duration))
	}
	words = append(words, fmt.Sprintf("-kills %d", s.kills), fmt.Sprintf("-workers %d", s.workers), fmt.Sprintf("-producers %d", s.producers),
		fmt.Sprintf("-clients %d", s.clients), fmt.Sprintf("-serves %d", s.serves))
	if s.attacks != nil {
		words = append(words, "-attacks "+strings.Join(s.attacks, ","))
	}
	if s.uniform {
		words = append(words, "-uniform")
	}
	if s.untimed {
		words = append(words, "-untimed")
	}
	if s.planted != "" {
		words = append(words, "-planted "+s.planted)
	}
	return strings.Join(words, " ")
}

// needsClocks reports whether some run needs processes whose clocks can be set.
func (s options) needsClocks() bool {
	for _, run := range s.runs() {
		if len(run.Skews()) > 0 {
			return true
		}
		for _, p := range attack.Schedule(run) {
			if attack.Find(p.Attack).NeedsClocks {
				return true
			}
		}
	}
	return false
}

// runs returns the runs of this command, one for each kind of ledger.
func (s options) runs() []scenario.Run {
	kinds := []string{s.ledger}
	if s.ledger == "both" {
		kinds = []string{"sqlite", "postgres"}
	}
	n := len(kinds)
	var all []scenario.Run
	for i, kind := range kinds {
		run := scenario.Run{
			Name: kind, Seed: s.seed, Ledger: kind, AOF: (s.seed+uint64(i))%2 == 1,
			Uploads: (s.uploads + n - 1 - i) / n, Kills: (s.kills + n - 1 - i) / n, Duration: s.duration / time.Duration(n),
			Workers: s.workers, Producers: s.producers, Slots: scenario.Slots, Attempts: scenario.Attempts, Lease: scenario.ShortLease,
			Attacks: s.attacks, Planted: s.planted, Clients: s.clients, Serves: s.serves, Clocks: s.binary == "", Soak: s.soak > 0, Untimed: s.untimed, Uniform: s.uniform,
		}
		if run.Planted != "" { // a planted worker neither serves the API nor has a clock
			run.Clients, run.Serves, run.Clocks = 0, 0, false
		}
		if run.Duration >= scenario.LongRun {
			run.Lease = scenario.LongLease
		}
		all = append(all, run)
	}
	return all
}
