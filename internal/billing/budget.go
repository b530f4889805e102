package billing

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parley-ai/parley/internal/actor"
	"github.com/parley-ai/parley/internal/audit"
	"github.com/parley-ai/parley/internal/fault"
	"github.com/parley-ai/parley/internal/store"
)

// Budget is what an organization, or one of its projects, may spend in a month: billionths of a US dollar, or none.
type Budget struct {
	Org     string
	Project string // empty: the organization as a whole
	Soft    int64  // is told when it is reached
	Hard    int64  // is where requests are refused
	Updated time.Time
}

// maxBudget is the most of a month, in US dollars.
const maxBudget = 1e9

// amount is a limit in billionths of a US dollar; none for nil.
func amount(param string, dollars *float64) (int64, error) {
	if dollars == nil {
		return none, nil
	}
	if !(*dollars >= 0 && *dollars <= maxBudget) {
		return 0, fault.Param(param, "Invalid '%s': expected 0 to %.0f US dollars, or null for no limit.", param, maxBudget).WithCode("invalid_value")
	}
	n := int64(math.Round(*dollars * billion))
	if n == 0 && *dollars > 0 { // 0 would refuse everything
		return 0, fault.Param(param, "Invalid '%s': the least that is counted is a billionth of a US dollar.", param).WithCode("invalid_value")
	}
	return n, nil
}

// SetBudget sets the limits of an organization, or of the project that is not "". nil is no limit. A project of another organization is not
// found.
func (s *Service) SetBudget(ctx context.Context, who actor.Actor, org, project string, soft, hard *float64) (b Budget, err error) {
	defer fault.Wrap(&err, "billing.SetBudget")
	b = Budget{Org: org, Project: project, Updated: s.o.Clock.Now()}
	if b.Soft, err = amount("soft_limit_usd", soft); err != nil {
		return Budget{}, err
	}
	if b.Hard, err = amount("hard_limit_usd", hard); err != nil {
		return Budget{}, err
	}
	switch {
	case b.Soft == none && b.Hard == none:
		return Budget{}, fault.New(fault.Invalid, "Name a limit: soft_limit_usd, hard_limit_usd, or both. To have none, delete the budget.")
	case b.Soft != none && b.Hard != none && b.Soft > b.Hard:
		return Budget{}, fault.Param("soft_limit_usd", "Invalid 'soft_limit_usd': it would never be reached, as requests are refused at the hard limit of $%s.", dollars(b.Hard)).WithCode("invalid_value")
	}
	if err := s.owned(ctx, org, project); err != nil {
		return Budget{}, err
	}
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		e := audit.Event{Type: "budget.updated", Object: b.subject(), Project: project, After: b.audited()}
		before, err := findBudget(ctx, tx, org, project)
		if err != nil {
			return err
		}
		if before != nil {
			e.Before = before.audited()
		}
		if err := writeBudget(ctx, tx, b); err != nil {
			return err
		}
		return s.record(ctx, tx, who, org, e)
	})
	if err != nil {
		return Budget{}, err
	}
	return b, s.changed(ctx, org)
}

// DeleteBudget takes the limits of an organization or of one of its projects away.
func (s *Service) DeleteBudget(ctx context.Context, who actor.Actor, org, project string) (err error) {
	defer fault.Wrap(&err, "billing.DeleteBudget")
	if err := s.owned(ctx, org, project); err != nil {
		return err
	}
	err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
		before, err := findBudget(ctx, tx, org, project)
		if err != nil {
			return err
		}
		if before == nil {
			return fault.New(fault.NotFound, "There is no budget of %s to take away.", clip(Budget{Org: org, Project: project}.subject())).WithCode("budget_not_found")
		}
		if err := removeBudget(ctx, tx, org, project); err != nil {
			return err
		}
		return s.record(ctx, tx, who, org, audit.Event{Type: "budget.deleted", Object: before.subject(), Project: project, Before: before.audited()})
	})
	if err != nil {
		return err
	}
	return s.changed(ctx, org)
}

// owned reports a project that is not the organization's as not found.
func (s *Service) owned(ctx context.Context, org, project string) error {
	if project == "" {
		return nil
	}
	ok, err := s.o.Owners.Owns(ctx, org, "project", project)
	if err != nil || ok {
		return err
	}
	return fault.New(fault.NotFound, "No project found with id '%s'.", clip(project)).WithCode("project_not_found")
}

// subject is whose the budget is.
func (b Budget) subject() string {
	if b.Project != "" {
		return b.Project
	}
	return b.Org
}

// audited is what the audit log keeps of a budget.
func (b Budget) audited() any {
	return map[string]any{"soft_limit_usd": usd(b.Soft), "hard_limit_usd": usd(b.Hard)}
}

// usd is a limit on the wire; nil for none.
func usd(n int64) *float64 {
	if n == none {
		return nil
	}
	v := float64(n) / billion
	return &v
}

// dollars writes an amount with two decimals at least and as many as it has.
func dollars(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	fraction := strings.TrimRight(fmt.Sprintf("%09d", n%billion), "0")
	for len(fraction) < 2 {
		fraction += "0"
	}
	return sign + strconv.FormatInt(n/billion, 10) + "." + fraction
}

// Kinds of notices.
const (
	softReached = "soft"
	hardReached = "hard"
	creditGone  = "credit"
)

