package wire

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// CommandLine returns the producer of the person at the command line. It may submit anything below the storage root and in
// the buckets.
func (s *Stack) CommandLine(nudge func()) *enqueue.Producer {
	p := s.producer(enqueue.DefaultProducer, tasks.Rights{Sources: []string{tasks.GrantAll}}, nudge)
	p.Local = s.Embedded
	return p
}

// Door returns how the command line submits: in the name of that producer, within its rights, or with "" as the person
// who sits there.
func (s *Stack) Door(ctx context.Context, producer string, nudge func()) (*enqueue.Producer, error) {
	if producer == "" || producer == enqueue.DefaultProducer {
		return s.CommandLine(nudge), nil
	}
	p, err := s.ProducerNamed(ctx, producer, nudge)
	if err != nil {
		return nil, err
	}
	p.Rates = enqueue.NewRates(nil)
	return p, nil
}

// ProducerNamed submits in a producer's name, within its rights. It returns Invalid for a name that neither the settings
// nor a key in force have.
func (s *Stack) ProducerNamed(ctx context.Context, name string, nudge func()) (*enqueue.Producer, error) {
	rights, err := s.rightsOf(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.producer(name, rights, nudge), nil
}

// LiveMedia is what a producer needs to answer with live media. It looks at sources through files.
func (s *Stack) LiveMedia(files enqueue.Sources) *enqueue.LiveMedia {
	l := enqueue.NewLiveMedia(s.Ledger)
	l.Sources, l.Fresh = files, s.Config.Worker.FreshMargin
	return l
}

func (s *Stack) producer(name string, rights tasks.Rights, nudge func()) *enqueue.Producer {
	return &enqueue.Producer{
		Ledger: s.Ledger, Name: name, Rights: rights, Accounts: s.knownAccounts(), Nudge: nudge,
		CallbackURL: cmp.Or(s.Config.Producers[name].CallbackURL, s.Config.Webhook.URL), MaxKept: s.maxKept(name),
	}
}

// maxKept is how many contents are kept alive for a producer at once.
func (s *Stack) maxKept(name string) int {
	return cmp.Or(s.Config.Producers[name].MaxKept, config.DefaultMaxKept)
}

// knownAccounts are the accounts of the settings and those that workers registered.
func (s *Stack) knownAccounts() *enqueue.Accounts {
	return enqueue.NewAccounts(slices.Sorted(maps.Keys(s.Config.Accounts)), s.Ledger)
}

// CheckAccounts returns Invalid where one of these accounts is neither in the settings nor known to a worker.
func (s *Stack) CheckAccounts(ctx context.Context, names []string) error {
	known := s.knownAccounts()
	for _, name := range names {
		switch there, err := known.Known(ctx, name); {
		case err != nil:
			return err
		case !there:
			return &tasks.Error{Code: tasks.Invalid, Op: "check rights", Err: tasks.Textf("accounts: there is no account %q", name),
				Hint: "name one that mediaferry accounts list shows, or add it to the settings first"}
		}
	}
	return nil
}

// rightsOf returns the rights of a producer: those of the settings, or else those of its newest key in the ledger.
func (s *Stack) rightsOf(ctx context.Context, name string) (tasks.Rights, error) {
	if p, ok := s.Config.Producers[name]; ok {
		return configuredRights(p), nil
	}
	keys, err := s.Ledger.Keys(ctx)
	if err != nil {
		return tasks.Rights{}, fmt.Errorf("look up rights of %s: %w", name, err)
	}
	keys = slices.DeleteFunc(keys, func(k tasks.Key) bool { return k.Name != name || !k.Revoked.IsZero() })
	if len(keys) == 0 {
		unknown := &tasks.Error{Code: tasks.Invalid, Op: "look up producer", Err: tasks.Textf("there is no producer %q", name)}
		return tasks.Rights{}, unknown.Advise("add it to the settings, or a key for it: mediaferry keys add %s", name)
	}
	return slices.MaxFunc(keys, func(a, b tasks.Key) int { return a.Created.Compare(b.Created) }).Rights, nil
}
