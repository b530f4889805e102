package status

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// words are the page's texts in one language. Texts of incidents are shown as they were written.
type words struct {
	OtherLang, OtherName                                                        string
	Subscribe, Feeds, Checked, Components, Legend, History, NoIncidents, Foot   string
	DaysAgo, Today, Operational, Degraded, Down, Absent, NoData                 string
	overall                                                                     map[Overall]string
	names, about                                                                map[string]string
	states                                                                      map[State]string
	statuses, impacts                                                           map[string]string
	Overall                                                                     string // as it is now
	uptime, label, dayNone, dayFine, minutesOf, badDays, since, ended, noUptime string
	date                                                                        func(time.Time) string
}

var languages = map[string]words{
	"en": {
		OtherLang: "ko", OtherName: "한국어", Subscribe: "Subscribe (Atom feed)", Feeds: "Feed and language", Checked: "Checked", Components: "Components", Legend: "What the colors mean",
		History: "Past incidents, 90 days", NoIncidents: "None.", Foot: "Times are UTC. As data:", DaysAgo: "90 days ago", Today: "Today",
		Operational: "Operational", Degraded: "Degraded", Down: "Down", Absent: "No server ran", NoData: "No data",
		overall: map[Overall]string{None: "All systems operational", Minor: "Some systems are degraded", Major: "Some systems are down", Critical: "Major outage"},
		names:   map[string]string{API: "API", Chat: "Chat", Models: "Models", Database: "Database", Jobs: "Background jobs"},
		about: map[string]string{
			API: "Requests of programs: /v1", Chat: "The web app and its chats", Models: "The engines that compute answers", Database: "What is kept", Jobs: "Mail, imports and other work that goes on by itself",
		},
		states:   map[State]string{Operational: "Operational", Degraded: "Degraded", Down: "Down"},
		statuses: map[string]string{Investigating: "Investigating", Identified: "Identified", Monitoring: "Monitoring", Resolved: "Resolved"},
		impacts:  map[string]string{ImpactNone: "No impact", ImpactMinor: "Minor impact", ImpactMajor: "Major impact", ImpactCritical: "Critical impact"},
		uptime:   "%s uptime", label: "%s: %s over the last %d days with data", dayNone: "%s: no data", dayFine: "%s: operational", minutesOf: "%s: %s",
		badDays: "%d days with trouble", since: "since %s", ended: "%s, %s", noUptime: "no data yet",
		date: func(t time.Time) string { return t.Format("2 January 2006") },
	},
	"ko": {
		OtherLang: "en", OtherName: "English", Subscribe: "구독 (Atom 피드)", Feeds: "피드와 언어", Checked: "확인 시각", Components: "구성 요소", Legend: "색의 뜻",
		History: "지난 장애 (90일)", NoIncidents: "없습니다.", Foot: "시각은 UTC입니다. 데이터:", DaysAgo: "90일 전", Today: "오늘",
		Operational: "정상", Degraded: "성능 저하", Down: "중단", Absent: "서버가 실행되지 않음", NoData: "데이터 없음",
		overall: map[Overall]string{None: "모든 시스템 정상", Minor: "일부 시스템 성능 저하", Major: "일부 시스템 중단", Critical: "심각한 장애"},
		names:   map[string]string{API: "API", Chat: "채팅", Models: "모델", Database: "데이터베이스", Jobs: "백그라운드 작업"},
		about: map[string]string{
			API: "프로그램의 요청: /v1", Chat: "웹 앱과 채팅", Models: "답변을 계산하는 엔진", Database: "저장된 데이터", Jobs: "메일, 가져오기 등 스스로 진행되는 작업",
		},
		states:   map[State]string{Operational: "정상", Degraded: "성능 저하", Down: "중단"},
		statuses: map[string]string{Investigating: "조사 중", Identified: "원인 확인", Monitoring: "관찰 중", Resolved: "해결됨"},
		impacts:  map[string]string{ImpactNone: "영향 없음", ImpactMinor: "경미한 영향", ImpactMajor: "큰 영향", ImpactCritical: "심각한 영향"},
		uptime:   "가동률 %s", label: "%s: 데이터가 있는 최근 %[3]d일 %[2]s", dayNone: "%s: 데이터 없음", dayFine: "%s: 정상", minutesOf: "%s: %s",
		badDays: "문제가 있었던 날 %d일", since: "%s부터", ended: "%s, %s", noUptime: "아직 데이터 없음",
		date: func(t time.Time) string {
			return fmt.Sprintf("%d년 %d월 %d일", t.Year(), t.Month(), t.Day())
		},
	},
}

// language chooses by the parameter lang, or else by what the browser asks for.
func language(param, accept string) string {
	if _, ok := languages[param]; ok {
		return param
	}
	best, weight := "en", 0.0
	for part := range strings.SplitSeq(accept, ",") {
		tag, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
		q := 1.0
		if v, ok := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(v, 64); err != nil {
				continue
			}
		}
		if _, ok := languages[tag]; ok && q > weight {
			best, weight = tag, q
		}
	}
	return best
}

// duration writes minutes in the page's language.
func (w words) duration(lang string, minutes int64) string {
	if lang == "en" {
		return lasted(time.Duration(minutes) * time.Minute)
	}
	switch d, h, m := minutes/(24*60), minutes/60%24, minutes%60; {
	case d > 0:
		return fmt.Sprintf("%d일 %d시간", d, h)
	case h > 0:
		return fmt.Sprintf("%d시간 %d분", h, m)
	default:
		return fmt.Sprintf("%d분", m)
	}
}

// percent writes a share so that what is not whole never reads as 100 %.
func percent(share float64) string {
	if share >= 1 {
		return "100 %"
	}
	return strconv.FormatFloat(float64(int64(share*10000))/100, 'f', 2, 64) + " %"
}
