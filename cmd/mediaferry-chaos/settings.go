package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// settings is one command line.
type settings struct {
	seed      uint64
	kills     int
	uploads   int
	duration  time.Duration
	ledger    string
	attacks   []string
	report    string
	keep      string
	check     string
	workers   int
	producers int
	clients   int
	serves    int
	binary    string
	soak      time.Duration
	verbose   bool
	planted   string
	untimed   bool
}

const usageText = `Usage: mediaferry-chaos [flags]

Starts redis-server, PostgreSQL or SQLite, workers, producers, a sandbox WeChat and a webhook receiver on loopback,
attacks them by a schedule that the seed alone makes, heals everything, waits until all is quiet, and checks every
record that was kept. Exit code 3 when something was found.

  mediaferry-chaos -seed 7 -kills 40 -uploads 5000
  mediaferry-chaos -ledger sqlite -attacks worker-kill,redis-flush -duration 20s
  mediaferry-chaos -soak 20m -ledger postgres        a steady load with faults: does any process hold ever more?
  mediaferry-chaos -check DIR                        check once more what -keep DIR kept

Flags:
`

func parseFlags(args []string, people io.Writer) (settings, error) {
	var s settings
	var attacks string
	f := flag.NewFlagSet("mediaferry-chaos", flag.ContinueOnError)
	f.SetOutput(people)
	f.Usage = func() {
		fmt.Fprint(people, usageText)
		f.PrintDefaults()
		fmt.Fprintf(people, "\nAttacks:\n%s", listAttacks())
	}
	f.Uint64Var(&s.seed, "seed", 1, "makes the uploads and the schedule of attacks")
	f.IntVar(&s.kills, "kills", 24, "processes to kill, stop or restart in all, spread over the run")
	f.IntVar(&s.uploads, "uploads", 4000, "uploads to submit in all")
	f.DurationVar(&s.duration, "duration", time.Minute, "how long to attack in all; healing and checking come on top")
	f.StringVar(&s.ledger, "ledger", "both", "sqlite, postgres, or both one after the other")
	f.StringVar(&attacks, "attacks", "", "only these attacks, separated by commas (default all)")
	f.StringVar(&s.report, "report", "", "write the report as JSON to this `FILE`")
	f.StringVar(&s.keep, "keep", "", "keep histories and logs in this `DIR`, which must not hold any yet")
	f.StringVar(&s.check, "check", "", "don't run anything: check the histories in this `DIR`")
	f.IntVar(&s.workers, "workers", 3, "worker processes")
	f.IntVar(&s.producers, "producers", 2, "producer processes that use the Go package")
	f.IntVar(&s.clients, "clients", 2, "producer processes that use the HTTP API")
	f.IntVar(&s.serves, "serves", 2, "processes that serve the HTTP API")
	f.StringVar(&s.binary, "mediaferry", "", "the mediaferry binary to attack (default: built from this module); without attacks on its clock")
	f.DurationVar(&s.soak, "soak", 0, "for so long: no kills, but faults of WeChat and of the receiver, and look whether any process holds ever more")
	f.BoolVar(&s.verbose, "v", false, "print each strike as it happens")
	f.BoolVar(&s.untimed, "untimed", false, "judge nothing by how long it takes, and wait for as long as it takes: for a machine that is busy with something else")
	f.StringVar(&s.planted, "planted", "", "work with a planted `BUG` (needs the build tag planted)")
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

// asSoak makes a soak of the run: it lasts as long, kills only if it was told to, and harms only what is outside of the
// fleet, but for attacks that were asked for.
func (s *settings) asSoak(f *flag.FlagSet) {
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
	for _, a := range slices.Concat(wechatAttacks(), receiverAttacks()) {
		s.attacks = append(s.attacks, a.name)
	}
	if kills > 0 {
		s.attacks = append(s.attacks, "worker-kill")
	}
}

func (s settings) validate() error {
	switch {
	case !slices.Contains([]string{"sqlite", "postgres", "both"}, s.ledger):
		return fmt.Errorf("-ledger is %q, want sqlite, postgres or both", s.ledger)
	case s.uploads < 1, s.workers < 1, s.producers < 1, s.clients < 0, s.serves < 0, s.kills < 0:
		return errors.New("-uploads, -workers and -producers want 1 or more, -clients, -serves and -kills 0 or more")
	case s.clients > 0 && s.serves == 0:
		return errors.New("-clients want one of -serves")
	case s.duration < time.Second:
		return errors.New("-duration wants a second or more")
	case s.keep != "" && s.check != "":
		return errors.New("-keep and -check exclude each other")
	case s.planted != "" && !slices.Contains(plantedBugs, s.planted):
		return fmt.Errorf("-planted %q: want one of %q, in a binary built with -tags planted", s.planted, plantedBugs)
	case s.planted != "" && s.ledger != "sqlite":
		return errors.New("-planted wants -ledger sqlite")
	}
	for _, name := range s.attacks {
		if findAttack(name) == nil {
			return fmt.Errorf("-attacks: there is no %q; want some of\n%s", name, listAttacks())
		}
	}
	return nil
}

// replay is the command line that makes the same run again.
func (s settings) replay() string {
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
	if s.untimed {
		words = append(words, "-untimed")
	}
	if s.planted != "" {
		words = append(words, "-planted "+s.planted)
	}
	return strings.Join(words, " ")
}

// leg is one run of the whole fleet over one kind of ledger; -ledger both makes two of them.
type leg struct {
	Name      string        `json:"name"`
	Seed      uint64        `json:"seed"`
	Ledger    string        `json:"ledger"`
	AOF       bool          `json:"aof"` // Redis keeps an append-only file, synced every second
	Uploads   int           `json:"uploads"`
	Kills     int           `json:"kills"`
	Duration  time.Duration `json:"duration_ns"`
	Workers   int           `json:"workers"`
	Producers int           `json:"producers"` // over the Go package
	Clients   int           `json:"clients"`   // over HTTP
	Serves    int           `json:"serves"`
	Slots     int           `json:"slots"`    // uploads at once in one worker
	Attempts  int           `json:"attempts"` // the most of a round
	Lease     time.Duration `json:"lease_ns"`
	Attacks   []string      `json:"attacks,omitempty"` // empty: all
	Planted   string        `json:"planted,omitempty"`
	Clocks    bool          `json:"clocks"`              // the clocks of processes can be set
	Soak      bool          `json:"soak,omitzero"`       // processes are sampled
	Untimed   bool          `json:"untimed,omitzero"`    // the machine may be slow
	Disk      int64         `json:"disk_bytes,omitzero"` // of the SQLite ledger alone; 0: it has none of its own
}

const (
	// slots keeps the bound of duplicates small without starving a worker on two cores.
	slots = 16
	// attempts are enough to sit out the faults of one strike.
	attempts = 12
	// longRun is how long a leg takes at least to use the lease that is mediaferry's default. In a shorter one
	// even one stopped worker would fill the whole run.
	longRun    = 3 * time.Minute
	longLease  = 10 * time.Second
	shortLease = 2 * time.Second
)

// setsClocks reports whether some attack of the run needs processes whose clocks can be set.
func (s settings) setsClocks() bool {
	for _, l := range s.legs() {
		for _, p := range l.schedule() {
			if findAttack(p.Attack).clocks {
				return true
			}
		}
	}
	return false
}

func (s settings) legs() []leg {
	kinds := []string{s.ledger}
	if s.ledger == "both" {
		kinds = []string{"sqlite", "postgres"}
	}
	n := len(kinds)
	var legs []leg
	for i, kind := range kinds {
		l := leg{
			Name: kind, Seed: s.seed, Ledger: kind, AOF: (s.seed+uint64(i))%2 == 1,
			Uploads: (s.uploads + n - 1 - i) / n, Kills: (s.kills + n - 1 - i) / n, Duration: s.duration / time.Duration(n),
			Workers: s.workers, Producers: s.producers, Slots: slots, Attempts: attempts, Lease: shortLease,
			Attacks: s.attacks, Planted: s.planted, Clients: s.clients, Serves: s.serves, Clocks: s.binary == "", Soak: s.soak > 0, Untimed: s.untimed,
		}
		if l.Planted != "" { // such a worker is all that there is of it
			l.Clients, l.Serves, l.Clocks = 0, 0, false
		}
		if l.Duration >= longRun {
			l.Lease = longLease
		}
		legs = append(legs, l)
	}
	return legs
}
