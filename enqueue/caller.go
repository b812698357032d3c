package enqueue

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Caller is who asks at a door that people and programs reach from other machines: the name of its uploads' producer, and
// its rights.
type Caller struct {
	Name string
	Role tasks.Role
	tasks.Rights
	// Key is the hash of the key that it came with. Zero: the person at this machine, who needs none.
	Key tasks.Hash
}

// CallerOf returns who has the key.
func CallerOf(k tasks.Key) Caller {
	return Caller{Name: k.Name, Role: k.Role, Rights: k.Rights, Key: k.Hash}
}

// Staff reports whether the caller is shown what belongs to others.
func (c Caller) Staff() bool { return c.Role == tasks.RoleOperator || c.Role == tasks.RoleViewer }

// Sees returns the producer whose things the caller may see. "" means all producers.
func (c Caller) Sees() string {
	if c.Staff() {
		return ""
	}
	return cmp.Or(c.Name, nobody)
}

// Owns reports whether something of that producer exists for the caller.
func (c Caller) Owns(producer string) bool { return c.Staff() || c.Sees() == producer }

// Media returns a media that the caller may reuse, with the upload behind it only if that exists for the caller.
func (c Caller) Media(m tasks.KnownMedia) tasks.KnownMedia {
	if !c.Owns(m.Producer) {
		m.Upload, m.Producer, m.Source, m.Filename = uuid.Nil, "", "", ""
	}
	return m
}

// ReuseOf tells of an upload with its outcome what the caller may know: what it was answered from, and what was answered with
// its media. It is nil where that is nothing.
func (c Caller) ReuseOf(ctx context.Context, l Reuses, o tasks.Outcome) (*tasks.MediaReuse, error) {
	if o.State != tasks.Succeeded {
		return nil, nil //nolint:nilnil // there is none
	}
	r, err := l.MediaReuse(ctx, o.ID, c.Sees())
	if err != nil || r.From == nil && len(r.By) == 0 {
		return nil, err
	}
	return &r, nil
}

// Reuses tells what uploads were answered from.
type Reuses interface {
	MediaReuse(ctx context.Context, id uuid.UUID, producer string) (tasks.MediaReuse, error)
}

// Confined keeps a filter to what the caller sees.
func (c Caller) Confined(f tasks.Filter) tasks.Filter {
	if own := c.Sees(); own != "" {
		f.Producer = own
	}
	return f
}

// nobody can't be the name of a producer.
const nobody = "\x00"

// NewAction returns an action in the caller's name. It reaches only what the caller may touch, within the caller's rights.
func (c Caller) NewAction(kind tasks.ActionKind, f tasks.Filter) tasks.Action {
	return tasks.Action{
		Kind: kind, By: c.Name, Producer: c.Sees(), Choice: tasks.ChoiceOf(f), RatePerMinute: c.RatePerMinute, DailyBudget: c.DailyBudget,
	}
}

// Access says which roles something is for. The OpenAPI document has it as x-access.
type Access string

// Every role may read. Operators and viewers may watch, since that shows things of all producers. Producers and operators
// may submit, retry and cancel. Only operators may do the rest. A producer sees and changes its own things only.
const (
	AccessRead    Access = "read"
	AccessWatch   Access = "watch"
	AccessSubmit  Access = "submit"
	AccessOperate Access = "operate"
)

// Admits reports whether callers of a role have the access.
func (a Access) Admits(r tasks.Role) bool {
	roles := map[Access][]tasks.Role{
		AccessRead:    {tasks.RoleProducer, tasks.RoleOperator, tasks.RoleViewer},
		AccessWatch:   {tasks.RoleOperator, tasks.RoleViewer},
		AccessSubmit:  {tasks.RoleProducer, tasks.RoleOperator},
		AccessOperate: {tasks.RoleOperator},
	}
	return slices.Contains(roles[a], r)
}
