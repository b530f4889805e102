package config

import (
	"time"
)

// Config is the whole configuration. After Load, paths are absolute and everything is valid.
type Config struct {
	Addr          string            `koanf:"addr" default:"127.0.0.1:8080" doc:"address to listen on, HOST:PORT"`
	Home          string            `koanf:"home" default:"~/.parley" doc:"directory of the database, files and keys"`
	Cache         string            `koanf:"cache" default:"" doc:"directory of models and libraries, which may be shared; empty is parley in the user's cache directory"`
	DB            string            `koanf:"db" default:"" doc:"database, sqlite://PATH or postgres://USER:PASSWORD@HOST/NAME; empty is parley.db in the home directory"`
	DBFullSync    bool              `koanf:"db_full_sync" default:"false" doc:"SQLite waits for the disk at each commit, so that a power cut loses nothing"`
	DBMaxConns    int               `koanf:"db_max_conns" default:"20" doc:"most connections to PostgreSQL"`
	ShutdownGrace time.Duration     `koanf:"shutdown_grace" default:"30s" doc:"how long running answers may take to finish at shutdown"`
	BaseURL       string            `koanf:"base_url" default:"" doc:"address of the web app as browsers reach it, for links; empty is http://ADDR"`
	RetentionDays int               `koanf:"retention_days" default:"30" doc:"how many days requests of the API are kept with their answers, encrypted, for reviewers; 0 is not at all. What the operator or an organization sets while running wins"`
	SecretKey     string            `koanf:"secret_key" default:"" secret:"true" doc:"key that secrets in the database are sealed with, 32 random bytes in base64, the same for all servers of a database; further ones, with commas between them, open what they sealed before; empty is secret.key in the home directory, made at the first start"`
	SecretForget  string            `koanf:"secret_forget" default:"" doc:"id of a key that is lost: start without it, and never read again what it sealed"`
	AllowOrigins  string            `koanf:"allow_origins" default:"*" doc:"web pages that may call /v1 with an API key, such as https://app.example.com, with commas between them; * is all, as at OpenAI; empty is none but Parley's own"`
	Proxies       string            `koanf:"trusted_proxies" default:"" doc:"proxies of yours before the server, whose X-Forwarded-For is believed: networks such as 10.0.0.0/8 or 127.0.0.1/32, with commas between them; empty is none"`
	Sessions      Sessions          `koanf:"sessions"`
	StatusPage    string            `koanf:"status_page" default:"auto" doc:"whether everybody may see the status page, /status: true or false; auto is true while only this machine can reach the server"`
	Log           Log               `koanf:"log"`
	Blob          Blob              `koanf:"blob"`
	Files         Files             `koanf:"files"`
	Retrieval     Retrieval         `koanf:"retrieval"`
	Sandbox       Sandbox           `koanf:"sandbox"`
	Limits        Limits            `koanf:"limits"`
	Redis         Redis             `koanf:"redis"`
	Mail          Mail              `koanf:"mail"`
	SSO           SSO               `koanf:"sso"`
	Engine        Engine            `koanf:"engine"`
	Defaults      Defaults          `koanf:"defaults"`
	Aliases       map[string]string `koanf:"aliases" default:"{}" doc:"further names for models, NAME: MODEL; they win over the built-in names"`
	Remotes       []Remote          `koanf:"remotes" default:"[]" doc:"OpenAI-compatible servers to use as engines: name, url, api_key, models (empty is all it lists)"`

	// Warnings are for the log: variables that look like settings and are none.
	Warnings []string `koanf:"-"`
	settings []Setting
}

