package console

import (
	"cmp"
	"context"
	"html/template"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

// Keys finds valid keys. *enqueue.Keyring is one.
type Keys interface {
	Find(ctx context.Context, secret tasks.Secret) (tasks.Key, bool, error)
	ByHash(ctx context.Context, hash tasks.Hash) (tasks.Key, bool, error)
}

// Files opens sources for previews. *source.Store is one.
type Files interface {
	OpenWithin(ctx context.Context, grant, source string) (tasks.File, error)
}

// Config has the parts and the settings of a Console. Ledger, Keys, Actor, Producer and Tail are required.
type Config struct {
	Ledger Ledger
	Keys   Keys
	Actor  *enqueue.Actor
	// Producer submits in a caller's name.
	Producer func(enqueue.Caller) *enqueue.Producer
	// Tail tells the pages what is new.
	Tail *enqueue.Tail
	// Files opens sources for previews. Nil: there are none.
	Files Files
	// Surroundings are what this process knows of its machine and its Redis.
	Surroundings enqueue.Surroundings
	// Asker asks WeChat about accounts, and knows their tokens. Nil: it is not asked.
	Asker enqueue.Asker
	// Explain says what an errcode of WeChat means and what to do. Nil: only codes of ours are explained.
	Explain lang.Explain
	// Check judges a file as a worker would. Nil: files are judged by workers alone.
	Check func(b []byte, t tasks.MediaType) (tasks.Content, error)
	// Store keeps a file that a producer sent, and returns it as a source. Nil: files are refused.
	Store func(producer, filename string, from io.Reader) (source string, err error)
	// Results writes all rows of a batch as CSV. Nil: there are none.
	Results func(ctx context.Context, w http.ResponseWriter, batch uuid.UUID) error
	// AddKey makes a key with those rights and returns it. Nil: keys are made elsewhere.
	AddKey func(ctx context.Context, k tasks.Key) (tasks.Secret, error)
	// Hosts are the names that the console answers to, without ports. Empty: any.
	Hosts []string
	// Secure says that browsers reach it by https.
	Secure bool
	// Nudge is called after something was queued. Nil: not called.
	Nudge func()
	// Version is shown.
	Version string
	// Now is the clock of what is shown. Nil: time.Now.
	Now func() time.Time
	// Log gets a line for each failure of ours. Nil: no lines.
	Log *slog.Logger
}

// Console answers HTTP. Make it with New. It is safe for concurrent use.
type Console struct {
	cfg      Config
	log      *slog.Logger
	mux      *http.ServeMux
	patterns []string
	texts    *texts
	pages    map[string]*template.Template // by language
	guard    *enqueue.Guard
	visits   *enqueue.InFlight
	renewals *enqueue.LiveMedia
	origins  *http.CrossOriginProtection
	closing  chan struct{}
	once     sync.Once
}

// New returns the console. It returns Invalid where something is missing.
func New(cfg Config) (*Console, error) {
	if cfg.Ledger == nil || cfg.Keys == nil || cfg.Actor == nil || cfg.Producer == nil || cfg.Tail == nil {
		return nil, &tasks.Error{Code: tasks.Invalid, Op: "set up console", Err: tasks.Textf("a ledger, keys, an actor, producers and a tail are needed")}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Console{
		cfg: cfg, log: cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)), mux: http.NewServeMux(), guard: enqueue.NewGuard(cfg.Now),
		visits: enqueue.NewInFlight(), renewals: enqueue.NewLiveMedia(cfg.Ledger), origins: http.NewCrossOriginProtection(), closing: make(chan struct{}),
	}
	var err error
	if c.texts, err = loadTexts(cfg.Explain); err != nil {
		return nil, err
	}
	if c.pages, err = c.parsePages(); err != nil {
		return nil, err
	}
	c.assetRoutes()
	c.signInRoutes()
	c.liveRoutes()
	c.overviewRoutes()
	c.uploadsRoutes()
	c.uploadRoutes()
	c.bulkRoutes()
	c.failuresRoutes()
	c.batchesRoutes()
	c.mediaRoutes()
	c.newRoutes()
	c.webhooksRoutes()
	c.accountsRoutes()
	c.systemRoutes()
	return c, nil
}

// Patterns are those of http.ServeMux that the console answers.
func (c *Console) Patterns() []string { return c.patterns }

// Close ends what follows the pages, so that the server can shut down. It is safe to call it more than once.
func (c *Console) Close() { c.once.Do(func() { close(c.closing) }) }

// ServeHTTP answers one request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.mux.ServeHTTP(w, r) }

func (c *Console) now() time.Time { return c.cfg.Now() }
