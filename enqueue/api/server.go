package api

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

// Config has the parts and the settings of a Server. Ledger and Keys are required.
type Config struct {
	Ledger Ledger
	Keys   *enqueue.Keyring
	// Actor previews and begins actions on many uploads, and its Rates hold for all that producers submit. Nil: one that
	// does not run, so that other processes carry the actions out.
	Actor *enqueue.Actor
	// Accounts refuses uploads to accounts that don't exist. Nil: every account is taken.
	Accounts *enqueue.Accounts
	// Surroundings are what this process knows of its machine and its Redis.
	Surroundings enqueue.Surroundings
	// Asker asks WeChat about accounts. Nil: it is not asked.
	Asker enqueue.Asker
	// Nudge is called after something was accepted. Nil: not called.
	Nudge func()
	// CallbackURL returns the URL for events of a producer's uploads and batches without a URL of their own. Nil: these
	// events are not sent.
	CallbackURL func(producer string) string
	// MaxKept returns how many contents may be kept alive for a producer at once. Nil, and 0: unlimited.
	MaxKept func(producer string) int
	// Wait is the time that POST /v1/media and the drop-in endpoint wait for an outcome. Zero: 60 s.
	Wait time.Duration
	// Patience is how long a batch may wait in all for its producer's rate: one whose sender is gone is noticed no sooner.
	// Zero: an hour.
	Patience time.Duration
	// Fresh is how long a media must still live to be an answer to POST /v1/media. Zero: 2 h.
	Fresh time.Duration
	// Sources looks at the sources of uploads that POST /v1/media is asked for again. Nil: a worker does.
	Sources enqueue.Sources
	// WeChat makes the calls of the drop-in endpoint that are passed on. Nil: none are.
	WeChat WeChat
	// Passthrough are the paths below /cgi-bin/ that are passed on, as in message/custom/send.
	Passthrough []string
	// Inbox keeps the files that come over HTTP. Nil: files are refused.
	Inbox *Inbox
	// Explain says what errcodes of WeChat mean, for who asks in Chinese. Nil: only codes of ours are explained.
	Explain lang.Explain
	// Cell makes a text harmless in a spreadsheet. Nil: texts are written as they are.
	Cell func(string) string
	// Open are handlers that answer without a key: /healthz, /readyz, the console, which has its own sessions.
	Open map[string]http.Handler
	// Closed are handlers of others behind a key of any role but producer: /metrics.
	Closed map[string]http.Handler
	// OpenAPI lets /openapi.json answer without a key.
	OpenAPI bool
	// Tail reads events for all streams. Nil: one of its own, which looks every Poll.
	Tail *enqueue.Tail
	// Poll is the time between two looks for new events, which serve all streams. Zero: 1 s.
	Poll time.Duration
	// Log gets a line for each request. Nil: no lines.
	Log *slog.Logger
	// Version is the program's, for the OpenAPI document.
	Version string
	// TokenKeys sign the tokens of the drop-in endpoint: the first one does, and the others did before a rotation. Servers
	// that answer for each other need the same. None: one that dies with this server.
	TokenKeys [][]byte
	// Now is the clock of rates and tokens. Nil: time.Now.
	Now func() time.Time
}

// Server answers HTTP. Make it with New. It is safe for concurrent use.
type Server struct {
	cfg     Config
	log     *slog.Logger
	reasons *lang.Reasons
	api     huma.API
	handler http.Handler
	guard   *enqueue.Guard
	streams *enqueue.InFlight
	reads   *enqueue.InFlight
	bodies  *enqueue.InFlight
	tail    *enqueue.Tail
	live    *enqueue.LiveMedia
	closing chan struct{}
	once    sync.Once
}

