package host

import (
	"os"
	"path/filepath"
)

// An Owner is the user to whom files belong when the process runs with other rights, under sudo. A nil Owner is this
// process's own user: its methods change nothing.
type Owner struct{ UID, GID int }

// Chown gives path to the owner; a symbolic link is given away itself, not its target.
func (o *Owner) Chown(path string) error {
	if o == nil {
		return nil
	}
	return os.Lchown(path, o.UID, o.GID)
}

// OwnerOf returns the owner that a file at path is to have: the user who called sudo, if path lies in that user's home or
// in another folder that belongs to them; otherwise nil.
func (e Env) OwnerOf(path string) *Owner {
	rel, err := filepath.Rel(e.Home, path)
	if e.Owner == nil || (err != nil || !filepath.IsLocal(rel)) && !e.Owner.owns(filepath.Dir(path)) {
		return nil
	}
	return e.Owner
}
