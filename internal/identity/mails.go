package identity

import (
	"context"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/httpapi"
	"github.com/parley-ai/parley/internal/mail"
	"github.com/parley-ai/parley/internal/store"
)

// Mails with invitations go to whomever a member names: these bounds keep an organization from using this server to write to strangers.
// They count what was mailed since the last day without any; without mail there is no bound. Operators have no bound for their
// organizations, as the server is theirs.
const (
	mailsToOne  = 5   // to one address, of all organizations
	mailsOfOne  = 200 // of one organization
	mailsWithin = 24 * time.Hour
)

func tooManyInvites(msg string, args ...any) error {
	return fault.New(fault.RateLimited, msg, args...).WithCode("too_many_invitations")
}

// invitation is the text of an invitation in a language; the words in braces are filled in.
type invitation struct {
	subject, text string
	somebody      string // who invites, when no name is known
	roles         map[string]string
}

var invitations = map[string]invitation{
	"en": {
		subject: "Invitation to {org} on Parley", somebody: "Somebody",
		text: "{who} invites you to join {org} on Parley. Your role: {role}.\n\n" +
			"Open this link to accept. It works once, until {until}:\n\n{link}\n\nIf you did not expect this invitation, you need do nothing.",
		roles: map[string]string{actor.Owner: "owner", actor.Admin: "admin", actor.Member: "member", actor.Reader: "reader"},
	},
	"ko": {
		subject: "Parley {org} 조직 초대", somebody: "조직 관리자",
		text: "{who}님이 Parley의 {org} 조직에 초대했습니다. 역할: {role}.\n\n" +
			"초대를 수락하려면 아래 링크를 여세요. 한 번만 쓸 수 있으며 {until}까지 유효합니다.\n\n{link}\n\n예상하지 못한 초대라면 아무것도 하지 않아도 됩니다.",
		roles: map[string]string{actor.Owner: "소유자", actor.Admin: "관리자", actor.Member: "구성원", actor.Reader: "열람자"},
	},
}

// mailInvite sends an invitation's link, in the language of who invites, and tells whether it did.
func (s *Service) mailInvite(ctx context.Context, tx *store.Tx, who actor.Actor, i Invite, token string) (bool, error) {
	if s.Mail == nil || !s.Mail.Configured() {
		return false, nil
	}
	if err := s.countInvite(ctx, tx, who, i); err != nil {
		return false, err
	}
	lang := httpapi.OriginOf(ctx).Language
	w, ok := invitations[lang]
	if !ok {
		lang, w = "en", invitations["en"]
	}
	by := who.Email
	if by == "" {
		by = w.somebody
	}
	fill := strings.NewReplacer("{who}", plain(by), "{org}", plain(who.OrgName), "{role}", w.roles[i.Role], "{until}", i.Expires.UTC().Format("2006-01-02 15:04 UTC"), "{link}", s.link(token))
	return true, s.Mail.Send(ctx, tx, mail.Message{Org: who.Org, To: i.Email, Subject: fill.Replace(w.subject), Text: fill.Replace(w.text), Lang: lang})
}

// plain keeps a name from being a link or a paragraph of its own in our mail: strangers get it.
func plain(name string) string {
	name = strings.Join(strings.Fields(name), " ")
	return strings.NewReplacer("://", "…", "{", "(", "}", ")").Replace(name)
}
