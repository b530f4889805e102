package object

// Maybe is a text to be set, or with a nil Text removed; when it is not Given, what there is stays.
type Maybe struct {
	Given bool
	Text  *string
}

// AssistantChange is what an assistant is made of, or what of one changes: what is nil or empty stays.
type AssistantChange struct {
	Model           string
	Name            Maybe
	Description     Maybe
	Instructions    Maybe
	Tools           []Tool
	Files           []string // as v1 names them: all files, for the tools that the assistant has
	Resources       ResourcesChange
	Metadata        Metadata
	Temperature     *float64
	TopP            *float64
	FormatGiven     bool
	ResponseFormat  *ResponseFormat // nil is auto
	ReasoningEffort string
}

// ResourcesChange is what tools may reach from now on: what is nil stays.
type ResourcesChange struct {
	CodeFiles    []string
	VectorStores []string   // at most one
	NewStores    []NewStore // at most one, instead of VectorStores
}

// NewStore is a vector store to be made.
type NewStore struct {
	Files    []string
	Tokens   int // of a chunk; 0 is the default
	Overlap  int
	Metadata Metadata
}

// NewThread is a thread to be made.
type NewThread struct {
	Messages  []*Message // role, content, attachments, metadata
	Resources ResourcesChange
	Metadata  Metadata
}

// ThreadChange is what of a thread changes: what is nil stays.
type ThreadChange struct {
	Resources ResourcesChange
	Metadata  Metadata
}