// New returns the server. It returns Invalid where something is missing.
func New(cfg Config) (*Server, error) {
	if cfg.Ledger == nil || cfg.Keys == nil {
		return nil, &tasks.Error{Code: tasks.Invalid, Op: "set up HTTP", Err: tasks.Textf("a ledger and keys are needed")}
	}
	cfg.Wait = cmp.Or(cfg.Wait, time.Minute)
	cfg.Patience = cmp.Or(cfg.Patience, time.Hour)
	cfg.Fresh = cmp.Or(cfg.Fresh, 2*time.Hour)
	cfg.Poll = cmp.Or(cfg.Poll, time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Actor == nil {
		cfg.Actor = enqueue.NewActor(cfg.Ledger)
		cfg.Actor.Rates = enqueue.NewRates(cfg.Now)
	}
	if len(cfg.TokenKeys) == 0 {
		cfg.TokenKeys = [][]byte{make([]byte, sha256.Size)}
		_, _ = rand.Read(cfg.TokenKeys[0]) // documented never to fail
	}
	if cfg.Cell == nil {
		cfg.Cell = func(s string) string { return s }
	}
	s := &Server{cfg: cfg, log: cmp.Or(cfg.Log, slog.New(slog.DiscardHandler)), streams: enqueue.NewInFlight(), reads: enqueue.NewInFlight(), bodies: enqueue.NewInFlight(), closing: make(chan struct{})}
	var err error
	if s.reasons, err = lang.NewReasons(cfg.Explain); err != nil {
		return nil, err
	}
	s.guard = enqueue.NewGuard(cfg.Now)
	s.live = enqueue.NewLiveMedia(cfg.Ledger)
	s.live.Sources, s.live.Fresh = cfg.Sources, cfg.Fresh
	if s.tail = cfg.Tail; s.tail == nil {
		s.tail = enqueue.NewTail(cfg.Ledger, cfg.Poll)
	}
	mux := http.NewServeMux()
	s.api = humago.New(mux, s.humaConfig())
	s.api.UseMiddleware(s.authorize, s.limitReads)
	s.routes()
	mux.HandleFunc("GET /openapi.json", s.openapi)
	for pattern, h := range cfg.Closed {
		mux.Handle(pattern, s.staff(h))
	}
	mux.HandleFunc(anyPath, func(w http.ResponseWriter, r *http.Request) { s.noRoute(w, r, methodsOf(mux, r)) })
	open := http.NewServeMux()
	for pattern, h := range cfg.Open {
		open.Handle(pattern, quiet(h))
	}
	s.dropIn(open)
	if cfg.OpenAPI {
		open.HandleFunc("GET /openapi.json", s.openapi)
	}
	keyed := s.authenticate(mux)
	open.HandleFunc(anyPath, func(w http.ResponseWriter, r *http.Request) {
		if methods := methodsOf(open, r); len(methods) > 0 {
			s.noRoute(w, r, methods)
			return
		}
		keyed.ServeHTTP(w, r)
	})
	s.handler = s.wrap(open)
	return s, nil
}

// Woken tells the event streams, and those who wait for a media, what is new: ledger.Follow takes it.
func (s *Server) Woken(news tasks.Wake) {
	s.live.Woken(news)
	if news.Has(tasks.WakeEvents) {
		s.tail.Wake()
	}
}

// Close ends the event streams, so that the server can shut down. It is safe to call it more than once.
func (s *Server) Close() { s.once.Do(func() { close(s.closing) }) }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) routes() {
	s.uploadRoutes()
	s.batchRoutes()
	s.resultRoutes()
	s.actionRoutes()
	s.bulkRoutes()
	s.fileRoutes()
	s.mediaRoutes()
	s.accountRoutes()
	s.deliveryRoutes()
	s.webhookRoutes()
	s.eventRoutes()
	s.overviewRoutes()
	s.document()
}

// Producer submits in the caller's name, within the rights of its key.
func (s *Server) Producer(i enqueue.Caller) *enqueue.Producer {
	p := &enqueue.Producer{
		Ledger: s.cfg.Ledger, Name: i.Name, Rights: i.Rights, Rates: s.cfg.Actor.Rates, Patience: s.cfg.Patience, Accounts: s.cfg.Accounts, Nudge: s.cfg.Nudge, Live: s.live,
	}
	if s.cfg.CallbackURL != nil {
		p.CallbackURL = s.cfg.CallbackURL(i.Name)
	}
	if s.cfg.MaxKept != nil {
		p.MaxKept = s.cfg.MaxKept(i.Name)
	}
	return p
}

func (s *Server) humaConfig() huma.Config {
	c := huma.DefaultConfig("mediaferry", cmp.Or(s.cfg.Version, "dev"))
	c.DocsPath, c.SchemasPath, c.OpenAPIPath = "", "", "" // their routes would bypass the checks of a key
	c.CreateHooks = nil                                   // answers are what they are, without $schema
	c.RejectUnknownQueryParameters = true
	json := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: decodeJSON}
	c.Formats = map[string]huma.Format{"application/json": json, "json": json}
	c.Transformers = []huma.Transformer{s.problems}
	c.Info.Description = "Media files into WeChat: one outcome for each."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearer: {Type: "http", Scheme: "bearer", Description: "An API key, as the header Authorization: Bearer KEY"},
	}
	c.Security = []map[string][]string{{bearer: {}}}
	return c
}

const bearer = "key"

// problems turns every failure, also huma's own, into a Problem.
func (s *Server) problems(ctx huma.Context, _ string, v any) (any, error) {
	var p Problem
	switch v := v.(type) {
	case *huma.ErrorModel:
		p = *frameworkProblem(v)
	case *Problem:
		p = *v
	default:
		return v, nil
	}
	p.RequestID = requestID(ctx.Context())
	return &p, nil
}

// fail ends a request of huma's with a problem.
func (s *Server) fail(ctx huma.Context, err error) {
	r, w := humago.Unwrap(ctx)
	s.note(r.Context(), err)
	writeProblem(w, r, err)
}

func (s *Server) openapi(w http.ResponseWriter, r *http.Request) {
	b, err := s.api.OpenAPI().MarshalJSON()
	if err != nil {
		writeProblem(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/openapi+json")
	_, _ = w.Write(b) // an error means that the connection is gone
}
