package actor

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, tt := range []struct {
		a, b, both string
		covers     bool // a all of b
	}{
		{"*", "chat.write", "chat.write", true},
		{"*", "*", "*", true},
		{"*.read", "*", "*.read", false},
		{"*.read", "chat.*", "chat.read", false},
		{"chat.*", "chat.write", "chat.write", true},
		{"chat.*", "*.read", "chat.read", false},
		{"chat.write", "chat.read", "", false},
		{"chat.*", "files.*", "", false},
		{"chat.write", "chat.write", "chat.write", true},
	} {
		if got := strings.Join(Both([]string{tt.a}, []string{tt.b}), " "); got != tt.both {
			t.Errorf("%s and %s: %q, want %q", tt.a, tt.b, got, tt.both)
		}
		if got := strings.Join(Both([]string{tt.b}, []string{tt.a}), " "); got != tt.both {
			t.Errorf("%s and %s: %q, want %q", tt.b, tt.a, got, tt.both)
		}
		if got := Covers([]string{tt.a}, tt.b); got != tt.covers {
			t.Errorf("%s covers %s: %v", tt.a, tt.b, got)
		}
	}
}

// TestRoles: each role may do more than the next, and only an owner decides about owners.
func TestRoles(t *testing.T) {
	order := []string{Owner, Admin, Member, Reader, "nobody"}
	scopes := []string{OrganizationOwn, OrganizationWrite, AuditRead, ModelsWrite, LimitsWrite, ChatWrite, ChatsWrite, KeysWrite, ModelsRead, ChatsRead, KeysRead, UsageRead, SessionRead}
	var got []string
	for i, role := range order {
		a := Actor{Scopes: ScopesOf(role)}
		n := 0
		for _, scope := range scopes {
			if a.May(scope) {
				n++
				if i > 0 && !(Actor{Scopes: ScopesOf(order[i-1])}).May(scope) {
					t.Errorf("%s may %s and %s may not", role, scope, order[i-1])
				}
			}
		}
		got = append(got, fmt.Sprint(role, n))
	}
	if want := "owner13 admin12 member8 reader5 nobody0"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", strings.Join(got, " "), want)
	}
	if s := ScopesOf(Owner); slices.Contains(ScopesOf(Member), All) || len(s) != 1 {
		t.Errorf("%v", s)
	}
}

func TestMayUse(t *testing.T) {
	if !(Actor{}).MayUse("gpt-4") || (Actor{Models: []string{}}).MayUse("gpt-4") || !(Actor{Models: []string{"gpt-4"}}).MayUse("gpt-4-0613", "gpt-4") {
		t.Error("models of a key")
	}
}
