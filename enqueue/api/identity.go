package api

import (
	"cmp"
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// Identity is a caller: the name of its uploads' producer, and its rights.
type Identity struct {
	Name string
	Role tasks.Role
	tasks.Rights

	key tasks.Hash // of the key it came with
}

func identityOf(k tasks.Key) Identity {
	return Identity{Name: k.Name, Role: k.Role, Rights: k.Rights, key: k.Hash}
}

// staff reports whether the caller is shown what belongs to others.
func (i Identity) staff() bool { return i.Role == tasks.RoleOperator || i.Role == tasks.RoleViewer }

// sees returns the producer whose things the caller may see. "" means all producers.
func (i Identity) sees() string {
	if i.staff() {
		return ""
	}
	return cmp.Or(i.Name, nobody)
}

// owns reports whether something of that producer exists for the caller.
func (i Identity) owns(producer string) bool { return i.staff() || i.sees() == producer }

// nobody can't be the name of a producer.
const nobody = "\x00"

type identityKey struct{}

func withIdentity(ctx context.Context, i Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// caller returns the caller of a request. Without one it returns an Identity that may do and see nothing.
func caller(ctx context.Context) Identity {
	i, _ := ctx.Value(identityKey{}).(Identity)
	return i
}
