package api

import (
	"cmp"
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// Identity is who calls: the name that its uploads carry, and what it may do.
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

// sees returns whose things the caller is shown: its own, or with "" everybody's.
func (i Identity) sees() string {
	if i.staff() {
		return ""
	}
	return cmp.Or(i.Name, nobody)
}

// owns reports whether something of that producer exists for the caller.
func (i Identity) owns(producer string) bool { return i.staff() || i.sees() == producer }

// nobody is the name of no producer.
const nobody = "\x00"

type identityKey struct{}

func withIdentity(ctx context.Context, i Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, i)
}

// caller returns who calls. Without one it is somebody whom no route is for and who owns nothing.
func caller(ctx context.Context) Identity {
	i, _ := ctx.Value(identityKey{}).(Identity)
	return i
}
