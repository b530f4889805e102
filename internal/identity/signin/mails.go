package signin

import (
	"context"
	"strings"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/mail"
	"github.com/parley-ai/parley/internal/store"
)

// codeReused is the subject of a mail about a code that was right and used before.
const codeReused = "code reused"

// words are the texts of mails by language; English where there is no other.
var words = map[string]map[string][2]string{
	"en": {
		"reset":             {"Set a new password for Parley", "Somebody, you perhaps, asked for a new password of your Parley account. Open this link within 15 minutes to sign in and set one; it works once:\n\n%\n\nIf it was not you, you need do nothing: your password stays as it is."},
		"email":             {"Confirm your e-mail address for Parley", "Open this link within 15 minutes, in the browser that you are signed in with, to use this address for your Parley account:\n\n%\n\nIf you did not ask for it, you need do nothing."},
		"moved":             {"Your e-mail address at Parley was changed", "Your Parley account now has another e-mail address. If it was not you, tell whoever runs the server at once."},
		PasswordUpdated:     {"Your password at Parley was changed", "The password of your Parley account was changed, and your other sessions were ended. If it was not you, tell whoever runs the server at once."},
		SecondFactorCreated: {"Your second factor at Parley is on", "Your Parley account now asks for a code of your authenticator app. If it was not you, tell whoever runs the server at once."},
		SecondFactorDeleted: {"Your second factor at Parley is off", "Your Parley account no longer asks for a code of an authenticator app. If it was not you, tell whoever runs the server at once."},
		codeReused:          {"A code of your authenticator app was tried twice", "Somebody tried to sign in to your Parley account with your password, or a link, and a code of your app that had been used already. They did not get in. If it was not you, change your password and tell whoever runs the server."},
		RecoveryUsed:        {"A recovery code of your Parley account was used", "Somebody signed in to your Parley account, or changed it, with one of your recovery codes. If it was not you, change your password and tell whoever runs the server at once."},
	},
	"ko": {
		"reset":             {"Parley 비밀번호 재설정", "Parley 계정의 새 비밀번호 요청이 있었습니다. 15분 안에 아래 링크를 열면 로그인하여 새 비밀번호를 정할 수 있습니다. 링크는 한 번만 쓸 수 있습니다.\n\n%\n\n직접 요청하지 않았다면 아무것도 하지 않아도 됩니다. 비밀번호는 그대로입니다."},
		"email":             {"Parley 이메일 주소 확인", "이 주소를 Parley 계정에 쓰려면 로그인한 브라우저에서 15분 안에 아래 링크를 여세요.\n\n%\n\n직접 요청하지 않았다면 아무것도 하지 않아도 됩니다."},
		"moved":             {"Parley 계정의 이메일 주소가 바뀌었습니다", "Parley 계정의 이메일 주소가 다른 주소로 바뀌었습니다. 직접 바꾸지 않았다면 즉시 서버 관리자에게 알리세요."},
		PasswordUpdated:     {"Parley 비밀번호가 바뀌었습니다", "Parley 계정의 비밀번호가 바뀌었고 다른 세션은 종료되었습니다. 직접 바꾸지 않았다면 즉시 서버 관리자에게 알리세요."},
		SecondFactorCreated: {"Parley 2단계 인증이 켜졌습니다", "이제 Parley 계정에 로그인할 때 인증 앱의 코드를 묻습니다. 직접 켜지 않았다면 즉시 서버 관리자에게 알리세요."},
		SecondFactorDeleted: {"Parley 2단계 인증이 꺼졌습니다", "이제 Parley 계정에 로그인할 때 인증 앱의 코드를 묻지 않습니다. 직접 끄지 않았다면 즉시 서버 관리자에게 알리세요."},
		codeReused:          {"인증 앱의 코드가 두 번 시도되었습니다", "누군가 비밀번호나 링크와 이미 쓴 앱 코드로 Parley 계정에 로그인하려고 했습니다. 로그인은 거부되었습니다. 본인이 아니라면 비밀번호를 바꾸고 서버 관리자에게 알리세요."},
		RecoveryUsed:        {"Parley 복구 코드가 사용되었습니다", "복구 코드로 Parley 계정에 로그인했거나 계정을 변경했습니다. 본인이 아니라면 비밀번호를 바꾸고 즉시 서버 관리자에게 알리세요."},
	},
}

// letter is a mail about a subject; a percent sign in its text stands for the link.
func letter(who actor.Actor, subject, lang, link string) mail.Message {
	w, ok := words[lang]
	if !ok {
		lang, w = "en", words["en"]
	}
	text := w[subject]
	return mail.Message{Org: who.Org, To: who.Email, Subject: text[0], Text: strings.Replace(text[1], "%", link, 1), Lang: lang}
}

func resetMail(who actor.Actor, lang, link string) mail.Message {
	return letter(who, "reset", lang, link)
}

// notify tells somebody by mail what was done with their account, where there is mail and an address (ASVS 2.2.3).
func (s *Service) notify(ctx context.Context, tx *store.Tx, who actor.Actor, what, lang string) error {
	if !s.mail.Configured() || who.Email == "" {
		return nil
	}
	return s.mail.Send(ctx, tx, letter(who, what, lang, ""))
}
