package backup

import (
	"time"

	"github.com/parley-ai/parley/internal/store/dump"
)

// format is the number of the file's form; readers refuse others.
const format = 1

// Header is the first entry.
type Header struct {
	Format     int          `json:"format"`
	Parley     string       `json:"parley"` // version of the program that wrote it
	CreatedAt  time.Time    `json:"created_at"`
	Database   string       `json:"database"`   // sqlite or postgres
	Instance   string       `json:"instance"`   // the installation's id
	Migrations []int64      `json:"migrations"` // the numbers of those that made the tables
	Tables     []dump.Table `json:"tables"`
	Files      bool         `json:"files"` // whether files of the home are in it
}

// Manifest is the last entry.
type Manifest struct {
	Rows    map[string]int64 `json:"rows"` // by table
	Jobs    int64            `json:"jobs"` // due or to come
	Sealed  bool             `json:"sealed"`
	Key     bool             `json:"key"` // the key that opens what is sealed is among the files
	Entries []Entry          `json:"entries"`
}

// Entry is one of the file's, in the order in which they come.
type Entry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Total is how many rows all tables have.
func (m Manifest) Total() (n int64) {
	for _, rows := range m.Rows {
		n += rows
	}
	return n
}

// Left are the tables that are not carried, each with the reason.
var Left = map[string]string{
	"servers": "leases of the processes that ran; they end with these",
}

const (
	headerName   = "header.json"
	manifestName = "manifest.json"
	tablesDir    = "tables/"
	jobsDir      = "jobs/"
	homeDir      = "home/"
)