// notice is a threshold that was reached.
type notice struct {
	org, project, month, kind string
	amount                    int64
}

// reached returns the thresholds that a month's spending has come to.
func reached(org string, month time.Time, books map[string]int64, budgets []Budget, account Account, b balance) (out []notice) {
	all := total(books)
	add := func(project, kind string, amount int64) {
		out = append(out, notice{org, project, monthName(month), kind, amount})
	}
	for _, l := range budgets {
		spent := all
		if l.Project != "" {
			spent = books[l.Project]
		}
		if l.Hard != none && spent >= l.Hard {
			add(l.Project, hardReached, l.Hard)
		}
		if l.Soft != none && spent >= l.Soft {
			add(l.Project, softReached, l.Soft)
		}
	}
	if account.Plan == Prepaid && b.available <= 0 && all > 0 {
		add("", creditGone, 0) // once a month, however often credit comes and goes
	}
	return out
}

// maxNotices is how many thresholds of an organization are told in a month: limits that are changed again and again are no way to mail
// somebody without end.
const maxNotices = 100

// tell mails what was reached and not told yet this month to the organization's owners and contacts.
func (s *Service) tell(ctx context.Context, org string, month time.Time, books map[string]int64, budgets []Budget, account Account, b balance) error {
	list := reached(org, month, books, budgets, account, b)
	if len(list) == 0 {
		return nil
	}
	told, err := readNotices(ctx, s.o.DB.Read(), org, monthName(month))
	if err != nil {
		return err
	}
	for _, n := range list {
		if told[n] {
			continue
		}
		if len(told) >= maxNotices {
			return nil
		}
		told[n] = true
		name, owners, err := s.o.Person(ctx, org)
		if err != nil {
			return err
		}
		err = s.o.DB.Tx(ctx, func(tx *store.Tx) error {
			first, err := writeNotice(ctx, tx, n, s.o.Clock.Now())
			if err != nil || !first || s.o.Mail == nil {
				return err
			}
			subject, text := s.words(n, name, month, books)
			var to []string
			for _, a := range slices.Concat(owners, account.Contacts) {
				if a == "" || slices.ContainsFunc(to, func(b string) bool { return strings.EqualFold(a, b) }) {
					continue
				}
				to = append(to, a)
				err := s.o.Mail(ctx, tx, Mail{Org: org, To: a, Subject: subject, Text: text})
				if fault.KindOf(err) == fault.Invalid { // no address: the others are told
					s.failed(ctx, "nobody can be told at an address that takes no mail", err)
					continue
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// words are a notice's mail.
func (s *Service) words(n notice, name string, month time.Time, books map[string]int64) (subject, text string) {
	of, spent := "The organization "+name, total(books)
	if n.project != "" {
		of, spent = "The project "+n.project+" of "+name, books[n.project]
	}
	in := month.Format("January 2006")
	switch n.kind {
	case softReached:
		subject = fmt.Sprintf("%s: the soft limit of $%s was reached", name, dollars(n.amount))
		text = fmt.Sprintf("%s has spent $%s in %s (UTC), which reaches its soft limit of $%s. Requests go on as before.", of, dollars(spent), in, dollars(n.amount))
	case hardReached:
		subject = fmt.Sprintf("%s: the hard limit of $%s was reached", name, dollars(n.amount))
		text = fmt.Sprintf("%s has spent $%s in %s (UTC), which reaches its hard limit of $%s. Requests are refused (429, insufficient_quota) until the limit is raised or the month ends.", of, dollars(spent), in, dollars(n.amount))
	default:
		subject = name + ": the credit is used up"
		text = fmt.Sprintf("%s has used all of its credit. It is prepaid: requests are refused (429, insufficient_quota) until it gets more.", of)
	}
	if s.o.Page != nil {
		text += "\n\n" + s.o.Page() + "\n"
	}
	return subject, text
}

// State says in one word whether requests go through.
type State string

// States, from the best to the worst.
const (
	Fine     State = "ok"
	Soft     State = "soft_limit"
	Hard     State = "hard_limit"
	NoCredit State = "no_credit"
)

// StateOf returns the state of an organization for those who work in a project of it, and whether it is the project's budget that decides.
func (s *Service) StateOf(ctx context.Context, who actor.Actor) (state State, ofProject bool, err error) {
	defer fault.Wrap(&err, "billing.StateOf")
	t := s.o.Meter.tab(who.Org)
	if t == nil {
		return Fine, false, nil
	}
	budgets, err := readBudgets(ctx, s.o.DB.Read(), who.Org)
	if err != nil {
		return Fine, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.turn(s.o.Clock.Now())
	state = Fine
	set := func(to State, project bool) {
		if rank[to] > rank[state] {
			state, ofProject = to, project
		}
	}
	for _, b := range budgets {
		spent := t.spent
		if b.Project != "" {
			if b.Project != who.Project {
				continue
			}
			spent = t.projects[b.Project]
		}
		if b.Soft != none && spent >= b.Soft {
			set(Soft, b.Project != "")
		}
		if b.Hard != none && spent >= b.Hard {
			set(Hard, b.Project != "")
		}
	}
	if t.terms.ceiling != none && t.spent >= t.terms.ceiling {
		set(NoCredit, false)
	}
	return state, ofProject, nil
}

var rank = map[State]int{Fine: 0, Soft: 1, Hard: 2, NoCredit: 3}