// Sessions say how long browsers stay signed in.
type Sessions struct {
	Idle     time.Duration `koanf:"idle" default:"720h" doc:"a browser is signed out when it was not used for so long"`
	Lifetime time.Duration `koanf:"lifetime" default:"0" doc:"a browser is signed out so long after it signed in, also when it is used; 0 is never"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `koanf:"level" default:"info" doc:"debug, info, warn or error"`
	Format string `koanf:"format" default:"text" doc:"text or json"`
}

// Blob is where contents of files lie.
type Blob struct {
	URL string `koanf:"url" default:"" doc:"where contents of files lie: file:///DIR, s3://BUCKET?region=…&endpoint=…, gs://BUCKET or azblob://CONTAINER, with ?prefix=… for a part of it; credentials come from the environment, as the provider's own tools take them; empty is blobs in the home directory. All servers of a database need the same"`
}

// Files are those of the API.
type Files struct {
	OrganizationLimit Size `koanf:"organization_limit" default:"100GB" doc:"what an organization may store in files, unless the operator sets another limit for it; 0 is no limit"`
}

// Retrieval is the search in vector stores.
type Retrieval struct {
	EmbeddingModel string `koanf:"embedding_model" default:"text-embedding-3-small" doc:"which model's vectors new vector stores have; a store keeps the one that it was made with"`
	IndexMemory    Size   `koanf:"index_memory" default:"1GB" doc:"how much memory indexes of vector stores may take; those that were searched last stay in it"`
}

// Limits protect the server from its clients.
type Limits struct {
	MaxBody        Size          `koanf:"max_body" default:"32MB" doc:"largest request body"`
	HeaderTimeout  time.Duration `koanf:"header_timeout" default:"10s" doc:"longest time for a client to send its headers"`
	BodyTimeout    time.Duration `koanf:"body_timeout" default:"60s" doc:"longest pause of a client while it sends its body"`
	WriteTimeout   time.Duration `koanf:"write_timeout" default:"30s" doc:"longest time for a client to take one piece of an answer"`
	RequestTimeout time.Duration `koanf:"request_timeout" default:"10m" doc:"longest time for one answer"`
	Requests       int           `koanf:"requests_per_minute" default:"0" doc:"requests per minute of an organization to one model; 0 is no limit"`
	Tokens         int           `koanf:"tokens_per_minute" default:"0" doc:"tokens per minute of an organization to one model; 0 is no limit"`
	CountRefused   bool          `koanf:"count_refused" default:"true" doc:"requests that a limit refuses take what is left of the minute, at most one request, so that repeating at once does not help"`
	QueueLength    int           `koanf:"queue_length" default:"256" doc:"requests that may wait for one model; more get 429"`
}

// Redis is where several servers count limits together.
type Redis struct {
	URL  string `koanf:"url" default:"" doc:"Redis or Valkey in which several servers count limits together, redis://USER:PASSWORD@HOST:PORT/DB; empty: each counts for itself"`
	Away string `koanf:"away" default:"open" doc:"while Redis does not answer: open, each server counts for itself; closed, requests that are limited get 503"`
}

// Mail is the server that mails go to.
type Mail struct {
	URL  string `koanf:"url" default:"" doc:"mail server, smtp://USER:PASSWORD@HOST:PORT (STARTTLS) or smtps://USER:PASSWORD@HOST:PORT; ?starttls=if_offered or never is for a server that cannot; empty: no mails, links are shown"`
	From string `koanf:"from" default:"" doc:"sender of mails, such as Parley <parley@example.com>"`
}

// SSO is the provider of identities that people may sign in through, by OpenID Connect.
type SSO struct {
	Issuer       string `koanf:"issuer" default:"" doc:"provider of identities for single sign-on with OpenID Connect, https://HOST/…, as its description names itself; empty: none. It has to allow BASE_URL/signin/sso/callback"`
	ClientID     string `koanf:"client_id" default:"" doc:"what the provider calls this server"`
	ClientSecret string `koanf:"client_secret" default:"" secret:"true" doc:"the secret that goes with it"`
	Name         string `koanf:"name" default:"" doc:"name of the provider on the sign-in button"`
	Scopes       string `koanf:"scopes" default:"openid email profile" doc:"what is asked of the provider, with spaces between; some want one more to tell groups"`
	GroupsClaim  string `koanf:"groups_claim" default:"groups" doc:"member of the ID token or of userinfo that lists a person's groups; dots go deeper, as in realm_access.roles"`
	Domains      string `koanf:"domains" default:"" doc:"domains of e-mail addresses whose people may sign in through the provider, with commas between; empty: all"`
	Create       bool   `koanf:"create" default:"false" doc:"everybody of the provider may become a member; without it, who was invited or is in a group that an organization maps"`
	Organization string `koanf:"organization" default:"" doc:"organization that they become members of, its id or name; empty is the first"`
}

// Sandbox is where Code Interpreter runs code.
type Sandbox struct {
	Kind          string          `koanf:"kind" default:"auto" doc:"auto is gVisor, or no Code Interpreter where it cannot run; gvisor; bubblewrap is for users who are trusted: their code runs on this machine's own kernel; off"`
	Runsc         string          `koanf:"runsc" default:"" doc:"the program parley-runsc; empty: beside parley, in the cache's bin, or on PATH"`
	Pool          int             `koanf:"pool" default:"1" doc:"sandboxes kept ready once somebody uses Code Interpreter, about 150 MB each; 0 is none: the first code of a thread waits a few seconds"`
	Most          int             `koanf:"most" default:"20" doc:"sandboxes at once, those kept ready included"`
	Idle          time.Duration   `koanf:"idle" default:"30m" doc:"a session ends when it was not used for so long; the next code begins a new one with the same files"`
	CPUs          float64         `koanf:"cpus" default:"1" doc:"processors that one session may keep busy"`
	Memory        Size            `koanf:"memory" default:"1GiB" doc:"memory of one session's code"`
	Disk          Size            `koanf:"disk" default:"512MiB" doc:"files of one session; they lie in memory"`
	PIDs          int             `koanf:"pids" default:"64" doc:"processes and threads of one session"`
	Time          time.Duration   `koanf:"time" default:"120s" doc:"longest time of one run of code"`
	Output        Size            `koanf:"output" default:"1MiB" doc:"longest output of one run of code"`
	Organizations []SandboxLimits `koanf:"organizations" default:"[]" doc:"other limits for single organizations: organization (its id), cpus, memory, disk, pids, time, output; what is left out is as for all"`
}

// SandboxLimits are an organization's own; what is 0 is as for all.
type SandboxLimits struct {
	Organization string        `koanf:"organization" json:"organization"`
	CPUs         float64       `koanf:"cpus" json:"cpus,omitempty"`
	Memory       Size          `koanf:"memory" json:"memory,omitempty"`
	Disk         Size          `koanf:"disk" json:"disk,omitempty"`
	PIDs         int           `koanf:"pids" json:"pids,omitempty"`
	Time         time.Duration `koanf:"time" json:"time,omitempty"`
	Output       Size          `koanf:"output" json:"output,omitempty"`
}

// Engine says how models are run on this machine.
type Engine struct {
	Library        string        `koanf:"library" default:"" doc:"directory of llama.cpp's libraries; empty is what parley pull fetched"`
	LibraryVersion string        `koanf:"library_version" default:"" doc:"version of the libraries to use; empty is the newest that this program knows"`
	IdleUnload     time.Duration `koanf:"idle_unload" default:"15m" doc:"unload a model that nobody used for so long; 0 is never"`
	HangAfter      time.Duration `koanf:"hang_after" default:"60s" doc:"kill a model's process that has work and makes no progress for so long, and 20 s more per GB of its file, five times as long while it uses the CPU; 0 is never"`
	MemoryBudget   Size          `koanf:"memory_budget" default:"0" doc:"memory for all loaded models together; 0 is three quarters of the machine's"`
	Threads        int           `koanf:"threads" default:"0" doc:"threads of one model; 0 is the number of physical cores"`
	Slots          int           `koanf:"slots" default:"0" doc:"sequences that a model works on at once; 0 is 16"`
	Cells          int           `koanf:"cells" default:"0" doc:"tokens that all sequences of a model may hold together; 0 is chosen from the window and the memory"`
	PrefixMemory   Size          `koanf:"prefix_memory" default:"0" doc:"memory of a model for beginnings of prompts that nobody uses now; 0 is a third of what its cells take, 1B is none"`
	Context        int           `koanf:"context" default:"0" doc:"tokens of one sequence, prompt and answer together; 0 is the model's own"`
}

// Defaults name the models behind the original's names.
type Defaults struct {
	Chat       string `koanf:"chat" default:"" doc:"model behind gpt-3.5-turbo, gpt-4 and their kin; empty is the best that was pulled"`
	Completion string `koanf:"completion" default:"" doc:"model behind text-davinci-003 and its kin; empty is the best that was pulled"`
	Embedding  string `koanf:"embedding" default:"" doc:"model behind text-embedding-ada-002; empty is the best that was pulled"`
}

// Remote is an OpenAI-compatible server.
type Remote struct {
	Name   string   `koanf:"name"`    // prefix of its models, and its name in logs
	URL    string   `koanf:"url"`     // base, usually ending in /v1
	APIKey string   `koanf:"api_key"` // empty sends none
	Models []string `koanf:"models"`  // names to offer; empty offers all it lists
}

// Setting is one setting with its origin, for `parley config`.
type Setting struct {
	Key    string `json:"key"`      // "limits.max_body"
	Value  string `json:"value"`    // as it would be written in a file; passwords are masked
	Source string `json:"source"`   // "default", "file PATH", "env PARLEY_…", "flag --…"
	Env    string `json:"variable"` // its variable
	Doc    string `json:"meaning"`
}

// Settings returns all settings in the order of Config. Keys and passwords in them are masked.
func (c *Config) Settings() []Setting { return c.settings }
