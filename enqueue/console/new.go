package console

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

func (c *Console) newRoutes() {
	c.page("GET /new", enqueue.AccessSubmit, c.newPage)
	c.page("POST /new", enqueue.AccessSubmit, c.submitFiles)
}

const (
	maxFile  = 10 << 20
	maxFiles = 20
	formTime = 5 * time.Minute // to send them
)

// newData is what the page for new uploads shows.
type newData struct {
	Accounts []string
	Account  string
	Type     string
	Address  string // of the API
	Takes    bool   // it takes files
	Results  []verdict
}

// verdict is what came of one file: refused here, or an upload.
type verdict struct {
	Name    string
	Type    tasks.MediaType
	Refused *tasks.Error
	Upload  *tasks.Outcome
}

func (c *Console) newPage(v *visit) (answer, error) {
	d, err := c.newForm(v)
	if err != nil {
		return nil, err
	}
	for _, s := range v.URL.Query()["id"] {
		id, err := uuid.Parse(s)
		if err != nil || len(d.Results) == maxFiles {
			continue
		}
		o, err := c.cfg.Ledger.Outcome(v.Context(), id)
		if err != nil || !v.who.Owns(o.Producer) {
			continue
		}
		d.Results = append(d.Results, verdict{Name: o.Filename, Type: o.Type, Upload: &o})
	}
	p := page{name: "new", title: v.t("new.title"), data: d, still: len(d.Results) == 0}
	for _, r := range d.Results {
		if !r.Upload.State.Final() {
			p.every = 1
		}
	}
	return p, nil
}

// addressOf is where the visitor reaches this server.
func (c *Console) addressOf(v *visit) string {
	if c.secure(v.Request) {
		return "https://" + v.Host
	}
	return "http://" + v.Host
}

func (c *Console) newForm(v *visit) (newData, error) {
	d := newData{Account: v.URL.Query().Get("account"), Type: v.URL.Query().Get("type"), Address: c.addressOf(v), Takes: c.cfg.Store != nil}
	all, err := c.cfg.Ledger.Accounts(v.Context())
	for _, a := range all {
		if v.who.MayUse(a.Name) {
			d.Accounts = append(d.Accounts, a.Name)
		}
	}
	return d, err
}

// submitFiles judges each file as a worker would, and submits those that WeChat would take.
func (c *Console) submitFiles(v *visit) (answer, error) {
	if c.cfg.Store == nil {
		return nil, &tasks.Error{Code: tasks.Unavailable, Op: "take files", Err: tasks.Textf("this server takes no files")}
	}
	_ = http.NewResponseController(v.w).SetReadDeadline(time.Now().Add(formTime)) // a recorder in a test has none
	v.Body = http.MaxBytesReader(v.w, v.Body, maxFiles*maxFile+maxForm)
	form, err := v.MultipartReader()
	if err != nil {
		return nil, invalid("%w", err)
	}
	d, err := c.newForm(v)
	if err != nil {
		return nil, err
	}
	back := url.Values{}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, invalid("%w", err)
		}
		if part.FileName() == "" {
			if err := d.field(part); err != nil {
				return nil, err
			}
			continue
		}
		if len(d.Results) == maxFiles {
			return nil, invalid("there are too many files")
		}
		one := c.submitFile(v, d, part)
		d.Results = append(d.Results, one)
		if one.Upload != nil {
			back.Add("id", one.Upload.ID.String())
		}
	}
	for _, r := range d.Results {
		if r.Refused != nil { // the answer to the form alone knows why
			return page{name: "new", title: v.t("new.title"), data: d, still: true}, nil //nolint:nilerr // the page says it
		}
	}
	if len(d.Results) == 0 {
		return nil, invalid("no file was chosen")
	}
	back.Set("account", d.Account)
	back.Set("type", d.Type)
	return seeOther("/new?" + back.Encode()), nil
}

// field reads a part of the form that is no file: those come first.
func (d *newData) field(part *multipart.Part) error {
	b, err := io.ReadAll(io.LimitReader(part, 1<<10))
	if err != nil {
		return invalid("%w", err)
	}
	switch part.FormName() {
	case "account":
		d.Account = string(b)
	case "type":
		d.Type = string(b)
	}
	return nil
}

func (c *Console) submitFile(v *visit, d newData, part *multipart.Part) verdict {
	out := verdict{Name: part.FileName(), Type: tasks.MediaType(d.Type)}
	o, err := c.takeFile(v, d, &out, part)
	if err != nil {
		out.Refused = tasks.AsError(err)
		return out
	}
	out.Upload = &o
	return out
}

func (c *Console) takeFile(v *visit, d newData, out *verdict, part *multipart.Part) (tasks.Outcome, error) {
	b, err := io.ReadAll(io.LimitReader(part, maxFile+1))
	if err != nil {
		return tasks.Outcome{}, invalid("%w", err)
	}
	if out.Type == "" {
		out.Type = typeOf(b)
	}
	if c.cfg.Check != nil {
		if _, err := c.cfg.Check(b, out.Type); err != nil {
			return tasks.Outcome{}, err
		}
	}
	source, err := c.cfg.Store(v.who.Name, out.Name, bytes.NewReader(b))
	if err != nil {
		return tasks.Outcome{}, err
	}
	u := tasks.Upload{Account: d.Account, Type: out.Type, Source: source, Filename: out.Name}
	if !v.who.BulkOnly {
		u.Priority = tasks.Interactive
	}
	p := c.cfg.Producer(v.who)
	r, err := p.Submit(v.Context(), u)
	if err != nil {
		return tasks.Outcome{}, err
	}
	return p.Outcome(v.Context(), r.ID)
}

// typeOf is the media type that a file's first bytes suggest. What it really is the check says.
func typeOf(b []byte) tasks.MediaType {
	kind := http.DetectContentType(b)
	switch {
	case strings.HasPrefix(kind, "video/"):
		return tasks.Video
	case strings.HasPrefix(kind, "audio/"), bytes.HasPrefix(b, []byte("#!AMR")), bytes.HasPrefix(b, []byte("ID3")), len(b) > 1 && b[0] == 0xff && b[1]&0xe0 == 0xe0 && b[1] != 0xd8:
		return tasks.Voice
	}
	return tasks.Image
}
