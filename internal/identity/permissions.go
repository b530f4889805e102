package identity

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
)

// Permissions of a key, in short.
const (
	permissionAll        = "all"
	permissionReadOnly   = "read_only"
	permissionRestricted = "restricted"
)

func permissionOf(scopes []string) string {
	switch {
	case slices.Contains(scopes, actor.All):
		return permissionAll
	case len(scopes) == 1 && scopes[0] == actor.AllRead:
		return permissionReadOnly
	}
	return permissionRestricted
}

// key returns what is asked for.
func (in CreateKeyRequest) key() (NewKey, error) {
	k := NewKey{Name: in.Name, Models: in.Models, Untracked: in.TrackUsage != nil && !*in.TrackUsage}
	if in.ExpiresAt != nil {
		if *in.ExpiresAt < 0 || *in.ExpiresAt > maxTime {
			return k, fault.Param("expires_at", "Invalid 'expires_at': expected seconds since 1970.").WithCode("invalid_value")
		}
		k.Expires = time.Unix(max(*in.ExpiresAt, 1), 0)
	}
	chosen := len(in.Permissions) > 0 || len(in.Scopes) > 0
	switch in.Permission {
	case permissionAll, permissionReadOnly:
		if chosen {
			return k, fault.Param("permission", "Invalid 'permission': '%s' leaves nothing to choose; permissions and scopes belong to 'restricted'.", in.Permission).WithCode("invalid_value")
		}
		if in.Permission == permissionReadOnly {
			k.Scopes = []string{actor.AllRead}
		}
		return k, nil
	case permissionRestricted:
		if !chosen {
			return k, fault.Param("permissions", "A restricted key needs 'permissions' or 'scopes'.").WithCode("missing_required_parameter")
		}
	case "":
	default:
		return k, fault.Param("permission", "Invalid value: '%s'. Supported values are: 'all', 'read_only', and 'restricted'.", printable(in.Permission[:min(len(in.Permission), 64)])).WithCode("invalid_value")
	}
	k.Scopes = slices.Clone(in.Scopes)
	none := 0
	for _, group := range slices.Sorted(maps.Keys(in.Permissions)) {
		param := "permissions." + printable(group[:min(len(group), 64)])
		if !slices.Contains(actor.Groups, group) {
			return k, fault.Param(param, "Invalid '%s': the groups are '%s'.", param, strings.Join(actor.Groups, "', '")).WithCode("invalid_value")
		}
		switch in.Permissions[group] {
		case "none":
			none++
		case "read":
			k.Scopes = append(k.Scopes, group+".read")
		case "write":
			k.Scopes = append(k.Scopes, group+".*")
		default:
			return k, fault.Param(param, "Invalid value for '%s'. Supported values are: 'none', 'read', and 'write'.", param).WithCode("invalid_value")
		}
	}
	if none > 0 && len(k.Scopes) == 0 {
		return k, fault.Param("permissions", "This key could do nothing: allow at least one group.").WithCode("invalid_value")
	}
	return k, nil
}

// maxTime is the last second of the year 9999.
const maxTime = 253402300799
