package limits

import (
	"time"
)

// Subject is what a limit counts for.
type Subject string

// The subjects.
const (
	Organization Subject = "organization" // all of it
	Project      Subject = "project"
	User         Subject = "user"     // a member, by whatever key or browser
	Key          Subject = "key"      // an API key
	EndUser      Subject = "end_user" // the `user` of requests
)

var subjects = []Subject{Organization, Project, User, Key, EndUser}

// Values are the figures of a limit: nil is what a more general limit says, 0 is none.
type Values struct {
	RequestsPerMinute *int64   `json:"max_requests_per_1_minute,omitempty" min:"0" doc:"Requests per minute; 0 is no limit."`
	TokensPerMinute   *int64   `json:"max_tokens_per_1_minute,omitempty" min:"0" doc:"Tokens per minute, of prompt and answer; 0 is no limit."`
	RequestsPerDay    *int64   `json:"max_requests_per_1_day,omitempty" min:"0" doc:"Requests per day; 0 is no limit."`
	TokensPerDay      *int64   `json:"max_tokens_per_1_day,omitempty" min:"0" doc:"Tokens per day, of prompt and answer; 0 is no limit."`
	TokenWeight       *float64 `json:"token_weight,omitempty" doc:"What a token of the model counts: 0.005 lets through two hundred times as many."`
}

// over lays v over what is more general.
func (v Values) over(general Values) Values {
	for _, f := range []struct{ mine, theirs **int64 }{
		{&v.RequestsPerMinute, &general.RequestsPerMinute}, {&v.TokensPerMinute, &general.TokensPerMinute},
		{&v.RequestsPerDay, &general.RequestsPerDay}, {&v.TokensPerDay, &general.TokensPerDay},
	} {
		if *f.mine == nil {
			*f.mine = *f.theirs
		}
	}
	if v.TokenWeight == nil {
		v.TokenWeight = general.TokenWeight
	}
	return v
}

// Rule is a limit that was set while running.
type Rule struct {
	ID        string // "rl_…"
	Org       string // empty: every organization
	Subject   Subject
	SubjectID string // a project, user, key or end user; empty: each of them
	Model     string // as asked for; empty: each model, which counts for itself
	Values    Values
	Updated   time.Time
}

// place is what a rule is about.
type place struct {
	org     string
	subject Subject
	id      string
	model   string
}

func (r Rule) place() place { return place{r.Org, r.Subject, r.SubjectID, r.Model} }

// units are the weights of tokens that OpenAI gave the models of its first families: a limit of tokens was
// one of davinci's, of which 200 of ada's, 100 of babbage's and 25 of curie's made one.
var units = map[string]float64{
	"ada": 1.0 / 200, "text-ada-001": 1.0 / 200,
	"babbage": 1.0 / 100, "text-babbage-001": 1.0 / 100,
	"curie": 1.0 / 25, "text-curie-001": 1.0 / 25,
}

// table is all that is set, for one moment. It does not change.
type table struct {
	settings Settings
	rules    map[place]Values
	about    map[Subject]bool // which subjects have limits at all
	standing map[string]Standing
}

func newTable(settings Settings, rules []Rule, standing map[string]Standing) *table {
	t := &table{settings: settings, rules: map[place]Values{}, about: map[Subject]bool{}, standing: standing}
	t.about[Organization] = settings.RequestsPerMinute > 0 || settings.TokensPerMinute > 0
	for _, r := range rules {
		p := r.place()
		if p.subject == EndUser {
			p.id = shorten(p.id)
		}
		t.rules[p] = r.Values
		t.about[r.Subject] = true
		if r.Subject == Tier { // what it limits is organizations
			t.about[Organization] = true
		}
	}
	return t
}

// empty reports whether nothing is limited for anybody.
func (t *table) empty() bool { return len(t.rules) == 0 && !t.about[Organization] }

// effective is what follows for one subject and model.
type effective struct {
	limits [kinds]float64 // 0: none
	weight float64        // of a token
}

// values are the limits as figures of which none is left out.
func (e effective) values() Values {
	figure := func(k kind) *int64 { n := int64(e.limits[k]); return &n }
	return Values{RequestsPerMinute: figure(requestsMinute), TokensPerMinute: figure(tokensMinute), RequestsPerDay: figure(requestsDay), TokensPerDay: figure(tokensDay), TokenWeight: &e.weight}
}

// none reports whether nothing is limited.
func (e effective) none() bool { return e.limits == [kinds]float64{} }

// resolve lays the rules for a subject and model over each other, the more special above: the installation's
// below those of the organization's tier and those below its own, those of each subject below those of this
// one, those of each model below those of this one.
func (t *table) resolve(org string, subject Subject, id, model string) effective {
	var v Values
	if subject == Organization {
		v = t.settings.values()
	}
	lay := func(org string, subject Subject, id string) {
		for _, m := range []string{"", model} {
			if special, ok := t.rules[place{org, subject, id, m}]; ok {
				v = special.over(v)
			}
		}
	}
	if subject == Organization {
		lay("", subject, "")
		if tier := t.standing[org].Tier; tier != "" {
			lay("", Tier, tier)
		}
		lay(org, subject, "")
	} else {
		for _, o := range []string{"", org} {
			lay(o, subject, "")
			lay(o, subject, id)
		}
	}
	e := effective{weight: 1}
	if unit, ok := units[model]; ok {
		e.weight = unit
	}
	for k, n := range []*int64{requestsMinute: v.RequestsPerMinute, requestsDay: v.RequestsPerDay, tokensMinute: v.TokensPerMinute, tokensDay: v.TokensPerDay} {
		if n != nil {
			e.limits[k] = float64(*n)
		}
	}
	if v.TokenWeight != nil {
		e.weight = *v.TokenWeight
	}
	return e
}
